#include "panic.h"

#include <avr/pgmspace.h>
#include <util/crc16.h>

#include "board.h"
#include "firmata.h"
#include "handover.h"
#include "keep.h"
#include "lamp.h"
#include "latch.h"
#include "loops.h"
#include "serial.h"
#include "supply.h"
#include "update.h"

enum { HELLO = 0x01, PRESS = 0x02, HEARTBEAT = 0x03, LOOP = 0x04, SUPPLY = 0x05, UPDATE_STATE = 0x0F };
enum { QUERY = 0x40, CONFIRM = 0x41, SHOW = 0x42, CALIBRATE = 0x43, UPDATE = 0x4F };
/* Answers to CALIBRATE. */
enum calibration { CALIBRATION_ASKED, CALIBRATION_DONE, CALIBRATION_REFUSED };

#define REPEAT_MS 250
#define HEARTBEAT_MS 1000
#define HEARTBEAT_WAITS_MS 50
#define HOST_LOST_MS 5000
#define AGE_UNKNOWN 0xFFFFFFFFUL
#define PAYLOAD_MAX 24
/* "flsh": the host means it. */
#define UPDATE_CONSENT 0x68736C66UL
#define SHOW_QUIET 0x01
#define SHOW_DRILL 0x02
#define SHOW_TEST 0x04
/* Of the heartbeat. */
#define SUPPLY_CALIBRATED 0x01
#define LAMP_MEASURED 0x02

static uint32_t heartbeat_at, round_at, host_at;
/* The press told last in this round; a new one has a higher number, and is told at once. */
static uint32_t told;
static bool hello_due, host_heard;
/* What the host wants shown; no-host until it has said so, and when it has been gone for five seconds. */
static enum pattern wanted;
static bool wanted_quiet, wanted_drill;
/* Loops with a press after whose confirmation the host has shown nothing yet, also if it has gone since. */
static uint8_t unanswered;
/* The host shows an emergency, or did so last. */
static bool emergency;
/* Loops whose change is to be told, and the press whose contact has opened with it. */
static uint8_t loop_due;
static struct release {
    uint32_t number; /* 0: none */
    uint32_t held_ms;
} released[LOOPS];
/* An answer is due when the EEPROM holds what it is about. */
static bool supply_due;
static enum calibration calibration;

struct message {
    uint8_t type;
    uint8_t length;
    uint8_t payload[PAYLOAD_MAX];
};

static uint16_t crc_of(const struct message *m) {
    uint16_t crc = 0xFFFF;
    crc = _crc_ccitt_update(crc, m->type);
    crc = _crc_ccitt_update(crc, m->length);
    for (uint8_t i = 0; i < m->length; i++) crc = _crc_ccitt_update(crc, m->payload[i]);
    return crc;
}

static void put8(struct message *m, uint8_t value) { m->payload[m->length++] = value; }

static void put16(struct message *m, uint16_t value) {
    put8(m, value);
    put8(m, value >> 8);
}

static void put32(struct message *m, uint32_t value) {
    put16(m, value);
    put16(m, value >> 16);
}

static uint32_t get32(const struct message *m, uint8_t at) {
    uint32_t value = 0;
    for (uint8_t i = 4; i-- > 0;) value = value << 8 | m->payload[at + i];
    return value;
}

/* Firmata carries seven bits a byte: each of ours goes as two, the lower bits first. */
static void write_byte(uint8_t byte) {
    serial_write(byte & 0x7F);
    serial_write(byte >> 7);
}

static bool send(const struct message *m) {
    if (firmata_busy() || !serial_room(9 + 2 * m->length)) return false;
    uint16_t crc = crc_of(m);
    serial_write(0xF0);
    serial_write(PANIC_SYSEX);
    serial_write(m->type);
    serial_write(m->length);
    for (uint8_t i = 0; i < m->length; i++) write_byte(m->payload[i]);
    write_byte(crc);
    write_byte(crc >> 8);
    serial_write(0xF7);
    return true;
}

static bool send_hello(void) {
    struct message m = {.type = HELLO};
    put8(&m, PROTOCOL);
    put8(&m, FIRMWARE_MAJOR);
    put8(&m, FIRMWARE_MINOR);
    put32(&m, latch_board_id());
    put32(&m, latch_last_number());
    put8(&m, LOOPS);
    put8(&m, reset_cause);
    put32(&m, now_ms() / 1000);
    return send(&m);
}

static bool send_press(const struct press *p) {
    struct message m = {.type = PRESS};
    put32(&m, latch_board_id());
    put32(&m, p->number);
    put8(&m, p->loop);
    put8(&m, p->count);
    put32(&m, p->before_reset ? AGE_UNKNOWN : now_ms() - p->latched_ms);
    return send(&m);
}

static bool send_heartbeat(void) {
    struct message m = {.type = HEARTBEAT};
    put32(&m, latch_board_id());
    put32(&m, now_ms() / 1000);
    for (uint8_t i = 0; i < LOOPS; i++) put8(&m, loops_state(i));
    put16(&m, supply_mv());
    put8(&m, reset_cause);
    put8(&m, latch_pending());
    put8(&m, lamp_pattern());
    for (uint8_t i = 0; i < LOOPS; i++) put8(&m, loops_level(i));
    put8(&m, (supply_is_calibrated() ? SUPPLY_CALIBRATED : 0) | (lamp_is_measured() ? LAMP_MEASURED : 0));
    put8(&m, lamp_current());
    return send(&m);
}

/* The state of this loop has changed. */
static void note_change(uint8_t loop) {
    enum loop_state state = loops_state(loop);
    loop_due |= 1 << loop;
    if (state == LOOP_PRESSED || state == LOOP_STUCK) return;
    uint32_t held_ms;
    uint32_t number = latch_release(loop, &held_ms);
    if (number != 0) released[loop] = (struct release){number, held_ms};
}

static bool send_loop(uint8_t loop) {
    struct message m = {.type = LOOP};
    put8(&m, loop);
    put8(&m, loops_state(loop));
    put8(&m, loops_level(loop));
    if (released[loop].number != 0) {
        put32(&m, released[loop].number);
        put32(&m, released[loop].held_ms);
    }
    if (!send(&m)) return false;
    released[loop].number = 0;
    return true;
}

static bool send_supply(void) {
    struct message m = {.type = SUPPLY};
    put32(&m, latch_board_id());
    put8(&m, calibration);
    put8(&m, supply_is_calibrated());
    put16(&m, supply_mv());
    put16(&m, supply_reference());
    return send(&m);
}

bool panic_send_update(uint8_t state) {
    struct message m = {.type = UPDATE_STATE};
    put32(&m, latch_board_id());
    put8(&m, state);
    put8(&m, update_loader());
    put16(&m, pgm_read_word(SEAL_AT));
    put32(&m, pgm_read_dword(SEAL_CRC_AT));
    return send(&m);
}

static bool unpack(struct message *m, const uint8_t *bytes, uint8_t length) {
    if (length < 6) return false;
    m->type = bytes[0];
    m->length = bytes[1];
    if (m->length > PAYLOAD_MAX || length != 6 + 2 * m->length) return false;
    bytes += 2;
    for (uint8_t i = 0; i < m->length; i++, bytes += 2) m->payload[i] = bytes[0] | bytes[1] << 7;
    uint16_t crc = (uint8_t)(bytes[0] | bytes[1] << 7) | (uint16_t)(uint8_t)(bytes[2] | bytes[3] << 7) << 8;
    return crc == crc_of(m);
}

static bool shows_a_stage(enum pattern pattern) { return pattern >= LAMP_STORED && pattern <= LAMP_ACCEPTED; }

static void want(enum pattern pattern, bool quiet, bool drill) {
    wanted = pattern;
    wanted_quiet = quiet;
    wanted_drill = drill;
}

/* The host's wish, unless there is a press that the host has not answered. */
static void light(void) {
    bool latched = latch_visible() || (unanswered & ~latch_dark());
    if (latched && !shows_a_stage(wanted)) lamp_show(LAMP_LATCHED, true, false);
    else lamp_show(wanted, wanted_quiet, wanted_drill);
}

bool panic_in_emergency(void) { return emergency || unanswered != 0; }

static void take_update(const struct message *m) {
    if (get32(m, 0) != latch_board_id()) return;
    if (m->length < 8) update_ask();
    else if (get32(m, 4) == UPDATE_CONSENT) update_request();
}

/* Without a supply it is a question. A supply of 0: the calibration is forgotten. */
static void take_calibrate(const struct message *m) {
    if (get32(m, 0) != latch_board_id()) return;
    uint16_t mv = m->length < 6 ? 0 : m->payload[4] | m->payload[5] << 8;
    calibration = m->length < 6 ? CALIBRATION_ASKED : CALIBRATION_DONE;
    if (m->length >= 6 && mv == 0) supply_forget();
    else if (m->length >= 6 && !supply_calibrate(mv)) calibration = CALIBRATION_REFUSED;
    supply_due = true;
}

static void take_show(const struct message *m) {
    want(m->payload[0], m->payload[1] & SHOW_QUIET, m->payload[1] & SHOW_DRILL);
    keep_allow_test(m->payload[1] & SHOW_TEST);
    if (m->length >= 3) latch_save_dark(m->payload[2] & ((1 << LOOPS) - 1));
    if (!latch_visible()) unanswered &= latch_dark();
    if (latch_pending() == 0) unanswered = 0;
    /* One that must not be seen or heard looks like `fault`, `no-link` or `silent`, but the sounder is off. */
    emergency = shows_a_stage(wanted) || wanted == LAMP_SILENT || wanted_quiet || wanted_drill;
}

void panic_message(const uint8_t *bytes, uint8_t length) {
    struct message m;
    if (!unpack(&m, bytes, length)) return;
    host_at = now_ms();
    host_heard = true;
    if (m.type == QUERY) hello_due = true;
    else if (m.type == CONFIRM && m.length >= 4) latch_confirm(get32(&m, 0));
    else if (m.type == SHOW && m.length >= 2 && m.payload[0] < LAMP_PATTERNS) take_show(&m);
    else if (m.type == CALIBRATE && m.length >= 4) take_calibrate(&m);
    else if (m.type == UPDATE && m.length >= 4) take_update(&m);
}

void panic_begin(void) {
    hello_due = true;
    for (const struct press *p = latch_next(0); p; p = latch_next(p->number)) unanswered |= 1 << p->loop;
    want(LAMP_NO_HOST, true, false);
    light();
}

void panic_latch(void) {
    for (uint8_t i = 0; i < LOOPS; i++) {
        if (loops_take_again(i)) latch_again(i);
        if (!loops_take_press(i)) continue;
        latch_press(i, loops_state(i) == LOOP_PRESSED);
        unanswered |= 1 << i;
    }
}

void panic_poll(void) {
    uint32_t now = now_ms();
    latch_keep_loops(loops_kept());

    /* Hello first: it tells the host from which number on a press is a new one. */
    if (hello_due && send_hello()) hello_due = false;
    if (now - round_at >= REPEAT_MS) {
        round_at = now;
        told = 0;
    }
    const struct press *press = latch_next(told);
    if (press && send_press(press)) told = press->number;
    for (uint8_t i = 0; i < LOOPS; i++) {
        if (loops_take_change(i)) note_change(i);
        if ((loop_due & 1 << i) && send_loop(i)) loop_due &= ~(1 << i);
    }
    /* It takes 15 ms on the line. A press that may come meanwhile does not wait behind it. */
    uint32_t beat = now - heartbeat_at;
    bool may_wait = loops_touched() && beat < HEARTBEAT_MS + HEARTBEAT_WAITS_MS;
    if (beat >= HEARTBEAT_MS && !may_wait && send_heartbeat()) heartbeat_at += HEARTBEAT_MS;
    if (supply_due && keep_is_written() && send_supply()) supply_due = false;
    if (host_heard && now - host_at >= HOST_LOST_MS) {
        host_heard = false;
        want(LAMP_NO_HOST, true, false);
    }
    light();
}

#include "latch.h"

#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/crc16.h>

#include "board.h"

/*
 * EEPROM: a ring of slots, the board's id with its CRC, the loops that a reset must not press, the dark
 * loops, two records of the number reached, and a mark for each slot. Address 0 is not used: a brown-out
 * hits it first.
 *
 * A slot is prepared before it is needed, in this order: its state becomes UNFINISHED, its mark is erased to FF, its
 * number is written with a CRC, its state becomes OURS. A press then clears one bit of the mark, that of its loop,
 * which takes 1.8 ms. If the power is cut meanwhile the bit is clear, or set, or weak. A weak bit may read differently
 * at each start, so each start clears it again. A press is pending while exactly one of the low four bits of its mark
 * is clear; confirming it clears the others. A number that is given up without a press clears the high four bits: a
 * power cut during that leaves nothing that reads as a press.
 *
 * A press gets only a number that is in a prepared slot. So no number is given twice: the highest one in
 * the EEPROM is never lower than one that was given. A slot that holds the highest number is prepared
 * anew only after a record of the number reached.
 *
 * Firmware 1.2 and older wrote the press itself into the slot, and `state` last. Such slots are still read.
 * They read ours as confirmed presses, so the numbers continue also after a return to them.
 */
#define RING_AT 16
#define ID_AT ((uint8_t *)160)
#define KEPT_AT ((uint8_t *)168)
#define DARK_AT ((uint8_t *)169)
#define REACHED_AT 176
#define MARKS_AT ((uint8_t *)192)
#define REACHED_COPIES 2
#define SLOTS_KEPT 16
/* So many are prepared: all loops can be pressed at once, and none again within 300 ms. */
#define PREPARED_SLOTS LOOPS
#define NUMBERS_SKIPPED 16
#define OURS 0x50       /* in place of a loop */
#define UNFINISHED 0xEE /* there while the slot is being prepared */
#define CONFIRMED 0x00
#define GIVEN_UP 0x0F
#define ERASED 0xFF

struct slot {
    uint32_t number;
    uint8_t loop;
    uint8_t count;
    uint8_t crc;
    uint8_t state; /* of firmware 1.2; not 0: pending */
};

/* The number reached, for when the slot that holds it is overwritten. */
struct reached {
    uint32_t number;
    uint8_t crc;
};

enum status { FREE, PREPARED, PENDING, PENDING_OLD };

static struct press presses[SLOTS_KEPT]; /* `number` is what the slot holds in EEPROM; 0: nothing */
static enum status status_of[SLOTS_KEPT];
static uint32_t board_id;
static uint32_t last_number; /* given last */
static uint32_t next_number; /* of the next slot that is prepared */
static uint8_t pending, prepared;
/* Loops whose press has not found a prepared slot yet. */
static uint8_t owed;
static uint32_t owed_ms[LOOPS];
/* The press that the contact of each loop is, until it opens; 0: none of its own. */
static uint32_t contact[LOOPS];
/* Loops whose contact has not opened since their press. */
static uint8_t closed_loops;
/* Marks to be written, or written again, by slot; and `state` of the slots of firmware 1.2. */
static uint16_t press_due, renew_due, confirm_due, confirm_old_due;
static uint8_t kept_image, dark_image;
static bool kept_due, dark_due;

/* The slot that is being prepared, and what is written next. */
static struct slot image;
static struct reached record;
static uint8_t preparing = SLOTS_KEPT;
static uint8_t next_slot;
static uint8_t step;
static bool blind; /* the slot was torn: a byte that reads as wanted can be weak */
static uint32_t recorded; /* the higher record of the number reached */

static uint8_t crc8(const uint8_t *bytes, uint8_t length) {
    uint8_t crc = 0x5A; /* not 0: cells of zeros must not look right */
    while (length--) crc = _crc8_ccitt_update(crc, *bytes++);
    return crc;
}

static uint8_t *slot_at(uint8_t index) { return (uint8_t *)(uintptr_t)(RING_AT + index * sizeof(struct slot)); }

static uint8_t *reached_at(uint8_t copy) {
    return (uint8_t *)(uintptr_t)(REACHED_AT + copy * sizeof(struct reached));
}

/* Starts one half of a write, erasing or programming, which takes 1.8 ms instead of 3.4. */
static void start_half(uint8_t *at, uint8_t value, uint8_t mode) {
    EEAR = (uint16_t)(uintptr_t)at;
    EEDR = value;
    uint8_t flags = SREG;
    cli();
    EECR = mode | _BV(EEMPE);
    EECR |= _BV(EEPE);
    SREG = flags;
}
static void erase(uint8_t *at) { start_half(at, ERASED, _BV(EEPM0)); }
static void clear_bits(uint8_t *at, uint8_t value) { start_half(at, value, _BV(EEPM1)); }

/* 0: this copy is torn, or was never written. */
static uint32_t read_reached(uint8_t copy) {
    struct reached kept;
    eeprom_read_block(&kept, reached_at(copy), sizeof kept);
    return kept.crc == crc8((uint8_t *)&kept.number, sizeof kept.number) ? kept.number : 0;
}

/* Whether the board had an id: if not, it has never been in use. */
static bool begin_id(uint32_t noise) {
    struct {
        uint32_t id;
        uint8_t crc;
    } kept;
    eeprom_read_block(&kept, ID_AT, sizeof kept);
    bool known = kept.crc == crc8((uint8_t *)&kept.id, sizeof kept.id);
    if (!known) {
        kept.id = noise;
        kept.crc = crc8((uint8_t *)&kept.id, sizeof kept.id);
        eeprom_update_block(&kept, ID_AT, sizeof kept);
    }
    board_id = kept.id;
    return known;
}

static uint8_t read_mask(const uint8_t *at) {
    uint8_t mask = eeprom_read_byte(at);
    return mask == ERASED ? 0 : mask;
}

static uint8_t mark_of(uint8_t loop) { return ~(1 << loop); }

static void begin_slot(uint8_t index) {
    struct slot s;
    eeprom_read_block(&s, slot_at(index), sizeof s);
    if (s.crc != crc8((uint8_t *)&s, 6) || s.number == 0 || s.loop == UNFINISHED) return;
    struct press *p = &presses[index];
    *p = (struct press){s.number, s.loop, s.count, 0, true};
    if (s.number > last_number) {
        last_number = s.number;
        next_slot = (index + 1) % SLOTS_KEPT;
    }
    if (s.loop == OURS) {
        uint8_t mark = eeprom_read_byte(MARKS_AT + index);
        p->count = 1;
        for (p->loop = 0; p->loop < LOOPS && mark != mark_of(p->loop);) p->loop++;
        if (p->loop < LOOPS) {
            status_of[index] = PENDING;
            /* A power cut may have left its bit half clear, and then it reads differently at the next start. */
            renew_due |= 1 << index;
        }
        /* Its number may have been sent by a press that was not written any more: never again. */
        else if (mark == ERASED) confirm_due |= 1 << index;
    } else if (s.state != CONFIRMED) {
        status_of[index] = PENDING_OLD;
    }
    if (status_of[index] != FREE) pending++;
}

void latch_begin(uint32_t noise) {
    bool used = begin_id(noise);
    kept_image = read_mask(KEPT_AT);
    dark_image = read_mask(DARK_AT);
    for (uint8_t i = 0; i < SLOTS_KEPT; i++) begin_slot(i);
    for (uint8_t copy = 0; copy < REACHED_COPIES; copy++) {
        uint32_t reached = read_reached(copy);
        if (reached > recorded) recorded = reached;
    }
    if (recorded > last_number) last_number = recorded;
    /* Firmware 1.2 gave numbers before it wrote them. */
    if (used) last_number += NUMBERS_SKIPPED;
    next_number = last_number + 1;
}

uint32_t latch_board_id(void) { return board_id; }
uint32_t latch_last_number(void) { return last_number; }
uint8_t latch_kept_loops(void) { return kept_image; }

void latch_keep_loops(uint8_t kept) {
    if (kept == kept_image) return;
    kept_image = kept;
    kept_due = true;
}

uint8_t latch_dark(void) { return dark_image; }

void latch_save_dark(uint8_t mask) {
    if (mask == dark_image) return;
    dark_image = mask;
    dark_due = true;
}

static bool is_pending(uint8_t slot) { return status_of[slot] >= PENDING; }

bool latch_visible(void) {
    if (owed & ~dark_image) return true;
    for (uint8_t i = 0; pending > 0 && i < SLOTS_KEPT; i++) {
        if (is_pending(i) && !(dark_image & (1 << presses[i].loop))) return true;
    }
    return false;
}

const struct press *latch_next(uint32_t after) {
    const struct press *found = 0;
    for (uint8_t i = 0; pending > 0 && i < SLOTS_KEPT; i++) {
        if (!is_pending(i) || presses[i].number <= after) continue;
        if (!found || presses[i].number < found->number) found = &presses[i];
    }
    return found;
}

uint8_t latch_pending(void) { return pending + (owed != 0); }

/* The prepared slot with the lowest number, so that numbers are given in order; or SLOTS_KEPT. */
static uint8_t prepared_slot(void) {
    uint8_t found = SLOTS_KEPT;
    for (uint8_t i = 0; i < SLOTS_KEPT; i++) {
        if (status_of[i] != PREPARED) continue;
        if (found == SLOTS_KEPT || presses[i].number < presses[found].number) found = i;
    }
    return found;
}

/* The newest pending press, of this loop or of any. */
static struct press *newest(uint8_t loop, bool any) {
    struct press *found = 0;
    for (uint8_t i = 0; i < SLOTS_KEPT; i++) {
        if (!is_pending(i) || (!any && presses[i].loop != loop)) continue;
        if (!found || presses[i].number > found->number) found = &presses[i];
    }
    return found;
}

static void count(struct press *p) {
    if (p && p->count < 255) p->count++;
}

/* Gives each press that is owed its slot; the others wait until one is prepared. */
static void settle(void) {
    for (uint8_t loop = 0; owed != 0 && loop < LOOPS; loop++) {
        if (!(owed & (1 << loop))) continue;
        uint8_t slot = prepared_slot();
        if (slot == SLOTS_KEPT && pending < SLOTS_KEPT) return;
        owed &= ~(1 << loop);
        if (slot == SLOTS_KEPT) {
            /* Sixteen presses wait already: the newest of them counts this one. */
            count(newest(loop, true));
            continue;
        }
        last_number = presses[slot].number;
        if (closed_loops & (1 << loop)) contact[loop] = last_number;
        presses[slot] = (struct press){last_number, loop, 1, owed_ms[loop], false};
        status_of[slot] = PENDING;
        prepared--;
        press_due |= 1 << slot;
        pending++;
    }
}

void latch_press(uint8_t loop, bool closed) {
    owed |= 1 << loop;
    owed_ms[loop] = now_ms();
    contact[loop] = 0;
    if (closed) closed_loops |= 1 << loop;
    else closed_loops &= ~(1 << loop);
    settle();
}

void latch_again(uint8_t loop) {
    contact[loop] = 0;
    closed_loops &= ~(1 << loop);
    count(newest(loop, false));
}

uint32_t latch_release(uint8_t loop, uint32_t *held_ms) {
    uint32_t number = contact[loop];
    contact[loop] = 0;
    closed_loops &= ~(1 << loop);
    *held_ms = now_ms() - owed_ms[loop];
    return number;
}

void latch_confirm(uint32_t number) {
    for (uint8_t i = 0; i < SLOTS_KEPT; i++) {
        if (!is_pending(i) || presses[i].number != number) continue;
        pending--;
        press_due &= ~(1 << i);
        renew_due &= ~(1 << i);
        if (status_of[i] == PENDING_OLD) confirm_old_due |= 1 << i;
        else confirm_due |= 1 << i;
        status_of[i] = FREE;
    }
}

/* Steps of preparing a slot: the record, if it is needed, then the slot. */
#define RECORD_BYTES sizeof(struct reached)
enum {
    BREAK = RECORD_BYTES, SET_STATE, ERASE_MARK, SET_NUMBER, SET_COUNT = SET_NUMBER + 4, SET_CRC, FINISH, FINISHED,
};

static bool holds_highest(uint8_t slot) {
    for (uint8_t i = 0; i < SLOTS_KEPT; i++) {
        if (presses[i].number > presses[slot].number) return false;
    }
    return presses[slot].number > recorded;
}

/* Whether a slot should be prepared, and there is one. */
static bool begin_preparing(void) {
    if (prepared >= PREPARED_SLOTS || prepared + pending == SLOTS_KEPT) return false;
    while (status_of[next_slot] != FREE) next_slot = (next_slot + 1) % SLOTS_KEPT;
    preparing = next_slot;
    next_slot = (next_slot + 1) % SLOTS_KEPT;
    confirm_due &= ~(1 << preparing);
    confirm_old_due &= ~(1 << preparing);
    image = (struct slot){next_number, OURS, 0, 0, CONFIRMED};
    image.crc = crc8((uint8_t *)&image, 6);
    blind = presses[preparing].number == 0;
    step = BREAK;
    if (holds_highest(preparing)) {
        record.number = presses[preparing].number;
        record.crc = crc8((uint8_t *)&record.number, sizeof record.number);
        step = 0;
    }
    return true;
}

/* Starts to write a byte, unless it is there already. */
static bool put(uint8_t *at, uint8_t value) {
    if (!blind && eeprom_read_byte(at) == value) return false;
    eeprom_write_byte(at, value);
    return true;
}

/* Starts the write of this step, if one is needed. */
static bool perform(uint8_t now) {
    uint8_t *slot = slot_at(preparing);
    if (now < BREAK) {
        /* Replaces the lower copy: a write that is cut short leaves the higher one. */
        static uint8_t *at;
        if (now == 0) at = reached_at(read_reached(0) > read_reached(1) ? 1 : 0);
        eeprom_write_byte(at + now, ((uint8_t *)&record)[now]);
        return true;
    }
    if (now == BREAK) {
        if (record.number > recorded) recorded = record.number;
        presses[preparing].number = 0;
        return put(slot + 4, UNFINISHED);
    }
    if (now == SET_STATE) return put(slot + 7, CONFIRMED);
    if (now == ERASE_MARK) {
        erase(MARKS_AT + preparing);
        return true;
    }
    if (now < SET_COUNT) return put(slot + now - SET_NUMBER, ((uint8_t *)&image)[now - SET_NUMBER]);
    if (now == SET_COUNT) return put(slot + 5, image.count);
    if (now == SET_CRC) return put(slot + 6, image.crc);
    return put(slot + 4, OURS);
}

static void prepare(void) {
    if (preparing == SLOTS_KEPT && !begin_preparing()) return;
    while (step < FINISHED) {
        if (perform(step++)) return;
    }
    /* The last byte is written. */
    presses[preparing].number = next_number++;
    status_of[preparing] = PREPARED;
    prepared++;
    preparing = SLOTS_KEPT;
    settle();
}

static uint8_t lowest(uint16_t bits) {
    uint8_t bit = 0;
    while (!(bits & 1 << bit)) bit++;
    return bit;
}

/* Takes the lowest slot out of those that are due. */
static uint8_t take(uint16_t *due) {
    uint8_t slot = lowest(*due);
    *due &= ~(1 << slot);
    return slot;
}

static void write_next(void) {
    if (press_due || renew_due) {
        uint8_t slot = take(press_due ? &press_due : &renew_due);
        clear_bits(MARKS_AT + slot, mark_of(presses[slot].loop));
    } else if (confirm_due) {
        uint8_t *mark = MARKS_AT + take(&confirm_due);
        clear_bits(mark, eeprom_read_byte(mark) == ERASED ? GIVEN_UP : CONFIRMED);
    } else if (confirm_old_due) {
        eeprom_write_byte(slot_at(take(&confirm_old_due)) + 7, CONFIRMED);
    } else if (kept_due) {
        kept_due = false;
        eeprom_update_byte(KEPT_AT, kept_image);
    } else if (dark_due) {
        dark_due = false;
        eeprom_update_byte(DARK_AT, dark_image);
    }
}

void latch_poll(void) {
    if (!eeprom_is_ready()) return;
    /* A slot for the next press comes before everything but a press. */
    if (!press_due && prepared == 0) prepare();
    if (eeprom_is_ready()) write_next();
    if (eeprom_is_ready()) prepare();
}

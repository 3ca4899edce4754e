#include "latch.h"

#include <avr/eeprom.h>
#include <util/crc16.h>

#include "board.h"

/*
 * EEPROM: a ring of slots, the board's id with its CRC, the loops that a reset must not press, the dark loops, and two
 * records of the number reached. Address 0 is not used: a brown-out hits it first. A CRC covers the
 * number, loop and count of a slot. `state` is outside it, so confirming writes one byte and cannot
 * tear. A press is sent before it is written. So each start skips 16 numbers and writes the number
 * reached before the first press: a number that was sent but not written is never given again.
 */
#define RING_AT 16
#define ID_AT ((uint8_t *)160)
#define KEPT_AT ((uint8_t *)168)
#define DARK_AT ((uint8_t *)169)
#define REACHED_AT 176
#define REACHED_COPIES 2
#define SLOTS_KEPT 16
#define NUMBERS_SKIPPED 16
#define PENDING 0xFF /* as an erased cell */
#define CONFIRMED 0x00

struct slot {
    uint32_t number;
    uint8_t loop;
    uint8_t count;
    uint8_t crc;
    uint8_t state;
};

static struct press queue[SLOTS_KEPT]; /* by slot; number 0: free */
static struct slot image[SLOTS_KEPT];  /* what the EEPROM should hold */
static uint8_t kept_image, dark_image;
static uint32_t board_id;
static uint32_t last_number;
static uint8_t next_slot;
/* Bytes of `image` still to be written, by slot: bit 7 is `state`, written last. */
static uint8_t unwritten[SLOTS_KEPT];
static bool kept_unwritten, dark_unwritten, slots_unwritten;
static uint8_t pending;

static uint8_t crc8(const uint8_t *bytes, uint8_t length) {
    uint8_t crc = 0x5A; /* not 0: cells of zeros must not look right */
    while (length--) crc = _crc8_ccitt_update(crc, *bytes++);
    return crc;
}

static uint8_t *slot_at(uint8_t index) { return (uint8_t *)(uintptr_t)(RING_AT + index * sizeof(struct slot)); }

/* The number reached, for a start at which all sixteen slots hold presses. */
struct reached {
    uint32_t number;
    uint8_t crc;
};

static struct reached *reached_at(uint8_t copy) {
    return (struct reached *)(uintptr_t)(REACHED_AT + copy * sizeof(struct reached));
}

/* 0: this copy is torn, or was never written. */
static uint32_t read_reached(uint8_t copy) {
    struct reached kept;
    eeprom_read_block(&kept, reached_at(copy), sizeof kept);
    return kept.crc == crc8((uint8_t *)&kept.number, sizeof kept.number) ? kept.number : 0;
}

/* Replaces the lower copy, so that a write that is cut short leaves the higher one. */
static void write_reached(void) {
    struct reached kept = {.number = last_number};
    kept.crc = crc8((uint8_t *)&kept.number, sizeof kept.number);
    eeprom_update_block(&kept, reached_at(read_reached(0) > read_reached(1) ? 1 : 0), sizeof kept);
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

/*
 * Writes the number reached and waits until it is written: into a slot that holds no press, which
 * spreads the wear, else beside the ring.
 */
static void keep_number(void) {
    for (uint8_t tried = 0; tried < SLOTS_KEPT; tried++) {
        uint8_t slot = next_slot;
        next_slot = (slot + 1) % SLOTS_KEPT;
        if (queue[slot].number != 0) continue;
        image[slot] = (struct slot){last_number, 0, 0, 0, CONFIRMED};
        image[slot].crc = crc8((uint8_t *)&image[slot], 6);
        /* Not a press at any moment of the writing: that it is none stands there first. */
        eeprom_update_byte(slot_at(slot) + 7, CONFIRMED);
        eeprom_update_block(&image[slot], slot_at(slot), 7);
        return;
    }
    write_reached();
}

void latch_begin(uint32_t noise) {
    bool used = begin_id(noise);
    kept_image = eeprom_read_byte(KEPT_AT);
    if (kept_image == 0xFF) kept_image = 0;
    dark_image = eeprom_read_byte(DARK_AT);
    if (dark_image == 0xFF) dark_image = 0;
    eeprom_read_block(image, (void *)RING_AT, sizeof image);
    for (uint8_t i = 0; i < SLOTS_KEPT; i++) {
        struct slot *s = &image[i];
        if (s->crc != crc8((uint8_t *)s, 6) || s->number == 0) continue;
        if (s->number > last_number) {
            last_number = s->number;
            next_slot = (i + 1) % SLOTS_KEPT;
        }
        if (s->state != CONFIRMED) {
            queue[i] = (struct press){s->number, s->loop, s->count, 0, true};
            pending++;
        }
    }
    for (uint8_t copy = 0; copy < REACHED_COPIES; copy++) {
        uint32_t reached = read_reached(copy);
        if (reached > last_number) last_number = reached;
    }
    if (used) last_number += NUMBERS_SKIPPED;
    keep_number();
}

uint32_t latch_board_id(void) { return board_id; }
uint32_t latch_last_number(void) { return last_number; }
uint8_t latch_kept_loops(void) { return kept_image; }

void latch_keep_loops(uint8_t mask) {
    if (mask == kept_image) return;
    kept_image = mask;
    kept_unwritten = true;
}

uint8_t latch_dark(void) { return dark_image; }

void latch_save_dark(uint8_t mask) {
    if (mask == dark_image) return;
    dark_image = mask;
    dark_unwritten = true;
}

bool latch_visible(void) {
    for (uint8_t i = 0; pending > 0 && i < SLOTS_KEPT; i++) {
        if (queue[i].number != 0 && !(dark_image & (1 << queue[i].loop))) return true;
    }
    return false;
}

const struct press *latch_next(uint32_t after) {
    const struct press *found = 0;
    for (uint8_t i = 0; pending > 0 && i < SLOTS_KEPT; i++) {
        if (queue[i].number > after && (!found || queue[i].number < found->number)) found = &queue[i];
    }
    return found;
}

uint8_t latch_pending(void) { return pending; }

void latch_press(uint8_t loop) {
    uint8_t slot = next_slot;
    struct press *newest = &queue[slot];
    /* They are confirmed in any order: the next slot may be taken while others are free. */
    for (uint8_t tried = 0; tried < SLOTS_KEPT && queue[slot].number != 0; tried++) {
        if (queue[slot].number > newest->number) newest = &queue[slot];
        slot = (slot + 1) % SLOTS_KEPT;
    }
    if (queue[slot].number != 0) {
        /* Sixteen presses wait already: the newest of them counts this one. */
        if (newest->count < 255) newest->count++;
        return;
    }
    next_slot = (slot + 1) % SLOTS_KEPT;
    last_number++;
    pending++;
    queue[slot] = (struct press){last_number, loop, 1, now_ms(), false};
    image[slot] = (struct slot){last_number, loop, 1, 0, PENDING};
    image[slot].crc = crc8((uint8_t *)&image[slot], 6);
    unwritten[slot] = 0xFF;
    slots_unwritten = true;
}

void latch_again(uint8_t loop) {
    struct press *newest = 0;
    for (uint8_t i = 0; i < SLOTS_KEPT; i++) {
        struct press *p = &queue[i];
        if (p->number != 0 && p->loop == loop && (!newest || p->number > newest->number)) newest = p;
    }
    if (newest && newest->count < 255) newest->count++;
}

void latch_confirm(uint32_t number) {
    for (uint8_t i = 0; i < SLOTS_KEPT; i++) {
        if (queue[i].number != number || number == 0) continue;
        queue[i].number = 0;
        pending--;
        image[i].state = CONFIRMED;
        unwritten[i] |= 0x80;
        slots_unwritten = true;
    }
}

void latch_poll(void) {
    if ((!slots_unwritten && !kept_unwritten && !dark_unwritten) || !eeprom_is_ready()) return;
    for (uint8_t i = 0; slots_unwritten && i < SLOTS_KEPT; i++) {
        uint8_t left = unwritten[i];
        if (left == 0) continue;
        uint8_t byte = 0;
        while (!(left & (1 << byte))) byte++;
        unwritten[i] = left & ~(1 << byte);
        eeprom_update_byte(slot_at(i) + byte, ((uint8_t *)&image[i])[byte]);
        return;
    }
    slots_unwritten = false;
    if (kept_unwritten) {
        kept_unwritten = false;
        eeprom_update_byte(KEPT_AT, kept_image);
    } else if (dark_unwritten) {
        dark_unwritten = false;
        eeprom_update_byte(DARK_AT, dark_image);
    }
}

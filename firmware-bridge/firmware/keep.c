#include "keep.h"

#include <avr/eeprom.h>
#include <util/crc16.h>

/* Behind the latch's marks. Firmware 1.3 and older leave these bytes alone. */
#define REFERENCE_AT 208
#define TEST_AT 212
/* Any other value, that of an erased or a torn cell as well, means no test. */
#define TEST_ALLOWED 0x5A
#define TEST_FORBIDDEN 0x00

struct reference {
    uint16_t tenths_mv;
    uint16_t crc;
};

static struct kept {
    struct reference reference;
    uint8_t test;
} kept;
/* The byte of `kept` that is written next. */
static uint8_t next = sizeof kept;

static uint16_t crc_of(uint16_t value) {
    return _crc_ccitt_update(_crc_ccitt_update(0xFFFF, value & 0xFF), value >> 8);
}

static void read(void) { eeprom_read_block(&kept, (void *)REFERENCE_AT, sizeof kept); }

void keep_begin(void) { read(); }

/* A write that a power cut has torn fails the CRC: the board is not calibrated then. */
uint16_t keep_reference(void) {
    return kept.reference.crc == crc_of(kept.reference.tenths_mv) ? kept.reference.tenths_mv : 0;
}

void keep_set_reference(uint16_t tenths_mv) {
    kept.reference = (struct reference){tenths_mv, crc_of(tenths_mv)};
    next = 0;
}

bool keep_test_allowed(void) { return kept.test == TEST_ALLOWED; }

void keep_allow_test(bool allowed) {
    uint8_t test = allowed ? TEST_ALLOWED : TEST_FORBIDDEN;
    if (test == kept.test) return;
    kept.test = test;
    next = 0;
}

bool keep_is_written(void) { return next == sizeof kept; }

void keep_poll(void) {
    while (next < sizeof kept && eeprom_is_ready()) {
        uint8_t at = next++;
        eeprom_update_byte((uint8_t *)REFERENCE_AT + at, ((uint8_t *)&kept)[at]);
    }
}

#include "lamp.h"

#include <avr/io.h>
#include <avr/pgmspace.h>
#include <string.h>

#include "board.h"

/* A bit is 100 ms, the lowest first; a pattern repeats after 3.2 s. The sounder plays it once. */
#define STEP_MS 100
#define STEPS 32

struct look {
    uint32_t lamp;
    uint32_t sounder;
};

static const struct look looks[LAMP_PATTERNS] PROGMEM = {
    [LAMP_IDLE] = {0x00000001, 0},              /* a blip: the board lives */
    [LAMP_STORED] = {0x00FF00FF, 0x00000001},   /* slow: 0.8 s on, 0.8 s off */
    [LAMP_SENT] = {0x0F0F0F0F, 0x00000005},     /* faster: 0.4 s on, 0.4 s off */
    [LAMP_RECEIVED] = {0x05050505, 0x00000015}, /* two flashes, a pause */
    [LAMP_ACCEPTED] = {0xFFFFFFFF, 0x0000003F}, /* steady */
    [LAMP_FAULT] = {0x55555555, 0x00000333},    /* flicker */
    [LAMP_SILENT] = {0x00000001, 0},            /* looks as idle */
    [LAMP_NO_HOST] = {0x00000015, 0},           /* three flashes, a long pause */
};

static enum pattern shown = LAMP_NO_HOST;
static bool hushed;
static uint32_t step_at;
/* Of the pattern; past STEPS it has been shown once. */
static uint8_t step;
static bool due;

void lamp_begin(void) {
    DDRB |= _BV(LAMP_BIT) | _BV(SOUNDER_BIT);
    due = true;
    GPIOR0 = shown + 1;
}

void lamp_show(enum pattern pattern, bool quiet) {
    if (quiet != hushed) due = true;
    hushed = quiet;
    if (pattern == shown) return;
    shown = pattern;
    step = 0;
    step_at = now_ms();
    due = true;
    /* For a debugger or a simulator: which pattern, without watching the lamp for seconds. */
    GPIOR0 = pattern + 1;
}

enum pattern lamp_pattern(void) { return shown; }

static void drive(uint8_t bit, bool on) {
    if (on) PORTB |= _BV(bit);
    else PORTB &= ~_BV(bit);
}

void lamp_poll(void) {
    if (now_ms() - step_at >= STEP_MS) {
        step_at += STEP_MS;
        if (++step == 2 * STEPS) step = STEPS;
        due = true;
    }
    if (!due) return;
    due = false;
    struct look look;
    memcpy_P(&look, &looks[shown], sizeof look);
    drive(LAMP_BIT, (look.lamp >> (step % STEPS)) & 1);
    drive(SOUNDER_BIT, !hushed && step < STEPS && ((look.sounder >> step) & 1));
}

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

/*
 * After a press each step is brighter than the one before, and 0.8 s of it suffice: a blip (not yet), half the
 * time (sent), nearly all of it (received), steady (help is coming). At rest it is dark for seconds.
 */
static const struct look looks[LAMP_PATTERNS] PROGMEM = {
    [LAMP_IDLE] = {0x00000001, 0},              /* a blip: the board lives */
    [LAMP_STORED] = {0x01010101, 0x00000001},   /* 0.1 s on, 0.7 s off */
    [LAMP_SENT] = {0x0F0F0F0F, 0x00000005},     /* 0.4 s on, 0.4 s off */
    [LAMP_RECEIVED] = {0x7F7F7F7F, 0x00000015}, /* 0.7 s on, 0.1 s off */
    [LAMP_ACCEPTED] = {0xFFFFFFFF, 0x00003FFF}, /* steady, one long tone */
    [LAMP_FAULT] = {0x01550155, 0x00000333},    /* bursts: five flashes in a second */
    [LAMP_SILENT] = {0x00000001, 0},            /* looks as idle */
    [LAMP_NO_HOST] = {0x00000015, 0},           /* three blips, a long pause */
    [LAMP_NO_LINK] = {0x00000005, 0},           /* two blips, a long pause */
    [LAMP_LATCHED] = {0x01010101, 0},           /* as stored: not yet */
    [LAMP_DONE] = {0x0FFF0FFF, 0x0000000F},     /* long: 1.2 s on, 0.4 s off */
    [LAMP_REFUSED] = {0x00000333, 0x00000333},  /* three long flashes, a long pause */
};

/* The first second of a drill, whatever the pattern: long, short, long. */
#define DRILL_LOOK 0x01D7
#define DRILL_STEPS 10

/* For a debugger or a simulator: the pattern and the drill, without watching the lamp for seconds. */
#define REPORT_DRILL 0x80

/* None yet: the first pattern is a change. */
static enum pattern shown = LAMP_PATTERNS;
static bool hushed, drilling;
/* How many steps of DRILL_LOOK have been shown. */
static uint8_t drill_step = DRILL_STEPS;
static uint32_t step_at;
static uint8_t step;
/* Of the sounder, which plays once; STEPS: it has played. */
static uint8_t sound_step;
static bool due;

void lamp_begin(void) {
    DDRB |= _BV(LAMP_BIT) | _BV(SOUNDER_BIT);
}

void lamp_show(enum pattern pattern, bool quiet, bool drill) {
    if (quiet != hushed) due = true;
    /* A loud press in a silent emergency is heard, also if the stage stays the same. */
    if (hushed && !quiet && pattern >= LAMP_STORED && pattern <= LAMP_ACCEPTED) sound_step = 0;
    hushed = quiet;
    if (pattern == shown && drill == drilling) return;
    if (drill != drilling) drill_step = drill ? 0 : DRILL_STEPS;
    drilling = drill;
    GPIOR0 = (pattern + 1) | (drill ? REPORT_DRILL : 0);
    due = true;
    if (pattern == shown) return;
    shown = pattern;
    step = 0;
    sound_step = 0;
    step_at = now_ms();
}

enum pattern lamp_pattern(void) { return shown; }

static void drive(uint8_t bit, bool on) {
    if (on) PORTB |= _BV(bit);
    else PORTB &= ~_BV(bit);
}

void lamp_poll(void) {
    if (now_ms() - step_at >= STEP_MS) {
        step_at += STEP_MS;
        if (++step == STEPS) step = 0;
        if (sound_step < STEPS) sound_step++;
        if (drill_step < DRILL_STEPS) drill_step++;
        due = true;
    }
    if (!due) return;
    due = false;
    struct look look;
    memcpy_P(&look, &looks[shown], sizeof look);
    bool on = drill_step < DRILL_STEPS ? (DRILL_LOOK >> drill_step) & 1 : (look.lamp >> step) & 1;
    drive(LAMP_BIT, on);
    drive(SOUNDER_BIT, !hushed && sound_step < STEPS && ((look.sounder >> sound_step) & 1));
}

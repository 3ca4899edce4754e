#include "lamp.h"

#include <avr/io.h>
#include <avr/pgmspace.h>
#include <string.h>

#include "board.h"

/* A bit is 100 ms, the lowest first; a pattern repeats after 3.2 s. The sounder plays it once. */
#define STEP_MS 100
#define STEPS 32
/* The test at power-up. */
#define TEST_MS 500
#define TICK_MS 40
/* After this time of light a reading of its current is one of a lit lamp. */
#define SETTLED_MS 60

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
/* The test at power-up is on. */
static bool testing;
static uint32_t began_at;
/* The lamp is lit since then. */
static uint32_t lit_at;
static bool lit, measured;
static uint8_t current;
static uint8_t step;
/* Of the sounder, which plays once; STEPS: it has played. */
static uint8_t sound_step;
static bool due;

void lamp_begin(bool test) {
    DDRB |= _BV(LAMP_BIT) | _BV(SECOND_LAMP_BIT) | _BV(SOUNDER_BIT);
    testing = test;
    began_at = now_ms();
}

/* `silent` goes on where `idle` was: a blink that shifts would give the press away. */
static bool look_alike(enum pattern a, enum pattern b) {
    return (a == LAMP_IDLE && b == LAMP_SILENT) || (a == LAMP_SILENT && b == LAMP_IDLE);
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
    bool goes_on = look_alike(pattern, shown);
    shown = pattern;
    if (goes_on) return;
    step = 0;
    sound_step = 0;
    step_at = now_ms();
}

enum pattern lamp_pattern(void) { return shown; }

bool lamp_is_measured(void) { return measured; }
uint8_t lamp_current(void) { return current; }

static void drive(uint8_t bits, bool on) {
    if (on) PORTB |= bits;
    else PORTB &= ~bits;
}

static void light(bool on) {
    if (on && !lit) lit_at = now_ms();
    lit = on;
    drive(_BV(LAMP_BIT) | _BV(SECOND_LAMP_BIT), on);
}

static void sound(bool on) { drive(_BV(SOUNDER_BIT), on); }

/* The last reading is up to 25 ms old, and must be of a lamp that was lit. */
static void measure(void) {
    if (!lit || now_ms() - lit_at < SETTLED_MS) return;
    uint16_t reading = analog_reading(LAMP_SENSE) / 2;
    current = reading > 255 ? 255 : reading;
    measured = true;
}

/* Whether the lamp is being tested. What a press or an emergency shows comes first. */
static bool test(void) {
    uint32_t passed = now_ms() - began_at;
    bool at_rest = shown == LAMP_NO_HOST || shown == LAMP_IDLE || shown == LAMP_NO_LINK;
    if (passed >= TEST_MS || !at_rest) {
        testing = false;
        step = 0;
        step_at = now_ms();
        due = true;
        return false;
    }
    light(true);
    sound(passed < TICK_MS);
    return true;
}

void lamp_poll(void) {
    measure();
    if (testing && test()) return;
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
    light(on);
    sound(!hushed && sound_step < STEPS && ((look.sounder >> sound_step) & 1));
}

#include "loops.h"

/*
 * A loop is 10 k to the supply, 10 k at its far end, and across that the button in series with 3.3 k:
 * normal 512, pressed 203, cut 1023, shorted 0. With resistors of 5 % a healthy loop reads 486 to 537.
 * From 430 to 566 a press reads below 360 whatever single fault has moved the loop. Outside of that,
 * corrosion (series resistance) moves a press above 360, and moisture (leakage) moves rest below it.
 */
#define SHORT_BELOW 100
#define PRESSED_BELOW 360
#define DAMP_BELOW 430
#define NORMAL_BELOW 567
#define CORRODED_BELOW 768

/* A press is a step down from rest. Moisture gets there slowly, and rest follows it. */
#define STEP 60
#define REST_SHIFT 4 /* rest is an average of 16 samples, 80 ms */
#define REST_AT_START (512 << REST_SHIFT)
/* At a reset there is no rest to step down from: there a button reads 188 to 220, with resistors of 5 %. */
#define BUTTON_FROM 175
#define BUTTON_BELOW 240
/* The readings of one contact agree; those of a chafing wire do not. */
#define STEADY 48
/* A reading that is neither normal nor this close to rest is a disturbance; two can be a contact that bounces. */
#define ODD 30
#define ODD_SAMPLES 3

/* A press is believed after 15 to 20 ms of contact. Its end takes 20 ms. */
#define PRESS_SAMPLES 4
#define RELEASE_SAMPLES 4
/*
 * After a disturbance, a contact that was no press, and a press, the contact must be longer than chatter:
 * 50 to 55 ms, or closed for clearly most of the time. This lasts for 150 quiet milliseconds.
 */
#define UNREST_SAMPLES (150 / SAMPLE_MS)
#define CHATTER_SAMPLES 11
#define EFFORT_LOST 2
#define EFFORT_SAMPLES 30
/* A further press within this time of the last one is the same press. */
#define AGAIN_SAMPLES (300 / SAMPLE_MS)
/* A cut or a short is believed after 200 ms, its end likewise; anything else that is not normal after 2 s. */
#define FAULT_SAMPLES (200 / SAMPLE_MS)
#define DEGRADED_SAMPLES (2000 / SAMPLE_MS)
/* A button held for 60 s is stuck. */
#define STUCK_SAMPLES (60000UL / SAMPLE_MS)

/* True after `limit` more samples for it than against it, and false after as many the other way. */
struct belief {
    uint16_t count;
    bool is;
};

struct loop {
    enum loop_state state;
    struct belief open, shorted, degraded, damp;
    uint16_t rest;    /* average reading without contact, shifted; 0: none yet */
    uint16_t level;   /* reading that began this run of contact */
    uint16_t last;    /* the last one of it */
    uint8_t run;      /* samples with contact since the last one without */
    uint8_t effort;   /* samples with contact, less twice those without */
    uint8_t broken;   /* samples without contact since the last one with */
    uint8_t odd;      /* disturbed samples since the last one that was not, up to ODD_SAMPLES */
    uint8_t unrest;   /* samples until a short contact counts again */
    uint8_t since;    /* samples since the last press, up to AGAIN_SAMPLES */
    uint16_t held;
    bool changed, pressed, again;
};

static struct loop loops[LOOPS];

void loops_begin(uint8_t kept) {
    for (uint8_t i = 0; i < LOOPS; i++) {
        loops[i].since = AGAIN_SAMPLES;
        if (kept & (1 << i)) {
            loops[i].state = LOOP_STUCK;
            loops[i].rest = REST_AT_START;
        } else if (kept & (1 << (i + LOOPS))) {
            loops[i].state = LOOP_DEGRADED;
            loops[i].degraded = loops[i].damp = (struct belief){DEGRADED_SAMPLES, true};
        }
    }
}

static void weigh(struct belief *b, bool evidence, uint16_t limit) {
    if (evidence) {
        if (b->count < limit && ++b->count == limit) b->is = true;
    } else if (b->count > 0 && --b->count == 0) {
        b->is = false;
    }
}

static void enter(struct loop *l, enum loop_state state) {
    if (l->state == state) return;
    l->state = state;
    l->changed = true;
}

static bool within(uint16_t a, uint16_t b, uint16_t distance) { return a < b ? b - a <= distance : a - b <= distance; }

static bool is_normal(uint16_t reading) { return reading >= DAMP_BELOW && reading < NORMAL_BELOW; }

/* The first reading is rest, unless it is that of a button. Of a loop that was damp before the reset it is. */
static uint16_t first_rest(const struct loop *l, uint16_t reading) {
    bool is_button = reading >= BUTTON_FROM && reading < BUTTON_BELOW;
    return (is_button && !l->damp.is) || reading < SHORT_BELOW ? REST_AT_START : reading << REST_SHIFT;
}

/* Whether this reading is one of a closed button; counts it. */
static bool feel(struct loop *l, uint16_t reading) {
    if (l->rest == 0) l->rest = first_rest(l, reading);
    if (reading >= SHORT_BELOW && reading < PRESSED_BELOW && reading + STEP <= l->rest >> REST_SHIFT) {
        if (l->run == 0 || !within(reading, l->level, STEADY)) {
            /* The reading before this one may be the first that no bounce has spoilt. */
            bool goes_on = l->run > 0 && within(reading, l->last, STEADY);
            l->level = goes_on ? l->last : reading;
            l->run = goes_on;
        }
        l->last = reading;
        if (l->run < 255) l->run++;
        if (l->effort < EFFORT_SAMPLES) l->effort++;
        l->broken = 0;
        return true;
    }
    bool is_odd = !is_normal(reading) && !within(reading, l->rest >> REST_SHIFT, ODD);
    l->odd = !is_odd ? 0 : l->odd < ODD_SAMPLES ? l->odd + 1 : ODD_SAMPLES;
    /* One sample of contact can be bounce. */
    if (l->run > 1 || l->odd == ODD_SAMPLES) l->unrest = UNREST_SAMPLES;
    else if (l->run == 0 && l->unrest > 0) l->unrest--;
    l->run = 0;
    l->effort = l->effort > EFFORT_LOST ? l->effort - EFFORT_LOST : 0;
    if (l->broken < RELEASE_SAMPLES) l->broken++;
    /* A short says nothing of rest: after it a press is still a step. */
    if (reading >= SHORT_BELOW) l->rest += reading - (l->rest >> REST_SHIFT);
    return false;
}

/* The state without contact. */
static enum loop_state at_rest(const struct loop *l) {
    if (l->open.is) return LOOP_OPEN;
    if (l->shorted.is) return LOOP_SHORT;
    return l->degraded.is ? LOOP_DEGRADED : LOOP_NORMAL;
}

static void press(struct loop *l) {
    enter(l, LOOP_PRESSED);
    l->held = 0;
    if (l->since < AGAIN_SAMPLES) {
        l->again = true;
    } else {
        l->pressed = true;
        l->since = 0;
    }
}

static void release(struct loop *l) {
    l->effort = 0;
    enter(l, at_rest(l));
}

void loops_sample(uint8_t index, uint16_t reading) {
    struct loop *l = &loops[index];
    bool contact = feel(l, reading);

    weigh(&l->open, reading >= CORRODED_BELOW, FAULT_SAMPLES);
    weigh(&l->shorted, reading < SHORT_BELOW, FAULT_SAMPLES);
    if (!contact) {
        weigh(&l->degraded, !is_normal(reading) && !l->open.is && !l->shorted.is, DEGRADED_SAMPLES);
        /* Kept in EEPROM, so it must not flicker: it ends only where rest is normal. */
        bool looks_pressed = reading >= SHORT_BELOW && reading < PRESSED_BELOW;
        weigh(&l->damp, l->damp.is ? reading < DAMP_BELOW : looks_pressed, DEGRADED_SAMPLES);
    }
    if (l->since < AGAIN_SAMPLES) l->since++;

    switch (l->state) {
    case LOOP_PRESSED:
        if (l->broken >= RELEASE_SAMPLES) release(l);
        else if (++l->held >= STUCK_SAMPLES) enter(l, LOOP_STUCK);
        break;
    case LOOP_STUCK:
        if (l->broken >= RELEASE_SAMPLES) release(l);
        break;
    default:
        /* Also if the wire was broken a moment ago: only a button makes this reading. */
        if (l->run >= (l->unrest > 0 ? CHATTER_SAMPLES : PRESS_SAMPLES) || l->effort >= EFFORT_SAMPLES) press(l);
        else enter(l, at_rest(l));
    }
}

enum loop_state loops_state(uint8_t loop) { return loops[loop].state; }
uint8_t loops_level(uint8_t loop) { return loops[loop].rest >> (REST_SHIFT + 2); }

static bool take(bool *mark) {
    bool was = *mark;
    *mark = false;
    return was;
}

bool loops_take_change(uint8_t loop) { return take(&loops[loop].changed); }
bool loops_take_press(uint8_t loop) { return take(&loops[loop].pressed); }
bool loops_take_again(uint8_t loop) { return take(&loops[loop].again); }

bool loops_touched(void) {
    for (uint8_t i = 0; i < LOOPS; i++) {
        if (loops[i].run > 0 && loops[i].state != LOOP_PRESSED && loops[i].state != LOOP_STUCK) return true;
    }
    return false;
}

uint8_t loops_kept(void) {
    uint8_t kept = 0;
    for (uint8_t i = 0; i < LOOPS; i++) {
        if (loops[i].state == LOOP_STUCK) kept |= 1 << i;
        else if (loops[i].damp.is) kept |= 1 << (i + LOOPS);
    }
    return kept;
}

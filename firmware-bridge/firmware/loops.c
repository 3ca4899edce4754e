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
/* What moves a normal loop's rest up moves a press up by half of that: at a corner of 5 % to 376. */
#define REST_MIDDLE 512
#define PRESSED_BELOW_AT_MOST (PRESSED_BELOW + (NORMAL_BELOW - REST_MIDDLE) / 2)

/* A press is a step down from rest. Moisture gets there slowly, and rest follows it. */
#define STEP 60
/* Within a sample: a contact that opens or closes in the middle of it. */
#define EDGE 150
/* The readings of one contact agree, unless a ripple moves them or it is dirty. */
#define STEADY 48
#define REST_SHIFT 4 /* rest is an average of 16 samples, 80 ms */
#define REST_AT_START (REST_MIDDLE << REST_SHIFT)
/*
 * At a reset there is no rest to step down from, but a pressed button reads 188 to 220 with resistors of 5 %. With
 * corrosion or a ripple it may read like moisture. Then its release shows what it was: a step up from the average.
 */
#define BUTTON_FROM 175
#define BUTTON_BELOW 240
#define RELEASE_STEP 100
/*
 * A reading is odd if it is not normal and further from rest than this, which is more than a ripple of 0.3 V moves
 * it. Near 200 Hz a ripple looks slow in these samples (190 Hz looks like 10 Hz), and the limit covers that as well.
 * Three odd readings are a disturbance. Two can be a contact that bounces.
 */
#define ODD 70
#define ODD_SAMPLES 3

/* A press is believed after 15 to 20 ms of contact. Its end takes 20 ms. */
#define PRESS_SAMPLES 4
#define RELEASE_SAMPLES 4
/*
 * After a disturbance, a second contact that was no press, and a press, the contact must be longer than chatter:
 * 50 to 55 ms, or closed for clearly most of the time. This lasts for 150 quiet milliseconds. So must one that
 * was not made at once, and whose readings do not agree: so is a wire that chafes.
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
/*
 * A loose plug or a wire that touches ground can come and go with an engine at idle, and then a press is taken for a
 * disturbance. An odd sample weighs as much as eight others, so a loop that is bad for a ninth of the time is degraded.
 */
#define ODD_WEIGHT 8
#define RESTLESS (ODD_WEIGHT * 1000 / SAMPLE_MS)
/* A button held for 60 s is stuck. */
#define STUCK_SAMPLES (60000UL / SAMPLE_MS)

/* True once `limit` more has come for it than against it, and false after as much the other way. */
struct belief {
    uint16_t count;
    bool is;
};

struct loop {
    enum loop_state state;
    struct belief open, shorted, degraded, damp, restless;
    uint16_t rest;    /* average reading without contact, shifted; 0: none yet */
    uint8_t run;      /* samples with contact since the last one without */
    uint16_t level;   /* reading that began this run */
    bool steady;      /* the others of it agree */
    bool sudden;      /* this run has begun with a step */
    bool slides;      /* the sample before was below normal, and no step */
    uint8_t effort;   /* samples with contact, less twice those without */
    uint8_t broken;   /* samples without contact since the last one with */
    uint8_t odd;      /* disturbed samples since the last one that was not, up to ODD_SAMPLES */
    uint8_t unrest;   /* samples until this loop is quiet again */
    bool chatters;    /* until then a contact must be long */
    uint8_t since;    /* samples since the last press, up to AGAIN_SAMPLES */
    uint8_t opened;   /* samples since what may have been a button has opened */
    uint16_t held;
    bool may_be_held; /* since the reset it reads as a button with corrosion does, or as moisture */
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

static void weigh(struct belief *b, uint8_t evidence, uint16_t limit) {
    if (evidence > 0) {
        b->count = b->count + evidence < limit ? b->count + evidence : limit;
        if (b->count == limit) b->is = true;
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
static void begin(struct loop *l, uint16_t reading) {
    bool is_button = !l->damp.is && reading >= BUTTON_FROM && reading < BUTTON_BELOW;
    l->may_be_held = !l->damp.is && !is_button && reading >= SHORT_BELOW && reading < DAMP_BELOW;
    l->rest = is_button || reading < SHORT_BELOW ? REST_AT_START : reading << REST_SHIFT;
}

static bool is_held(const struct loop *l) { return l->state == LOOP_PRESSED || l->state == LOOP_STUCK; }

static uint16_t pressed_below(const struct loop *l) {
    uint16_t rest = l->rest >> REST_SHIFT;
    if (rest <= REST_MIDDLE) return PRESSED_BELOW;
    return PRESSED_BELOW + ((rest < NORMAL_BELOW ? rest : NORMAL_BELOW) - REST_MIDDLE) / 2;
}

/* Whether this reading is one of a closed button; counts it. */
static bool feel(struct loop *l, uint16_t reading, uint16_t spread) {
    if (l->rest == 0) begin(l, reading);
    if (reading >= SHORT_BELOW && reading < pressed_below(l) && reading + STEP <= l->rest >> REST_SHIFT) {
        bool agrees = within(reading, l->level, STEADY);
        /* Half of this sample was without contact. A spark makes as wide a spread, but moves no median so far. */
        if (reading > l->level + EDGE / 2 && spread >= EDGE) l->run = 0;
        if (l->run == 0) {
            l->level = reading;
            l->sudden = spread >= STEP || !l->slides;
            l->steady = true;
        } else if (!agrees) {
            l->steady = false;
        }
        /* A finger needs longer to let go and press again. */
        if (l->unrest > 0 && l->broken > 0 && l->broken < RELEASE_SAMPLES) l->chatters = true;
        if (l->run < 255) l->run++;
        if (l->effort < EFFORT_SAMPLES) l->effort++;
        l->broken = 0;
        return true;
    }
    bool is_odd = !is_normal(reading) && !within(reading, l->rest >> REST_SHIFT, ODD);
    l->slides = is_odd && reading < DAMP_BELOW && spread < STEP;
    l->odd = !is_odd ? 0 : l->odd < ODD_SAMPLES ? l->odd + 1 : ODD_SAMPLES;
    /* One sample of contact can be bounce, and one short contact can be a press that failed. */
    if (l->run > 1 || l->odd == ODD_SAMPLES) {
        l->chatters = l->unrest > 0 || l->odd == ODD_SAMPLES || is_held(l);
        l->unrest = UNREST_SAMPLES;
    } else if (l->run == 0 && l->unrest > 0) {
        l->unrest--;
    }
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
    return l->degraded.is || l->restless.is ? LOOP_DEGRADED : LOOP_NORMAL;
}

/* Whether this contact has lasted long enough. */
static bool is_press(const struct loop *l) {
    bool must_last = !(l->sudden || l->steady) || (l->unrest > 0 && l->chatters);
    return l->run >= (must_last ? CHATTER_SAMPLES : PRESS_SAMPLES) || l->effort >= EFFORT_SAMPLES;
}

static void count(struct loop *l) {
    if (l->since < AGAIN_SAMPLES) {
        l->again = true;
    } else {
        l->pressed = true;
        l->since = 0;
    }
}

static void press(struct loop *l) {
    enter(l, LOOP_PRESSED);
    l->held = 0;
    l->may_be_held = false;
    count(l);
}

static void release(struct loop *l) {
    l->effort = 0;
    enter(l, at_rest(l));
}

/* Moisture dries slowly, and the average follows it; a button opens with a step. */
static void await_release(struct loop *l, uint16_t reading) {
    uint16_t average = l->rest >> REST_SHIFT;
    bool steps = average < PRESSED_BELOW_AT_MOST && reading >= average + RELEASE_STEP && l->held >= PRESS_SAMPLES;
    if (++l->held >= STUCK_SAMPLES) l->may_be_held = false;
    if (reading < PRESSED_BELOW || reading >= CORRODED_BELOW) {
        l->opened = 0;
    } else if (l->opened > 0 || steps) {
        if (++l->opened < RELEASE_SAMPLES) return;
        l->may_be_held = false;
        count(l);
        return;
    }
    if (average >= DAMP_BELOW) l->may_be_held = false;
}

void loops_sample(uint8_t index, uint16_t reading, uint16_t spread) {
    struct loop *l = &loops[index];
    if (l->may_be_held) await_release(l, reading);
    bool contact = feel(l, reading, spread);

    weigh(&l->open, reading >= CORRODED_BELOW, FAULT_SAMPLES);
    weigh(&l->shorted, reading < SHORT_BELOW, FAULT_SAMPLES);
    if (!contact) {
        bool is_whole = !l->open.is && !l->shorted.is;
        bool is_damp = l->damp.is ? reading < DAMP_BELOW : reading >= SHORT_BELOW && reading < PRESSED_BELOW;
        weigh(&l->degraded, !is_normal(reading) && is_whole, DEGRADED_SAMPLES);
        weigh(&l->restless, l->odd > 0 && is_whole ? ODD_WEIGHT : 0, RESTLESS);
        /* Kept in EEPROM, so it must not flicker: it ends only where rest is normal. */
        weigh(&l->damp, is_damp && !l->may_be_held, DEGRADED_SAMPLES);
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
        if (is_press(l)) press(l);
        else enter(l, at_rest(l));
    }
}

enum loop_state loops_state(uint8_t loop) { return loops[loop].state; }
bool loops_may_be_held(uint8_t loop) { return loops[loop].may_be_held; }
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
        if (loops[i].run > 0 && !is_held(&loops[i])) return true;
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

#include "loops.h"

/*
 * A loop is 10 k to the supply, 10 k at its far end, and across that the button in series with
 * 3.3 k: normal 512, pressed 203, cut 1023, shorted 0. The bounds lie half-way between.
 */
#define SHORT_BELOW 100
#define PRESSED_BELOW 360
#define NORMAL_BELOW 768

/* A press is believed after 15 to 20 ms of contact, more made than broken; its end likewise. */
#define PRESS_SAMPLES 4
/* A cut or a short is believed after 200 ms, its mending likewise. */
#define FAULT_SAMPLES (200 / SAMPLE_MS)
/* A button held for 60 s is stuck. */
#define STUCK_SAMPLES (60000UL / SAMPLE_MS)

struct loop {
    enum loop_state state;
    enum loop_state fault_band;
    uint8_t contact;
    uint8_t fault;
    uint16_t held;
    bool changed;
    bool pressed;
};

static struct loop loops[LOOPS];

void loops_begin(uint8_t stuck_mask) {
    for (uint8_t i = 0; i < LOOPS; i++) {
        if (!(stuck_mask & (1 << i))) continue;
        loops[i].state = LOOP_STUCK;
        loops[i].contact = PRESS_SAMPLES;
    }
}

static enum loop_state band_of(uint16_t reading) {
    if (reading < SHORT_BELOW) return LOOP_SHORT;
    if (reading < PRESSED_BELOW) return LOOP_PRESSED;
    return reading < NORMAL_BELOW ? LOOP_NORMAL : LOOP_OPEN;
}

static void enter(struct loop *l, enum loop_state state) {
    if (l->state == state) return;
    l->state = state;
    l->changed = true;
}

void loops_sample(uint8_t index, uint16_t reading) {
    struct loop *l = &loops[index];
    enum loop_state band = band_of(reading);

    if (band == LOOP_PRESSED) {
        if (l->contact < PRESS_SAMPLES) l->contact++;
    } else if (l->contact > 0) {
        l->contact--;
    }

    if (band == LOOP_OPEN || band == LOOP_SHORT) {
        if (band != l->fault_band) l->fault = 0;
        l->fault_band = band;
        if (l->fault < FAULT_SAMPLES && ++l->fault == FAULT_SAMPLES) enter(l, band);
    } else if (l->fault > 0 && --l->fault == 0 && (l->state == LOOP_OPEN || l->state == LOOP_SHORT)) {
        enter(l, LOOP_NORMAL);
    }

    switch (l->state) {
    case LOOP_NORMAL:
    case LOOP_OPEN:
    case LOOP_SHORT:
        /* Also where the wire was broken a moment ago: only a button makes this reading. */
        if (l->contact < PRESS_SAMPLES) break;
        enter(l, LOOP_PRESSED);
        l->pressed = true;
        l->held = 0;
        break;
    case LOOP_PRESSED:
        if (l->contact == 0) enter(l, LOOP_NORMAL);
        else if (++l->held >= STUCK_SAMPLES) enter(l, LOOP_STUCK);
        break;
    case LOOP_STUCK:
        if (l->contact == 0) enter(l, LOOP_NORMAL);
        break;
    }
}

enum loop_state loops_state(uint8_t loop) { return loops[loop].state; }

bool loops_take_change(uint8_t loop) {
    bool changed = loops[loop].changed;
    loops[loop].changed = false;
    return changed;
}

bool loops_take_press(uint8_t loop) {
    bool pressed = loops[loop].pressed;
    loops[loop].pressed = false;
    return pressed;
}

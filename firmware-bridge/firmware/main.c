/* The panic board's firmware: ATmega328P (Arduino Nano or Uno) at 16 MHz and 5 V. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include "board.h"
#include "firmata.h"
#include "handover.h"
#include "keep.h"
#include "lamp.h"
#include "latch.h"
#include "loops.h"
#include "panic.h"
#include "serial.h"
#include "update.h"

uint8_t reset_cause __attribute__((section(".noinit")));

/*
 * Before anything else. Our boot loader clears MCUSR and hands it on in r2. The watchdog outlives its reset with
 * its shortest time. A request that no loader of ours has answered is for Optiboot, which waits for a host if
 * MCUSR is 0.
 */
void early(void) __attribute__((naked, used, section(".init3")));
void early(void) {
    uint8_t handed_on;
    __asm__ __volatile__("mov %0, r2" : "=r"(handed_on));
    reset_cause = MCUSR ? MCUSR : handed_on;
    MCUSR = 0;
    wdt_disable();
    if (reset_cause > (_BV(PORF) | _BV(EXTRF) | _BV(BORF) | _BV(WDRF))) reset_cause = 0;
    if (UPDATE_REQUEST == UPDATE_MAGIC && reset_cause & _BV(WDRF)) {
        UPDATE_REQUEST = 0;
        if (pgm_read_word(BOOT_AT) == 0xFFFF && pgm_read_word(OPTIBOOT_AT) != 0xFFFF) __asm__ __volatile__("jmp %0" ::"i"(OPTIBOOT_AT));
    }
    UPDATE_REQUEST = 0;
}

#define BANDGAP_MUX 14
#define EXTRA_CHANNELS 5 /* A4 to A7, then the supply */
#define FIRST_EXTRA 4

/* Of one input in its slot: 8 * 104 us. Their median leaves out sparks, which are shorter than half of that. */
#define READINGS 8

static volatile uint32_t milliseconds;
static volatile uint8_t tick; /* the lowest byte of it */
static uint16_t readings[SLOTS][READINGS];
static uint16_t *next_reading = readings[0];
static volatile uint8_t loop_fresh;
static volatile uint16_t extra_reading[EXTRA_CHANNELS - 1], supply_sum;
static volatile uint8_t slot, extra;
static uint16_t loop_median[LOOPS];

uint32_t now_ms(void) {
    uint8_t flags = SREG;
    cli();
    uint32_t now = milliseconds;
    SREG = flags;
    return now;
}

/* A 16-bit value that an interrupt writes, read whole. */
static uint16_t whole(const volatile uint16_t *value) {
    uint8_t flags = SREG;
    cli();
    uint16_t copy = *value;
    SREG = flags;
    return copy;
}

uint16_t analog_reading(uint8_t channel) {
    return channel < LOOPS ? loop_median[channel] : whole(&extra_reading[channel - FIRST_EXTRA]);
}

uint16_t supply_readings(void) { return whole(&supply_sum); }

static void select_input(uint8_t mux) { ADMUX = _BV(REFS0) | mux; }

static uint8_t mux_of(uint8_t s) {
    if (s < LOOPS) return s;
    return extra == EXTRA_CHANNELS - 1 ? BANDGAP_MUX : FIRST_EXTRA + extra;
}

/* Each millisecond a slot begins, of the input that was selected at the end of the one before. */
ISR(TIMER1_COMPA_vect) {
    milliseconds++;
    tick++;
    ADCSRA |= _BV(ADSC);
}

ISR(ADC_vect) {
    uint16_t reading = ADC;
    *next_reading++ = reading;
    if (next_reading != readings[slot + 1]) {
        ADCSRA |= _BV(ADSC);
        return;
    }
    if (slot < LOOPS) {
        loop_fresh |= 1 << slot;
        slot++;
    } else {
        /* The last one: the internal reference needs time after it is selected. */
        if (extra < EXTRA_CHANNELS - 1) extra_reading[extra] = reading;
        else if (supply_sum == 0) supply_sum = reading * SUPPLY_SUM;
        else supply_sum += reading - supply_sum / SUPPLY_SUM;
        extra = (extra + 1) % EXTRA_CHANNELS;
        slot = 0;
        next_reading = readings[0];
    }
    select_input(mux_of(slot));
}

static uint16_t convert(uint8_t mux) {
    select_input(mux);
    ADCSRA |= _BV(ADSC);
    loop_until_bit_is_clear(ADCSRA, ADSC);
    return ADC;
}

/* The lowest bits of inputs that float, for a new board's id. */
static uint32_t noise(void) {
    uint32_t bits = 0;
    for (uint8_t i = 0; i < 64; i++) bits = bits << 1 ^ bits >> 31 ^ convert(FIRST_EXTRA + (i & 3));
    return bits;
}

/* Sorts; the mean of the two in the middle. */
static uint16_t median(uint16_t *of) {
    for (uint8_t i = 1; i < READINGS; i++) {
        uint16_t reading = of[i];
        uint8_t at = i;
        for (; at > 0 && of[at - 1] > reading; at--) of[at] = of[at - 1];
        of[at] = reading;
    }
    return (of[READINGS / 2 - 1] + of[READINGS / 2]) / 2;
}

/* How far they differ, without one at either end, which may be a spark. */
static uint16_t spread(const uint16_t *sorted) { return sorted[READINGS - 2] - sorted[1]; }

/* A loop's readings are left alone by the interrupt for 4 ms, until its next slot. */
static void sample_loops(void) {
    uint8_t flags = SREG;
    cli();
    uint8_t fresh = loop_fresh;
    loop_fresh = 0;
    SREG = flags;
    for (uint8_t i = 0; i < LOOPS; i++) {
        if (!(fresh & (1 << i))) continue;
        loop_median[i] = median(readings[i]);
        loops_sample(i, loop_median[i], spread(readings[i]));
    }
}

int main(void) {
    wdt_enable(WDTO_1S);
    ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
    latch_begin(noise());
    loops_begin(latch_kept_loops());
    keep_begin();
    lamp_begin((reset_cause & _BV(PORF)) && keep_test_allowed() && latch_pending() == 0);
    serial_begin();
    ADCSRA |= _BV(ADIE);
    select_input(mux_of(slot));
    TCCR1B = _BV(WGM12) | _BV(CS11) | _BV(CS10); /* 250 kHz */
    OCR1A = 249;
    TIMSK1 = _BV(OCIE1A);
    set_sleep_mode(SLEEP_MODE_IDLE);
    sei();
    panic_begin();
    firmata_begin();
    for (uint8_t polled = 0;;) {
        while (tick == polled && !loop_fresh && !serial_waiting()) sleep_mode(); /* at most a millisecond */
        for (int16_t byte = serial_read(); byte >= 0; byte = serial_read()) firmata_receive(byte);
        if (loop_fresh) {
            sample_loops();
            panic_latch();
            latch_poll();
        }
        if (tick == polled) continue;
        polled = tick;
        wdt_reset();
        panic_poll();
        update_poll();
        latch_poll();
        keep_poll();
        lamp_poll();
        firmata_poll();
    }
}

/* The panic board's firmware: ATmega328P (Arduino Nano or Uno) at 16 MHz and 5 V. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include "board.h"
#include "firmata.h"
#include "handover.h"
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
#define BANDGAP_MV 1100UL
#define EXTRA_CHANNELS 5 /* A4 to A7, then the supply */
#define FIRST_EXTRA 4

static volatile uint32_t milliseconds;
static volatile uint16_t loop_reading[LOOPS];
static volatile uint8_t loop_fresh;
static volatile uint16_t extra_reading[EXTRA_CHANNELS];
static volatile uint8_t slot, extra;

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
    return whole(channel < LOOPS ? &loop_reading[channel] : &extra_reading[channel - FIRST_EXTRA]);
}

uint16_t supply_mv(void) {
    uint16_t reading = whole(&extra_reading[EXTRA_CHANNELS - 1]);
    return reading == 0 ? 0 : BANDGAP_MV * 1023 / reading;
}

static void select_input(uint8_t mux) { ADMUX = _BV(REFS0) | mux; }

static uint8_t mux_of(uint8_t s) {
    if (s < LOOPS) return s;
    return extra == EXTRA_CHANNELS - 1 ? BANDGAP_MUX : FIRST_EXTRA + extra;
}

/* Each millisecond one conversion starts, of the input that was selected a millisecond ago. */
ISR(TIMER1_COMPA_vect) {
    milliseconds++;
    ADCSRA |= _BV(ADSC);
}

ISR(ADC_vect) {
    uint16_t reading = ADC;
    if (slot < LOOPS) {
        loop_reading[slot] = reading;
        loop_fresh |= 1 << slot;
        slot++;
    } else {
        extra_reading[extra] = reading;
        extra = (extra + 1) % EXTRA_CHANNELS;
        slot = 0;
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

static void sample_loops(void) {
    uint8_t flags = SREG;
    cli();
    uint8_t fresh = loop_fresh;
    loop_fresh = 0;
    SREG = flags;
    for (uint8_t i = 0; i < LOOPS; i++) {
        if (fresh & (1 << i)) loops_sample(i, whole(&loop_reading[i]));
    }
}

int main(void) {
    wdt_enable(WDTO_1S);
    ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
    latch_begin(noise());
    loops_begin(latch_stuck());
    lamp_begin();
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
        for (int16_t byte = serial_read(); byte >= 0; byte = serial_read()) firmata_receive(byte);
        uint8_t tick = now_ms();
        if (tick == polled) {
            sleep_mode(); /* until the next interrupt: at most a millisecond */
            continue;
        }
        polled = tick;
        wdt_reset();
        sample_loops();
        panic_poll();
        update_poll();
        latch_poll();
        lamp_poll();
        firmata_poll();
    }
}

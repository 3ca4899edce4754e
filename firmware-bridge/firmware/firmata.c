#include "firmata.h"

#include <avr/io.h>
#include <avr/pgmspace.h>

#include "board.h"
#include "panic.h"
#include "serial.h"

enum {
    DIGITAL_MESSAGE = 0x90, REPORT_ANALOG = 0xC0, REPORT_DIGITAL = 0xD0, ANALOG_MESSAGE = 0xE0,
    START_SYSEX = 0xF0, SET_PIN_MODE = 0xF4, SET_PIN_VALUE = 0xF5, END_SYSEX = 0xF7,
    REPORT_VERSION = 0xF9, SYSTEM_RESET = 0xFF,
};
enum {
    ANALOG_MAPPING_QUERY = 0x69, ANALOG_MAPPING_RESPONSE, CAPABILITY_QUERY, CAPABILITY_RESPONSE,
    PIN_STATE_QUERY, PIN_STATE_RESPONSE, EXTENDED_ANALOG, REPORT_FIRMWARE = 0x79, SAMPLING_INTERVAL,
};
enum { MODE_INPUT = 0, MODE_OUTPUT = 1, MODE_ANALOG = 2, MODE_PWM = 3, MODE_PULLUP = 0x0B, MODE_NONE = 0x7F };

#define VERSION_MAJOR 2
#define VERSION_MINOR 5

#define PINS 22
#define FIRST_ANALOG_PIN 14
#define ANALOG_CHANNELS 8
#define PORTS 3
#define ANALOG_BITS 10
#define PWM_BITS 8

/* D2 to D7, D10 to D12, A4, A5; A6 and A7 of the Nano are analog only. */
static bool is_digital(uint8_t pin) {
    return (pin >= 2 && pin <= 7) || (pin >= 10 && pin <= 12) || pin == 18 || pin == 19;
}
/* A0 to A3 are the loops: they can be read, and nothing else. */
static bool is_analog(uint8_t pin) { return pin >= FIRST_ANALOG_PIN && pin < PINS; }
/* Timers 0 and 2; timer 1 counts the milliseconds. */
static bool is_pwm(uint8_t pin) { return pin == 3 || pin == 5 || pin == 6 || pin == 11; }

static bool allows(uint8_t pin, uint8_t mode) {
    if (mode == MODE_ANALOG) return is_analog(pin);
    if (mode == MODE_PWM) return is_pwm(pin);
    return is_digital(pin) && (mode == MODE_INPUT || mode == MODE_OUTPUT || mode == MODE_PULLUP);
}

static uint8_t mode_of[PINS];
static uint16_t value_of[PINS];
static uint8_t digital_reported, analog_reported;
static uint8_t port_sent[PORTS];
static uint16_t interval_ms;
static uint32_t sampled_at;

/* Receiving: a channel message's two bytes, or a sysex of bounded length. */
static uint8_t command, data[2], data_got, data_wanted;
static uint8_t sysex[64], sysex_length;
static bool in_sysex, sysex_overlong;
/*
 * What is reported of pins leaves this much of the line's ring free: at any time a press or a heartbeat finds its
 * place, and 12 ms of the line are the most that it waits for.
 */
#define RESERVED 80

struct place {
    volatile uint8_t *ddr, *port, *pin;
    uint8_t bit;
};

static struct place place_of(uint8_t pin) {
    if (pin < 8) return (struct place){&DDRD, &PORTD, &PIND, pin};
    if (pin < FIRST_ANALOG_PIN) return (struct place){&DDRB, &PORTB, &PINB, pin - 8};
    return (struct place){&DDRC, &PORTC, &PINC, pin - FIRST_ANALOG_PIN};
}

static void pwm_off(uint8_t pin) {
    if (pin == 6) TCCR0A &= ~_BV(COM0A1);
    if (pin == 5) TCCR0A &= ~_BV(COM0B1);
    if (pin == 11) TCCR2A &= ~_BV(COM2A1);
    if (pin == 3) TCCR2A &= ~_BV(COM2B1);
}

static void pwm_write(uint8_t pin, uint8_t value) {
    /* Fast PWM at about 1 kHz. */
    if (pin == 5 || pin == 6) {
        TCCR0A |= _BV(WGM01) | _BV(WGM00) | (pin == 6 ? _BV(COM0A1) : _BV(COM0B1));
        TCCR0B = _BV(CS01) | _BV(CS00);
    } else {
        TCCR2A |= _BV(WGM21) | _BV(WGM20) | (pin == 11 ? _BV(COM2A1) : _BV(COM2B1));
        TCCR2B = _BV(CS22);
    }
    if (pin == 6) OCR0A = value;
    if (pin == 5) OCR0B = value;
    if (pin == 11) OCR2A = value;
    if (pin == 3) OCR2B = value;
}

static void set_mode(uint8_t pin, uint8_t mode) {
    if (pin >= PINS || !allows(pin, mode)) return;
    mode_of[pin] = mode;
    value_of[pin] = mode == MODE_PULLUP;
    if (!is_digital(pin)) return;
    pwm_off(pin);
    struct place p = place_of(pin);
    bool output = mode == MODE_OUTPUT || mode == MODE_PWM;
    *p.port &= ~_BV(p.bit);
    if (output) *p.ddr |= _BV(p.bit);
    else *p.ddr &= ~_BV(p.bit);
    if (mode == MODE_PULLUP) *p.port |= _BV(p.bit);
}

static void set_digital(uint8_t pin, bool high) {
    if (pin >= PINS || !is_digital(pin) || mode_of[pin] == MODE_PWM || mode_of[pin] == MODE_ANALOG) return;
    value_of[pin] = high;
    if (mode_of[pin] != MODE_OUTPUT) {
        /* Writing to an input switches its pull-up, as Firmata has always done. */
        mode_of[pin] = high ? MODE_PULLUP : MODE_INPUT;
    }
    struct place p = place_of(pin);
    if (high) *p.port |= _BV(p.bit);
    else *p.port &= ~_BV(p.bit);
}

static void set_analog(uint8_t pin, uint16_t value) {
    if (pin >= PINS || mode_of[pin] != MODE_PWM) return;
    value_of[pin] = value > 255 ? 255 : value;
    pwm_write(pin, value_of[pin]);
}

static uint8_t read_port(uint8_t port) {
    uint8_t levels = 0;
    for (uint8_t bit = 0; bit < 8; bit++) {
        uint8_t pin = port * 8 + bit;
        if (pin >= PINS || !is_digital(pin)) continue;
        if (mode_of[pin] != MODE_INPUT && mode_of[pin] != MODE_PULLUP) continue;
        struct place p = place_of(pin);
        if (*p.pin & _BV(p.bit)) levels |= 1 << bit;
    }
    return levels;
}

/* The longest answer, of capabilities, is longer than the ring: said a pin at a time as there is room. */
static uint8_t capability_next = PINS + 1;

bool firmata_busy(void) { return capability_next <= PINS; }

static void write14(uint8_t head, uint16_t value) {
    serial_write(head);
    serial_write(value & 0x7F);
    serial_write((value >> 7) & 0x7F);
}

static void report_port(uint8_t port, bool even_if_same) {
    uint8_t levels = read_port(port);
    if (!even_if_same && levels == port_sent[port]) return;
    if (firmata_busy() || !serial_room(RESERVED + 3)) return;
    port_sent[port] = levels;
    write14(DIGITAL_MESSAGE | port, levels);
}

static void report_version(void) {
    if (firmata_busy() || !serial_room(3)) return;
    serial_write(REPORT_VERSION);
    serial_write(VERSION_MAJOR);
    serial_write(VERSION_MINOR);
}

static void report_firmware(void) {
    static const char name[] PROGMEM = FIRMWARE_NAME;
    if (firmata_busy() || !serial_room(5 + 2 * (sizeof name - 1))) return;
    serial_write(START_SYSEX);
    serial_write(REPORT_FIRMWARE);
    serial_write(FIRMWARE_MAJOR);
    serial_write(FIRMWARE_MINOR);
    for (uint8_t i = 0; i < sizeof name - 1; i++) {
        serial_write(pgm_read_byte(&name[i]));
        serial_write(0);
    }
    serial_write(END_SYSEX);
}

static void report_capabilities(void) {
    static const uint8_t modes[] PROGMEM = {MODE_INPUT, 1, MODE_OUTPUT, 1, MODE_PULLUP, 1, MODE_ANALOG, ANALOG_BITS, MODE_PWM, PWM_BITS};
    while (capability_next <= PINS && serial_room(2 + sizeof modes)) {
        if (capability_next == PINS) {
            serial_write(END_SYSEX);
        } else {
            if (capability_next == 0) {
                serial_write(START_SYSEX);
                serial_write(CAPABILITY_RESPONSE);
            }
            for (uint8_t i = 0; i < sizeof modes; i += 2) {
                if (!allows(capability_next, pgm_read_byte(&modes[i]))) continue;
                serial_write(pgm_read_byte(&modes[i]));
                serial_write(pgm_read_byte(&modes[i + 1]));
            }
            serial_write(MODE_NONE);
        }
        capability_next++;
    }
}

static void report_analog_mapping(void) {
    if (firmata_busy() || !serial_room(3 + PINS)) return;
    serial_write(START_SYSEX);
    serial_write(ANALOG_MAPPING_RESPONSE);
    for (uint8_t pin = 0; pin < PINS; pin++) serial_write(is_analog(pin) ? pin - FIRST_ANALOG_PIN : MODE_NONE);
    serial_write(END_SYSEX);
}

static void report_pin_state(uint8_t pin) {
    if (pin >= PINS || firmata_busy() || !serial_room(7)) return;
    serial_write(START_SYSEX);
    serial_write(PIN_STATE_RESPONSE);
    serial_write(pin);
    serial_write(mode_of[pin]);
    serial_write(value_of[pin] & 0x7F);
    if (value_of[pin] > 0x7F) serial_write(value_of[pin] >> 7);
    serial_write(END_SYSEX);
}

static void handle_sysex(void) {
    const uint8_t *rest = sysex + 1;
    uint8_t length = sysex_length - 1;
    switch (sysex[0]) {
    case PANIC_SYSEX: panic_message(rest, length); break;
    case REPORT_FIRMWARE: report_firmware(); break;
    case CAPABILITY_QUERY: capability_next = 0; break;
    case ANALOG_MAPPING_QUERY: report_analog_mapping(); break;
    case PIN_STATE_QUERY: if (length >= 1) report_pin_state(rest[0]); break;
    case SAMPLING_INTERVAL: if (length >= 2) interval_ms = rest[0] | rest[1] << 7; break;
    case EXTENDED_ANALOG: if (length >= 3) set_analog(rest[0], rest[1] | rest[2] << 7); break;
    default: break;
    }
    if (interval_ms < SAMPLE_MS) interval_ms = SAMPLE_MS;
}

static void handle_channel(uint8_t head, uint8_t low, uint8_t high) {
    uint8_t channel = head & 0x0F;
    if (head == SET_PIN_MODE) set_mode(low, high);
    else if (head == SET_PIN_VALUE) set_digital(low, high);
    else if ((head & 0xF0) == DIGITAL_MESSAGE) {
        uint8_t levels = low | high << 7;
        for (uint8_t bit = 0; bit < 8 && channel < PORTS; bit++) {
            uint8_t pin = channel * 8 + bit;
            if (pin < PINS && mode_of[pin] != MODE_ANALOG) set_digital(pin, levels & (1 << bit));
        }
    } else if ((head & 0xF0) == ANALOG_MESSAGE) set_analog(channel, low | high << 7);
    else if ((head & 0xF0) == REPORT_ANALOG) {
        if (channel >= ANALOG_CHANNELS) return;
        if (low) analog_reported |= 1 << channel;
        else analog_reported &= ~(1 << channel);
    } else if ((head & 0xF0) == REPORT_DIGITAL) {
        if (channel >= PORTS) return;
        if (low) digital_reported |= 1 << channel;
        else digital_reported &= ~(1 << channel);
        if (low) report_port(channel, true);
    }
}

static uint8_t bytes_after(uint8_t head) {
    if (head == SET_PIN_MODE || head == SET_PIN_VALUE) return 2;
    switch (head & 0xF0) {
    case DIGITAL_MESSAGE: case ANALOG_MESSAGE: return 2;
    case REPORT_ANALOG: case REPORT_DIGITAL: return 1;
    default: return 0;
    }
}

static void reset(void) {
    for (uint8_t pin = 0; pin < PINS; pin++) {
        mode_of[pin] = MODE_NONE;
        set_mode(pin, is_digital(pin) ? MODE_INPUT : MODE_ANALOG);
    }
    digital_reported = analog_reported = 0;
    interval_ms = 19;
}

void firmata_begin(void) {
    reset();
    report_version();
    report_firmware();
}

void firmata_receive(uint8_t byte) {
    if (byte == START_SYSEX) {
        in_sysex = true;
        sysex_overlong = false;
        sysex_length = 0;
        data_wanted = 0;
    } else if (in_sysex && byte == END_SYSEX) {
        in_sysex = false;
        if (sysex_length > 0 && !sysex_overlong) handle_sysex();
    } else if (byte & 0x80) {
        /* A command ends whatever was begun: a sysex cut short is dropped. */
        in_sysex = false;
        command = byte;
        data_got = 0;
        data_wanted = bytes_after(byte);
        if (byte == REPORT_VERSION) report_version();
        if (byte == SYSTEM_RESET) reset();
    } else if (in_sysex) {
        if (sysex_length < sizeof sysex) sysex[sysex_length++] = byte;
        else sysex_overlong = true;
    } else if (data_wanted > 0) {
        data[data_got++] = byte;
        if (data_got < data_wanted) return;
        data_got = 0;
        uint8_t wanted = data_wanted;
        data_wanted = 0;
        handle_channel(command, data[0], wanted == 2 ? data[1] : 0);
    }
}

void firmata_poll(void) {
    report_capabilities();
    if (firmata_busy()) return;
    for (uint8_t port = 0; port < PORTS; port++) {
        if (digital_reported & (1 << port)) report_port(port, false);
    }
    if (now_ms() - sampled_at < interval_ms) return;
    sampled_at = now_ms();
    for (uint8_t channel = 0; channel < ANALOG_CHANNELS; channel++) {
        if ((analog_reported & (1 << channel)) && serial_room(RESERVED + 3)) write14(ANALOG_MESSAGE | channel, analog_reading(channel));
    }
}

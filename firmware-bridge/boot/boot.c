/*
 * The boot loader of the panic board, in the last KiB of an ATmega328P at 16 MHz. It runs first at each reset,
 * and starts the firmware only if its seal fits (handover.h). The first write of an update removes the seal,
 * and the seal's own page is written last: an update that was cut short leaves a board that waits for the next
 * attempt. It speaks the part of STK500 version 1 that avrdude uses (`-c arduino -b 38400`).
 */
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <stdbool.h>
#include <stdint.h>

#include "handover.h"

/* avrdude sends three extended parameters to a version below 1.11, and four to others. */
#define VERSION_MAJOR 1
#define VERSION_MINOR 0
#define EXTENDED_PARAMETERS 3
/* How a host tells this loader from others, which answer 3. */
#define HARDWARE 'P'

/* At 16 MHz: 0.2 % off. */
#define BAUD 38400UL

enum { GET_SYNC = 0x30, GET_PARAMETER = 0x41, SET_DEVICE = 0x42, SET_DEVICE_EXT = 0x45, ENTER = 0x50, LEAVE = 0x51,
       LOAD_ADDRESS = 0x55, UNIVERSAL = 0x56, PROGRAM_PAGE = 0x64, READ_PAGE = 0x74, READ_SIGNATURE = 0x75 };
enum { END_OF_COMMAND = 0x20, IN_SYNC = 0x14, OK = 0x10, FAILED = 0x11 };
enum { HARDWARE_VERSION = 0x80, SOFTWARE_MAJOR, SOFTWARE_MINOR };
enum { PAGE_FILL = _BV(SPMEN), PAGE_ERASE = PAGE_FILL | _BV(PGERS), PAGE_WRITE = PAGE_FILL | _BV(PGWRT),
       READ_AGAIN = PAGE_FILL | _BV(RWWSRE) };

/* Timer 1 ticks each 131 ms, and the lamp (D13) changes at each tick. */
#define TICK_CYCLES (2048 * 1024UL)
#define LAMP_BIT 5
/* So long a host may be silent between two commands before the firmware starts: 4.2 s. */
#define SILENCE_TICKS 32
/* So long it has to begin after the reset line: 1 s. */
#define RESET_TICKS 8
/* A pause of 131 to 262 ms within a command ends it. */
#define PAUSE_TICKS 2
/* For a simulator: the number plus one of the pattern `fault`, which this is. */
#define SHOWS_FAULT 6

/* No variable has an initial value: nothing sets it. */
#define VARIABLE __attribute__((section(".noinit")))
static uint8_t page[SPM_PAGESIZE] VARIABLE;
/* Word address of the next page. */
static uint16_t address VARIABLE;
/* MCUSR at the reset. */
static uint8_t cause VARIABLE;
/* Ticks until the firmware starts without a host. */
#define silence GPIOR2
/* The seal has been removed, and not been written again. GPIOR1 and 2 are free, and 0 after a reset. */
#define unsealed GPIOR1

static void serve(void) __attribute__((noreturn, noinline));

static uint32_t __attribute__((noinline)) crc_step(uint32_t crc, uint8_t byte) {
    crc ^= (uint32_t)byte << 24;
    for (uint8_t bit = 0; bit < 8; bit++) {
        bool carry = (int32_t)crc < 0;
        crc <<= 1;
        if (carry) crc ^= 0x04C11DB7UL;
    }
    return crc;
}

static bool is_sealed(void) {
    uint16_t length = pgm_read_word(SEAL_AT);
    if (length < SEALED_MIN || length > SEALED_MAX) return false;
    uint32_t crc = 0;
    for (uint16_t at = 0; at != length; at++) crc = crc_step(crc, pgm_read_byte(at));
    crc = crc_step(crc, length & 0xFF);
    crc = crc_step(crc, length >> 8);
    return ~crc == pgm_read_dword(SEAL_CRC_AT);
}

/* Starts the firmware, with the cause of the reset in r2. Returns if there is none. */
static void __attribute__((noinline)) start(void) {
    if (!is_sealed()) return;
    UCSR0B = 0;
    TCCR1B = 0;
    TCNT1 = 0;
    OCR1A = 0;
    PORTB = 0;
    GPIOR0 = 0;
    __asm__ __volatile__("mov r2, %0\n\tjmp 0" ::"r"(cause));
    __builtin_unreachable();
}

static void __attribute__((noinline)) put(uint8_t byte) {
    loop_until_bit_is_set(UCSR0A, UDRE0);
    UCSR0A = _BV(U2X0) | _BV(TXC0);
    UDR0 = byte;
}

/* Waits for a byte. False: none has come for so many ticks. */
static bool __attribute__((noinline)) has_byte_within(uint8_t ticks) {
    do {
        TIFR1 = _BV(OCF1A);
        while (!(TIFR1 & _BV(OCF1A))) {
            if (UCSR0A & _BV(RXC0)) return true;
        }
        PINB = _BV(LAMP_BIT); /* toggles it */
    } while (--ticks);
    return false;
}

/* The next byte of a command. After a pause the command is forgotten. */
static uint8_t __attribute__((noinline)) get(void) {
    if (!has_byte_within(PAUSE_TICKS)) serve();
    return UDR0;
}

static void skip(uint8_t bytes) {
    while (bytes-- > 0) get();
}

/* Receives the end of a command, and begins the answer. Without its end all is ignored until a pause. */
static void __attribute__((noinline)) end(void) {
    if (get() != END_OF_COMMAND) {
        for (;;) get();
    }
    silence = SILENCE_TICKS;
    put(IN_SYNC);
}

static void __attribute__((noinline)) spm(uint8_t command, uint16_t at, uint16_t word) {
    __asm__ __volatile__("movw r0, %2\n\t"
                         "out %3, %0\n\t"
                         "spm\n\t"
                         "clr r1" ::"r"(command), "z"(at), "r"(word), "I"(_SFR_IO_ADDR(SPMCSR)) : "r0");
    loop_until_bit_is_clear(SPMCSR, SPMEN);
}

static void write(uint16_t at) {
    /* The firmware's last byte may still be on its way into the EEPROM. */
    loop_until_bit_is_clear(EECR, EEPE);
    if (at != SEAL_PAGE && !unsealed) spm(PAGE_ERASE, SEAL_PAGE, 0);
    unsealed = at != SEAL_PAGE;
    spm(PAGE_ERASE, at, 0);
    for (uint8_t i = 0; i < SPM_PAGESIZE; i += 2) spm(PAGE_FILL, i, page[i] | page[i + 1] << 8);
    spm(PAGE_WRITE, at, 0);
    spm(READ_AGAIN, at, 0);
}

/* Whole pages of flash below this loader. The EEPROM is the firmware's. */
static bool program(void) {
    uint8_t high = get(), length = get(), memory = get();
    if (high != 0 || length > SPM_PAGESIZE) length = 0;
    for (uint8_t i = 0; i < length; i++) page[i] = get();
    end();
    if (memory != 'F' || length != SPM_PAGESIZE || address >= BOOT_AT / 2 || address % (SPM_PAGESIZE / 2)) return false;
    write(address * 2);
    return true;
}

static bool read(void) {
    uint8_t high = get(), low = get(), memory = get();
    end();
    if (memory != 'F') return false;
    uint16_t at = address * 2;
    for (uint16_t left = high << 8 | low; left > 0; left--) put(pgm_read_byte(at++));
    return true;
}

static uint8_t parameter(uint8_t which) {
    switch (which) {
    case HARDWARE_VERSION: return HARDWARE;
    case SOFTWARE_MAJOR: return VERSION_MAJOR;
    case SOFTWARE_MINOR: return VERSION_MINOR;
    default: return 3;
    }
}

static void load_address(void) {
    uint8_t low = get();
    address = low | get() << 8;
}

static void perform(uint8_t head) {
    bool done = true;
    uint8_t which;
    switch (head) {
    case GET_SYNC: case ENTER: case LEAVE: end(); break;
    case SET_DEVICE: skip(20); end(); break;
    case SET_DEVICE_EXT: skip(1 + EXTENDED_PARAMETERS); end(); break;
    case GET_PARAMETER: which = get(); end(); put(parameter(which)); break;
    case UNIVERSAL: skip(4); end(); put(0); break;
    case LOAD_ADDRESS: load_address(); end(); break;
    case PROGRAM_PAGE: done = program(); break;
    case READ_PAGE: done = read(); break;
    case READ_SIGNATURE: end(); put(SIGNATURE_0); put(SIGNATURE_1); put(SIGNATURE_2); break;
    default: return; /* noise does not keep the firmware waiting */
    }
    put(done ? OK : FAILED);
    if (head != LEAVE) return;
    loop_until_bit_is_set(UCSR0A, TXC0);
    start();
}

/* Serves a host until it leaves, or is silent. Without a firmware that can be started: for ever. */
static void serve(void) {
    SP = RAMEND; /* also from the middle of a command */
    for (;;) {
        if (has_byte_within(1)) {
            perform(UDR0);
        } else if (--silence == 0) {
            start();
            silence = SILENCE_TICKS;
        }
    }
}

int main(void) __attribute__((OS_main, section(".init9")));
int main(void) {
    __asm__ __volatile__("clr __zero_reg__");
    cause = MCUSR;
    MCUSR = 0;
    WDTCSR = _BV(WDCE) | _BV(WDE); /* the watchdog outlives its reset: off */
    WDTCSR = 0;
    bool asked = (cause & _BV(WDRF)) && UPDATE_REQUEST == UPDATE_MAGIC;
    UPDATE_REQUEST = 0;
    silence = SILENCE_TICKS;
    if (!asked) {
        silence = RESET_TICKS;
        if ((cause & (_BV(PORF) | _BV(EXTRF) | _BV(BORF))) != _BV(EXTRF)) start();
    }
    OCR1A = TICK_CYCLES / 1024 - 1;
    TCCR1B = _BV(WGM12) | _BV(CS12) | _BV(CS10);
    UCSR0A = _BV(U2X0);
    UBRR0L = (F_CPU + BAUD * 4) / (BAUD * 8) - 1;
    UCSR0B = _BV(RXEN0) | _BV(TXEN0);
    DDRB = _BV(LAMP_BIT);
    GPIOR0 = SHOWS_FAULT;
    serve();
}

/*
 * Runs the firmware on this computer with inputs from stdin, each in a process of its own that begins as after power-up.
 *
 * A request is the length of an input (2 bytes, low first) and the input. The answer: 0, or 1 if the process died; then
 * the length of what the board has said (2 bytes) and that. A length of 0xFFFF asks for the map of the code that has
 * run since it was last asked for.
 *
 * An input: the number of bytes of EEPROM that it begins with, those bytes, then what comes over the line. There F8 and a
 * byte set the voltage of a loop, FD and a byte let time pass: Firmata knows neither.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

int firmware_main(void);

volatile uint8_t MCUSR, SREG, GPIOR0;
volatile uint8_t DDRB, PORTB, PINB, DDRC, PORTC, PINC, DDRD, PORTD, PIND;
volatile uint8_t TCCR0A, TCCR0B, OCR0A, OCR0B, TCCR1B, TIMSK1, TCCR2A, TCCR2B, OCR2A, OCR2B;
volatile uint8_t ADMUX, ADCSRA, UCSR0A, UCSR0B, UCSR0C, UDR0, EEDR, EECR;
volatile uint16_t OCR1A, UBRR0, ADC, EEAR;
volatile uint16_t host_update_request;

#define INPUT_MAX 4096
#define SAID_MAX 60000
#define MAP_BITS 65536
#define ASK 0xFFFF
/* 38,400 baud. */
#define BYTES_A_MS 4
/* After the input the board runs on, long enough for a heartbeat and an update. */
#define AFTER_MS 1200
#define HANGS_S 5
#define LOOP_ESCAPE 0xF8
#define TIME_ESCAPE 0xFD

/* What the process of an input leaves to its parent. */
struct shared {
    uint8_t map[MAP_BITS / 8];
    uint16_t length;
    uint8_t said[SAID_MAX];
};

static struct shared *shared;
static uint8_t map[MAP_BITS / 8];
static uint8_t input[INPUT_MAX];
static size_t length, next;
static uint32_t after_ms, pause_ms;
static uint8_t eeprom[1024];
static uint16_t level[16];

/* Called by each block of the firmware that runs. */
void __sanitizer_cov_trace_pc(void) {
    uintptr_t at = (uintptr_t)__builtin_return_address(0) / 2 % MAP_BITS;
    if (shared) shared->map[at / 8] |= 1 << at % 8;
}

void host_end(void) { _exit(0); }

uint16_t host_flash_word(uint16_t at) {
    /* Optiboot is there, and our boot loader is not. */
    return at == 0x7E00 ? 0x9411 : 0xFFFF;
}

/* A half write that has begun ends at once. */
bool eeprom_is_ready(void) {
    if (!(EECR & _BV(EEPE))) return true;
    if (EEAR >= sizeof eeprom) abort();
    uint8_t *cell = &eeprom[EEAR];
    if (EECR & _BV(EEPM0)) *cell = 0xFF;
    else if (EECR & _BV(EEPM1)) *cell &= EEDR;
    EECR = 0;
    return true;
}

static uint8_t *cells(const void *at, size_t bytes) {
    eeprom_is_ready();
    if ((uintptr_t)at + bytes > sizeof eeprom) abort();
    return eeprom + (uintptr_t)at;
}

uint8_t eeprom_read_byte(const uint8_t *at) { return *cells(at, 1); }
void eeprom_write_byte(uint8_t *at, uint8_t value) { *cells(at, 1) = value; }
void eeprom_update_byte(uint8_t *at, uint8_t value) { *cells(at, 1) = value; }
void eeprom_read_block(void *to, const void *at, size_t bytes) { memcpy(to, cells(at, bytes), bytes); }
void eeprom_update_block(const void *from, void *at, size_t bytes) { memcpy(cells(at, bytes), from, bytes); }

/* CRC-16/MCRF4XX and CRC-8/SMBUS, as avr-libc documents them. */
uint16_t _crc_ccitt_update(uint16_t crc, uint8_t byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1;
    return crc;
}
uint8_t _crc8_ccitt_update(uint8_t crc, uint8_t byte) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = (uint8_t)(crc & 0x80 ? crc << 1 ^ 0x07 : crc << 1);
    return crc;
}

static void convert(void) {
    for (int n = 0; n < 16 && ADCSRA & _BV(ADSC); n++) {
        ADCSRA &= ~_BV(ADSC);
        ADC = level[ADMUX & 15];
        ADC_vect();
    }
}

/* The next byte on the line; false: none comes now. */
static bool receive(void) {
    if (pause_ms > 0 || next == length) return false;
    uint8_t byte = input[next++];
    uint8_t argument = next < length ? input[next] : 0;
    if (byte == LOOP_ESCAPE || byte == TIME_ESCAPE) {
        if (next < length) next++;
        if (byte == TIME_ESCAPE) pause_ms = argument;
        else level[argument & 3] = (uint16_t)(argument & 0xFC) << 2;
        return true;
    }
    UDR0 = byte;
    USART_RX_vect();
    return true;
}

static void transmit(void) {
    for (int n = 0; n < BYTES_A_MS && UCSR0B & _BV(UDRIE0); n++) {
        USART_UDRE_vect();
        if (shared->length < SAID_MAX) shared->said[shared->length++] = UDR0;
    }
}

/* Nothing is to be done: a millisecond passes. */
void host_sleep(void) {
    if (next == length && pause_ms == 0 && after_ms++ >= AFTER_MS) host_end();
    if (pause_ms > 0) pause_ms--;
    for (int n = 0; n < BYTES_A_MS && receive(); n++) continue;
    transmit();
    TIMER1_COMPA_vect();
    convert();
}

static void begin(void) {
    memset(eeprom, 0xFF, sizeof eeprom);
    /* The board's id: 1a2b3c4d. */
    static const uint8_t id[] = {0x4D, 0x3C, 0x2B, 0x1A};
    uint8_t crc = 0x5A;
    for (int n = 0; n < 4; n++) {
        eeprom[160 + n] = id[n];
        crc = _crc8_ccitt_update(crc, id[n]);
    }
    eeprom[164] = crc;
    for (int n = 0; n < 16; n++) level[n] = 512;
    level[14] = 225;
    MCUSR = 0;
    if (length == 0) return;
    size_t bytes = input[0];
    next = 1;
    for (size_t n = 0; n < bytes && next < length; n++) eeprom[16 + n] = input[next++];
}

static bool take(void *to, size_t bytes) { return fread(to, 1, bytes, stdin) == bytes; }
static void give(const void *from, size_t bytes) { fwrite(from, 1, bytes, stdout); }

static void run(void) {
    memset(shared, 0, sizeof *shared);
    pid_t child = fork();
    if (child < 0) abort();
    if (child == 0) {
        alarm(HANGS_S);
        begin();
        firmware_main();
        abort();
    }
    int status;
    if (waitpid(child, &status, 0) != child) abort();
    uint8_t died = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    for (size_t n = 0; n < sizeof map; n++) map[n] |= shared->map[n];
    give(&died, 1);
    give(&shared->length, sizeof shared->length);
    give(shared->said, shared->length);
}

int main(void) {
    shared = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return 1;
    for (uint16_t asked; take(&asked, sizeof asked);) {
        if (asked == ASK) {
            give(map, sizeof map);
            memset(map, 0, sizeof map);
        } else {
            length = asked;
            next = after_ms = pause_ms = 0;
            if (length > INPUT_MAX || !take(input, length)) return 1;
            run();
        }
        fflush(stdout);
    }
    return 0;
}

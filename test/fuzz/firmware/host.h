/*
 * What the firmware finds instead of an ATmega328P when it is compiled for this computer. Registers are variables, the EEPROM
 * is an array, and interrupts are functions that host.c calls. The folders avr/ and util/ have the names that avr-libc uses.
 */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define _BV(bit) (1 << (bit))

extern volatile uint8_t MCUSR, SREG, GPIOR0;
extern volatile uint8_t DDRB, PORTB, PINB, DDRC, PORTC, PINC, DDRD, PORTD, PIND;
extern volatile uint8_t TCCR0A, TCCR0B, OCR0A, OCR0B, TCCR1B, TIMSK1, TCCR2A, TCCR2B, OCR2A, OCR2B;
extern volatile uint8_t ADMUX, ADCSRA, UCSR0A, UCSR0B, UCSR0C, UDR0, EEDR, EECR;
extern volatile uint16_t OCR1A, UBRR0, ADC, EEAR;

enum { PORF, EXTRF, BORF, WDRF };
enum { REFS0 = 6 };
enum { ADPS0, ADPS1, ADPS2, ADIE, ADIF, ADATE, ADSC, ADEN };
enum { WGM01 = 1, WGM00 = 0, COM0B1 = 5, COM0A1 = 7, CS00 = 0, CS01 = 1 };
enum { WGM12 = 3, CS10 = 0, CS11 = 1, OCIE1A = 1 };
enum { WGM21 = 1, WGM20 = 0, COM2B1 = 5, COM2A1 = 7, CS22 = 2 };
enum { U2X0 = 1, UCSZ00 = 1, UCSZ01 = 2, TXEN0 = 3, RXEN0 = 4, UDRIE0 = 5, RXCIE0 = 7 };
enum { EERE, EEPE, EEMPE, EERIE, EEPM0, EEPM1 };

#define ISR(vector) void vector(void)
void TIMER1_COMPA_vect(void);
void ADC_vect(void);
void USART_RX_vect(void);
void USART_UDRE_vect(void);
#define cli() ((void)(SREG &= 0x7F))
#define sei() ((void)(SREG |= 0x80))
/* A conversion takes no time. */
#define loop_until_bit_is_clear(reg, bit) ((reg) &= ~_BV(bit))

#define PROGMEM
#define pgm_read_byte(at) (*(const uint8_t *)(at))
#define pgm_read_word(at) host_flash_word(at)
#define pgm_read_dword(at) ((uint32_t)host_flash_word(at) | (uint32_t)host_flash_word((at) + 2) << 16)
#define memcpy_P memcpy
uint16_t host_flash_word(uint16_t at);

bool eeprom_is_ready(void);
uint8_t eeprom_read_byte(const uint8_t *at);
void eeprom_write_byte(uint8_t *at, uint8_t value);
void eeprom_update_byte(uint8_t *at, uint8_t value);
void eeprom_read_block(void *to, const void *at, size_t bytes);
void eeprom_update_block(const void *from, void *at, size_t bytes);

#define WDTO_15MS 0
#define WDTO_1S 6
/* The shortest time is that of a reset on purpose. */
#define wdt_enable(time) ((time) == WDTO_15MS ? host_end() : (void)0)
#define wdt_disable()
#define wdt_reset()
#define SLEEP_MODE_IDLE 0
#define set_sleep_mode(mode)
#define sleep_mode() host_sleep()
void host_sleep(void);
void host_end(void);

uint16_t _crc_ccitt_update(uint16_t crc, uint8_t byte);
uint8_t _crc8_ccitt_update(uint8_t crc, uint8_t byte);

extern volatile uint16_t host_update_request;
#define UPDATE_REQUEST host_update_request

/* `early` in main.c is the chip's start-up code; it is compiled, and never called. */
#define __volatile__(...)
#define __asm__
#define naked

#endif

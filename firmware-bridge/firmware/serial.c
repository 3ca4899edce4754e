#include "serial.h"

#include <avr/interrupt.h>
#include <avr/io.h>

#include "board.h"

#define RING 128 /* a power of two: indices wrap by masking */
#define MASK (RING - 1)

static volatile uint8_t rx[RING], rx_head, rx_tail;
static volatile uint8_t tx[RING], tx_head, tx_tail;

void serial_begin(void) {
    UCSR0A = _BV(U2X0);
    UBRR0 = (F_CPU + BAUD * 4) / (BAUD * 8) - 1;
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
}

ISR(USART_RX_vect) {
    uint8_t byte = UDR0;
    uint8_t next = (rx_head + 1) & MASK;
    /* Full: the byte is lost, and the message that it belonged to fails its CRC. */
    if (next == rx_tail) return;
    rx[rx_head] = byte;
    rx_head = next;
}

ISR(USART_UDRE_vect) {
    UDR0 = tx[tx_tail];
    tx_tail = (tx_tail + 1) & MASK;
    if (tx_head == tx_tail) UCSR0B &= ~_BV(UDRIE0);
}

bool serial_waiting(void) { return rx_head != rx_tail; }

int16_t serial_read(void) {
    if (rx_head == rx_tail) return -1;
    uint8_t byte = rx[rx_tail];
    rx_tail = (rx_tail + 1) & MASK;
    return byte;
}

bool serial_room(uint8_t bytes) { return (uint8_t)((tx_tail - tx_head - 1) & MASK) >= bytes; }

void serial_write(uint8_t byte) {
    tx[tx_head] = byte;
    tx_head = (tx_head + 1) & MASK;
    /* The data register's interrupt changes the same register. */
    uint8_t flags = SREG;
    cli();
    UCSR0B |= _BV(UDRIE0);
    SREG = flags;
}

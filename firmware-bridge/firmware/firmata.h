/* Firmata 2.5 for the pins that the panic board does not use itself. */
#ifndef FIRMATA_H
#define FIRMATA_H

#include <stdbool.h>
#include <stdint.h>

void firmata_begin(void);
void firmata_receive(uint8_t byte);
/* In the middle of an answer: nothing else may be said now. */
bool firmata_busy(void);
/* Reports what has changed on the pins that the host asked for. */
void firmata_poll(void);

#endif

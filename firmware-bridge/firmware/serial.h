/* The line to the host: two rings, filled and emptied by interrupts. Nothing here waits. */
#ifndef SERIAL_H
#define SERIAL_H

#include <stdbool.h>
#include <stdint.h>

void serial_begin(void);
/* Whether a byte has been received. */
bool serial_waiting(void);
/* The next byte received, or -1. */
int16_t serial_read(void);
/* Room for this many bytes? What does not fit is not begun: half a message is worse than none. */
bool serial_room(uint8_t bytes);
void serial_write(uint8_t byte);

#endif

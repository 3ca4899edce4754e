/* Our own messages (PROTOCOL.md): Firmata sysex with a length and a CRC. */
#ifndef PANIC_H
#define PANIC_H

#include <stdbool.h>
#include <stdint.h>

#define PANIC_SYSEX 0x0B

void panic_begin(void);
/* A sysex of ours, without F0, command and F7. What fails its length or its CRC is passed over. */
void panic_message(const uint8_t *bytes, uint8_t length);
/* Latches the presses of the last samples. */
void panic_latch(void);
void panic_poll(void);
/* The host shows an open emergency, or did so last; or a press has not been answered. */
bool panic_in_emergency(void);
/* Tells the host about an update (`enum update_state`). False: there is no room. */
bool panic_send_update(uint8_t state);

#endif

/* The board: what is wired where, and the numbers of PROTOCOL.md. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define FIRMWARE_MAJOR 1
#define FIRMWARE_MINOR 3
#define FIRMWARE_NAME "patrol-panic"
#define PROTOCOL 1

#define BAUD 57600UL

/* Loops on A0 to A3, pulled up to the supply by 10 k; the lamp on D13, the sounder on D8. */
#define LOOPS 4
#define LAMP_BIT 5    /* PB5, D13: the LED on the board as well */
#define SOUNDER_BIT 0 /* PB0, D8 */

/* Five slots of one millisecond: the four loops, then one for everything else that is analog. */
#define SLOTS (LOOPS + 1)
#define SAMPLE_MS SLOTS

enum loop_state { LOOP_NORMAL, LOOP_PRESSED, LOOP_OPEN, LOOP_SHORT, LOOP_STUCK, LOOP_DEGRADED };

/* Milliseconds since reset, counted by the timer interrupt. */
uint32_t now_ms(void);

/* MCUSR as it was at reset. */
extern uint8_t reset_cause;

/* The last reading of analog input 0 to 7, and of the supply in millivolts. */
uint16_t analog_reading(uint8_t channel);
uint16_t supply_mv(void);

#endif

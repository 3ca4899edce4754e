/* The board: what is wired where, and the numbers of PROTOCOL.md. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define FIRMWARE_MAJOR 1
#define FIRMWARE_MINOR 7
#define FIRMWARE_NAME "patrol-panic"
#define PROTOCOL 1

/* A 16 MHz crystal keeps it to 0.2 %. Firmware 1.3 and older: 57,600, which is 0.8 % off. */
#define BAUD 38400UL

/* Loops on A0 to A3, pulled up to the supply by 10 k; the lamp on D13 and D9, the sounder on D8. */
#define LOOPS 4
#define LAMP_BIT 5        /* PB5, D13: the LED on the board as well */
#define SECOND_LAMP_BIT 1 /* PB1, D9: another LED that shows the same */
#define SOUNDER_BIT 0     /* PB0, D8 */
#define LAMP_SENSE 6      /* A6: the resistor in the lamp's return wire */

/* Five slots of one millisecond: the four loops, then one for everything else that is analog. */
#define SLOTS (LOOPS + 1)
#define SAMPLE_MS SLOTS

enum loop_state { LOOP_NORMAL, LOOP_PRESSED, LOOP_OPEN, LOOP_SHORT, LOOP_STUCK, LOOP_DEGRADED };

/* Milliseconds since reset, counted by the timer interrupt. */
uint32_t now_ms(void);

/* MCUSR as it was at reset. */
extern uint8_t reset_cause;

/* The last reading of analog input 0 to 7. */
uint16_t analog_reading(uint8_t channel);
/* SUPPLY_SUM times the average reading, over 0.8 s, of the internal reference. 0: none yet. */
#define SUPPLY_SUM 32
uint16_t supply_readings(void);

#endif

/* Supervised loops: what a reading means, and when it is believed. */
#ifndef LOOPS_H
#define LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

/* Loops that were stuck before the reset are no press until they have been released. */
void loops_begin(uint8_t stuck_mask);
/* One reading of a loop, 0 to 1023; called every SAMPLE_MS for each. */
void loops_sample(uint8_t loop, uint16_t reading);
enum loop_state loops_state(uint8_t loop);
/* Takes the mark that this loop's state has changed. */
bool loops_take_change(uint8_t loop);
/* Takes the mark that this loop has been pressed. */
bool loops_take_press(uint8_t loop);

#endif

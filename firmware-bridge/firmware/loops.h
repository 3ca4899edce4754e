/* Supervised loops: what a reading means, and how long it must last to count. */
#ifndef LOOPS_H
#define LOOPS_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

/* What loops_kept() returned before the reset. */
void loops_begin(uint8_t kept);
/* One sample of a loop, 0 to 1023, and how far its readings differ; called every SAMPLE_MS for each. */
void loops_sample(uint8_t loop, uint16_t reading, uint16_t spread);
enum loop_state loops_state(uint8_t loop);
/* Whether it has looked since the reset as a button that is held may look. It is a press when that opens. */
bool loops_may_be_held(uint8_t loop);
/* The reading of the loop while its button is not pressed, averaged over 80 ms, 0 to 255. */
uint8_t loops_level(uint8_t loop);
/* Whether this loop's state has changed since the last call. */
bool loops_take_change(uint8_t loop);
/* Whether this loop has been pressed since the last call. */
bool loops_take_press(uint8_t loop);
/* Whether this loop was pressed once more within AGAIN_MS of its last press. */
bool loops_take_again(uint8_t loop);
/* Whether a contact has begun somewhere that may become a press within the next samples. */
bool loops_touched(void);
/* Loops that must not be pressed by a reset. Bits 0 to 3: stuck; bits 4 to 7: damp enough to look pressed. */
uint8_t loops_kept(void);

#endif

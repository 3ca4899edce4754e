/* What the board keeps in EEPROM besides its presses. */
#ifndef KEEP_H
#define KEEP_H

#include <stdbool.h>
#include <stdint.h>

/* Reads what was kept. */
void keep_begin(void);
/* The chip's internal reference, in tenths of a millivolt. 0: it was never calibrated. */
uint16_t keep_reference(void);
void keep_set_reference(uint16_t tenths_mv);
/* Whether the board may show and sound its test at power-up. A board that does not know may not. */
bool keep_test_allowed(void);
void keep_allow_test(bool allowed);
/* Whether everything has been written. */
bool keep_is_written(void);
/* Writes at most one byte. Called after latch_poll(): a press goes first. */
void keep_poll(void);

#endif

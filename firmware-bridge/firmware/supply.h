/* The supply, measured against the chip's internal reference. */
#ifndef SUPPLY_H
#define SUPPLY_H

#include <stdbool.h>
#include <stdint.h>

/* Millivolts. 0: not measured yet. */
uint16_t supply_mv(void);
/* The internal reference, in tenths of a millivolt: calibrated, or its nominal value. */
uint16_t supply_reference(void);
bool supply_is_calibrated(void);
/* Takes this as the supply, in millivolts. False: this chip's reference cannot be that far off. */
bool supply_calibrate(uint16_t mv);
/* Back to the nominal reference. */
void supply_forget(void);

#endif

#include "supply.h"

#include "board.h"
#include "keep.h"

/* The datasheet's 1.1 V: without a calibration the supply is right to 9 %. Its limits, and 1 % for the meter. */
#define NOMINAL 11000
#define LOWEST 9900
#define HIGHEST 12100
/* What was calibrated at another supply than the chip has is a mistake. */
#define LOWEST_MV 4300
#define HIGHEST_MV 5500

/* The chip reads 1024 at its supply; `supply_readings` is a sum. Half a step is what it rounds away. */
#define FULL_SCALE (1024UL * SUPPLY_SUM)
#define HALF_STEP (SUPPLY_SUM / 2)

uint16_t supply_reference(void) {
    uint16_t kept = keep_reference();
    return kept >= LOWEST && kept <= HIGHEST ? kept : NOMINAL;
}

bool supply_is_calibrated(void) {
    uint16_t kept = keep_reference();
    return kept >= LOWEST && kept <= HIGHEST;
}

uint16_t supply_mv(void) {
    uint16_t readings = supply_readings();
    if (readings == 0) return 0;
    return FULL_SCALE * supply_reference() / (readings + HALF_STEP) / 10;
}

bool supply_calibrate(uint16_t mv) {
    uint16_t readings = supply_readings();
    if (readings == 0 || mv < LOWEST_MV || mv > HIGHEST_MV) return false;
    uint32_t reference = 10UL * mv * (readings + HALF_STEP) / FULL_SCALE;
    if (reference < LOWEST || reference > HIGHEST) return false;
    keep_set_reference(reference);
    return true;
}

void supply_forget(void) { keep_set_reference(0); }

/* Lamp and sounder: the host names a pattern, the board runs it. `no-host` and `latched` are the board's own. */
#ifndef LAMP_H
#define LAMP_H

#include <stdbool.h>
#include <stdint.h>

/* The numbers of PROTOCOL.md. */
enum pattern {
    LAMP_IDLE, LAMP_STORED, LAMP_SENT, LAMP_RECEIVED, LAMP_ACCEPTED, LAMP_FAULT, LAMP_SILENT, LAMP_NO_HOST,
    LAMP_NO_LINK, LAMP_LATCHED, LAMP_DONE, LAMP_REFUSED,
};
#define LAMP_PATTERNS 12

/* `test`: begins with half a second of light and a tick of the sounder. */
void lamp_begin(bool test);
void lamp_show(enum pattern pattern, bool quiet, bool drill);
enum pattern lamp_pattern(void);
/* Whether the lamp has been lit long enough, since the reset, for its current to be measured. */
bool lamp_is_measured(void);
/* The reading of LAMP_SENSE when the lamp was last lit, in steps of two: 0 to 255 for 0 to half the supply. */
uint8_t lamp_current(void);
void lamp_poll(void);

#endif

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

void lamp_begin(void);
void lamp_show(enum pattern pattern, bool quiet, bool drill);
enum pattern lamp_pattern(void);
void lamp_poll(void);

#endif

/* Lamp and sounder: the host names a pattern, the board runs it. */
#ifndef LAMP_H
#define LAMP_H

#include <stdbool.h>
#include <stdint.h>

enum pattern { LAMP_IDLE, LAMP_STORED, LAMP_SENT, LAMP_RECEIVED, LAMP_ACCEPTED, LAMP_FAULT, LAMP_SILENT, LAMP_NO_HOST };
#define LAMP_PATTERNS 8

void lamp_begin(void);
void lamp_show(enum pattern pattern, bool quiet);
enum pattern lamp_pattern(void);
void lamp_poll(void);

#endif

/* Presses that the host has not confirmed, in RAM and EEPROM: they outlive any power cut (`count` does not). */
#ifndef LATCH_H
#define LATCH_H

#include <stdbool.h>
#include <stdint.h>

struct press {
    uint32_t number;
    uint8_t loop;
    uint8_t count;       /* presses that it stands for */
    uint32_t latched_ms; /* now_ms() at the latch; meaningless when `before_reset` */
    bool before_reset;
};

/* Reads the EEPROM; makes the board's id from `noise` where there is none. */
void latch_begin(uint32_t noise);
uint32_t latch_board_id(void);
/* The number given last, in this life or the one before. */
uint32_t latch_last_number(void);
/* `closed`: the contact has not opened yet. */
void latch_press(uint8_t loop, bool closed);
/* Counts a further press of this loop with its newest one, unless that is confirmed already. */
void latch_again(uint8_t loop);
/*
 * The contact of this loop has opened. Returns the number of the press that it was, and for how long it was
 * closed since the latch; 0 if it has no number of its own: it was counted with another press, or none.
 */
uint32_t latch_release(uint8_t loop, uint32_t *held_ms);
/* The oldest press with a higher number that is not confirmed, or 0. */
const struct press *latch_next(uint32_t after);
uint8_t latch_pending(void);
void latch_confirm(uint32_t number);
/* What loops_kept() says: kept, so that a reset makes no press of these loops. */
void latch_keep_loops(uint8_t kept);
uint8_t latch_kept_loops(void);
/* Loops whose presses the board must not show: kept, so that it holds without a host too. */
void latch_save_dark(uint8_t mask);
uint8_t latch_dark(void);
/* Whether a press that may be shown is pending. */
bool latch_visible(void);
/* Writes at most one byte of what is to be kept: an EEPROM write takes 3.4 ms. */
void latch_poll(void);

#endif

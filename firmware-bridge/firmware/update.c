#include "update.h"

#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/pgmspace.h>
#include <avr/wdt.h>
#include <stdbool.h>

#include "board.h"
#include "handover.h"
#include "latch.h"
#include "loops.h"
#include "panic.h"

/* What the latch has to write is in the EEPROM after this time: sixteen slots at most. */
#define SETTLE_MS 500
/* The answer has left the board after this time: the ring of the line holds 33 ms. */
#define LEAVE_MS 100

static enum { IDLE, SETTLING, ANSWERING, LEAVING } step;
static uint32_t step_at;
/* An answer is due, whatever becomes of the request. */
static bool asked;

enum loader update_loader(void) {
    if (pgm_read_word(BOOT_AT) != 0xFFFF) return LOADER_OURS;
    return pgm_read_word(OPTIBOOT_AT) != 0xFFFF ? LOADER_OTHER : LOADER_NONE;
}

static enum update_state state(void) {
    if (latch_pending() > 0) return UPDATE_PRESS_PENDING;
    for (uint8_t i = 0; i < LOOPS; i++) {
        if (loops_state(i) == LOOP_PRESSED || loops_may_be_held(i)) return UPDATE_LOOP_PRESSED;
    }
    if (panic_in_emergency()) return UPDATE_EMERGENCY;
    return update_loader() == LOADER_NONE ? UPDATE_NO_LOADER : UPDATE_READY;
}

static void enter(uint8_t next) {
    step = next;
    step_at = now_ms();
}

void update_ask(void) { asked = true; }

void update_request(void) {
    if (step == IDLE) enter(SETTLING);
}

/* The boot loader finds the request after the watchdog's reset. */
static void leave(void) {
    cli();
    UPDATE_REQUEST = UPDATE_MAGIC;
    wdt_enable(WDTO_15MS);
    for (;;) continue;
}

void update_poll(void) {
    enum update_state now = state();
    if (step != IDLE && now != UPDATE_READY) {
        asked = true;
        step = IDLE;
    }
    if (asked && panic_send_update(now)) asked = false;
    uint32_t passed = now_ms() - step_at;
    switch (step) {
    case IDLE: break;
    case SETTLING:
        if (passed >= SETTLE_MS && eeprom_is_ready()) enter(ANSWERING);
        break;
    case ANSWERING:
        if (panic_send_update(UPDATE_STARTING)) enter(LEAVING);
        break;
    case LEAVING:
        if (passed >= LEAVE_MS && !loops_touched()) leave();
        break;
    }
}

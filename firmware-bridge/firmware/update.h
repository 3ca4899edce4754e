/* The request for an update: the board makes way for its boot loader, unless it is needed now. */
#ifndef UPDATE_H
#define UPDATE_H

#include <stdint.h>

/* The numbers of PROTOCOL.md. */
enum update_state {
    UPDATE_READY, UPDATE_STARTING, UPDATE_PRESS_PENDING, UPDATE_LOOP_PRESSED, UPDATE_EMERGENCY, UPDATE_NO_LOADER,
};
enum loader { LOADER_NONE, LOADER_OURS, LOADER_OTHER };

/* A host asks what would become of a request. */
void update_ask(void);
/* A host requests it. */
void update_request(void);
enum loader update_loader(void);
void update_poll(void);

#endif

/* What the boot loader and the firmware must agree on. PROTOCOL.md, "Updating a board". */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdint.h>

/* The request for an update: survives a watchdog reset here, below all variables (-Tdata). A fuzzer gives another place. */
#ifndef UPDATE_REQUEST
#define UPDATE_REQUEST (*(volatile uint16_t *)0x0100)
#endif
#define UPDATE_MAGIC 0xB007

/* Our boot loader has the last KiB. Optiboot has the last half of it. */
#define BOOT_AT 0x7C00
#define OPTIBOOT_AT 0x7E00

/*
 * The seal of a firmware, the last six bytes below the boot loader: its length (2), and the CRC (4) that
 * POSIX `cksum` computes for that many bytes from address 0. Without a seal that fits nothing is started.
 */
#define SEAL_AT 0x7BFA
#define SEAL_CRC_AT 0x7BFC
#define SEAL_PAGE 0x7B80
#define SEALED_MIN 0x100 /* `cksum` appends the length without leading zeros: it always has two bytes */
#define SEALED_MAX SEAL_PAGE

#endif

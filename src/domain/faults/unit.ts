import type { FaultRow } from "./row.ts";

/** Faults of the unit itself: its store and its status address. */

export const OUTBOX = {
  "disk-full": {
    sentence: "The disk is full. Reports go out from memory; emergencies are still stored.",
    lamp: "fault",
    dispatch: "`health.diskFreeMiB` is near 0. What memory cannot hold is declared in a `gap`.",
    cause: "Something else fills the disk, or `outbox.maxMiB` is larger than the disk.",
    remedy:
      "`df -h` and `du -xh / | sort -h | tail`: make room. Lower `outbox.maxMiB`. The unit recovers by itself.",
  },
  "disk-read-only": {
    sentence: "The disk cannot be written: it is read-only, or the service may not write there.",
    lamp: "fault",
    dispatch: "Reports still arrive, from memory. After a restart `seq` jumps, with a `gap`.",
    cause: "The card fails and the kernel has made it read-only, or another user owns the outbox folder.",
    remedy:
      "With PATH for `outbox.path`: `findmnt -T PATH`, `ls -ld PATH`, `dmesg | tail`. If another user owns it: `chown -R patrol-unit: /var/lib/patrol-unit`. Replace a failing card.",
  },
  "disk-failing": {
    sentence: "The disk reports an error.",
    lamp: "fault",
    dispatch: "Reports still arrive, from memory. What memory cannot hold is declared in a `gap`.",
    cause: "The card or its contacts fail, or a file of the outbox is damaged.",
    remedy:
      "`dmesg | tail`. Replace the card. Save the pending reports first: `outbox export` (service stopped).",
  },
  "vital-file": {
    sentence:
      "The vital file cannot be written. Its spare in the outbox folder is used, and nothing is lost.",
    lamp: "unchanged",
    dispatch: "Nothing else.",
    cause: "The file belongs to another user, its partition is read-only, or the card fails there.",
    remedy:
      "With PATH for `outbox.path`: `ls -l PATH.vital`, `findmnt -T PATH.vital`, `dmesg | tail`. Correct the owner or replace the card. Restart the service.",
  },
  repaired: {
    sentence: "The outbox was damaged. It has been repaired, or set aside and replaced by an empty one.",
    lamp: "unchanged",
    dispatch: "One or more `gap` events with reason `corruption` declare what is missing.",
    cause: "Power was cut while the card wrote, or the card fails. `detail` says what was done.",
    remedy:
      "Once: nothing. Again within weeks: replace the card. Look into `outbox.damaged-DATE` with `outbox verify`.",
    once: true,
  },
} as const satisfies Record<string, FaultRow>;

export const STATUS = {
  "cannot-listen": {
    sentence: "The status address cannot be opened. Everything else works.",
    lamp: "unchanged",
    dispatch: "Nothing else.",
    cause: "Another program uses the port, or the address is not one of this machine.",
    remedy: "`ss -ltnp` names the program. Correct `status.listen` and restart the service.",
  },
} as const satisfies Record<string, FaultRow>;

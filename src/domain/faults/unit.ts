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
      "The vital file could not be written. Its spare in the outbox folder is used, and nothing is lost.",
    lamp: "unchanged",
    dispatch: "Nothing else.",
    cause:
      "The file belongs to another user, its partition is read-only, or the card fails there. Once: the card had one error.",
    remedy:
      "After an hour the unit tries the file again (later once a day), and the fault ends if it can be written. If it stays: with PATH for `outbox.path`: `ls -l PATH.vital`, `findmnt -T PATH.vital`, `dmesg | tail`. Correct the owner or replace the card. Restart the service.",
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

export const CUSTODY = {
  "no-receipts": {
    sentence: "For a day of connection dispatch has not confirmed that it stores what brokers acknowledge.",
    lamp: "unchanged",
    dispatch:
      "With `custody: auto` the unit trusts the brokers again: `health.link.custody.mode` is `broker`. With `custody: dispatch` reports stay in the unit.",
    cause:
      "Dispatch's recorder is stopped, or may not publish `receipt`, or the broker does not let the unit read it.",
    remedy:
      "Ask dispatch whether its recorder runs for this directorate, and for the broker's rules on `receipt`. If there is no recorder: `dispatch.custody: broker`.",
  },
  unconfirmed: {
    sentence:
      "Dispatch does not get what this broker acknowledges, or does not confirm it. The unit goes on to the next broker; if there is none, it stays. `where` is the broker's address.",
    lamp: "unchanged",
    dispatch:
      "Reports stay in the unit, and are sent again by the next broker. The fault ends once dispatch confirms them. If there is no receipt at all for a day of connection, `no-receipts` follows.",
    cause:
      "The broker drops messages (its rules leave out a topic, or the queue of dispatch's recorder is full), or the recorder is stopped or not connected to this broker.",
    remedy:
      'Ask dispatch whether its recorder runs and is connected to this broker, and to correct the rules: "Access rules of the broker" in systemd/RUNBOOK.md.',
  },
  "second-recorder": {
    sentence: "Two recorders say what dispatch has stored. Only the first one counts.",
    lamp: "unchanged",
    dispatch: "`health.link.custody.by` is the one that counts.",
    cause: "A second recorder with another database runs for this unit, perhaps on a bench.",
    remedy:
      "Stop one of the two. To move to the second one, stop the first: after a day of connection without it the second one counts.",
  },
  restored: {
    sentence:
      "Dispatch has stored numbers that this unit's store has not given yet: the disk was an older copy. A new store has begun.",
    lamp: "unchanged",
    dispatch:
      "`store` changes. What was pending comes with numbers of the new store. What was made since the copy may be missing in the old one.",
    cause: "The card was replaced by an older image of it, or a backup was restored.",
    remedy: "Nothing. Do not use the same image in two cars, and do not restore it again.",
    once: true,
  },
} as const satisfies Record<string, FaultRow>;

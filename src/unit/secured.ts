import type { Outbox } from "../outbox/outbox.ts";
import { reasonOf } from "../runtime/log.ts";
import type { Time } from "../runtime/ports.ts";
import { within } from "../runtime/wait.ts";

/** The longest wait for the disk. A broker waits for its PUBACK meanwhile. */
const DISK_MS = 1_000;

/**
 * Waits until the memory is on disk, cannot be stored, or the disk has not answered for DISK_MS. Never
 * rejects. `failed` gets the reason if it cannot be stored.
 */
export const secured = async (
  outbox: Pick<Outbox, "secure">,
  time: Time,
  failed: (cause: string) => void,
): Promise<void> => {
  const stored = outbox.secure().catch((cause: unknown) => failed(reasonOf(cause)));
  await within(DISK_MS, stored, time);
};

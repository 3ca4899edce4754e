import { openDisk } from "../../src/outbox/disk.ts";
import { openOutbox, type Outbox, type OutboxOptions } from "../../src/outbox/outbox.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { systemTime } from "../../src/runtime/time.ts";

export type TestOptions = Partial<Omit<OutboxOptions, "on">> & {
  readonly on?: Partial<OutboxOptions["on"]>;
  /** Resolve as soon as numbers and memory are there; else when the store has been opened, too. */
  readonly early?: boolean;
};

/** An outbox on its own: nobody listens, telemetry is written at once. */
export const openTestOutbox = async (path: string, options: TestOptions = {}): Promise<Outbox> => {
  const { on, early = false, ...rest } = options;
  const outbox = await openOutbox({
    disk: openDisk(path),
    maxBytes: 512 * 1024 * 1024,
    unit: "zrenjanin/zr-117",
    clock: createClock(),
    time: systemTime,
    random: Math.random,
    lingerMs: () => 0,
    ...rest,
    on: {
      stored: () => undefined,
      fault: () => undefined,
      news: () => undefined,
      ...on,
    },
  });
  if (!early) await outbox.opened;
  return outbox;
};

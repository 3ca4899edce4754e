import { openOutbox, type Outbox, type OutboxOptions } from "../../src/outbox/outbox.ts";
import { createClock } from "../../src/runtime/clock.ts";

/** An outbox on its own: nobody listens, telemetry is written at once, and no fault is expected. */
export const openTestOutbox = (path: string, options: Partial<OutboxOptions> = {}): Promise<Outbox> =>
  openOutbox({
    path,
    maxBytes: 512 * 1024 * 1024,
    unit: "zrenjanin/zr-117",
    clock: createClock(),
    lingerMs: () => 0,
    onStored: () => undefined,
    onFault: () => undefined,
    ...options,
  });

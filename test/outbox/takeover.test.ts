import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";
import { openTestOutbox } from "./open-outbox.ts";

test("a disk that fails again while the store is being taken over is opened once more", async () => {
  const disk = createSimulatedDisk({ time: systemTime, random: createRandom(1) });
  await using outbox = await openTestOutbox("/simulated", { disk });
  const report = outbox.append({
    kind: "event",
    data: { type: "config", detail: "one" },
    at: 0,
    clock: "unset",
  });
  await outbox.flush();
  // Settled, and its record is still there when the store is opened anew: it is deleted first.
  disk.fault = { kind: "refuses" };
  outbox.settle([report]);
  await expect.poll(() => outbox.state.kind, { timeout: 8_000 }).not.toBe("open");
  disk.tear();
  disk.fault = undefined;
  await expect.poll(() => outbox.state.kind, { timeout: 8_000 }).toBe("open");
  expect((await outbox.read("event", 0, 10)).reports).toEqual([]);
});

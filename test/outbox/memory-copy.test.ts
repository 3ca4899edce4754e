import { expect, test } from "vitest";
import { NO_MEMORY, type Memory } from "../../src/domain/memory.ts";
import { decodeCopy, MemoryCopy } from "../../src/outbox/memory-copy.ts";
import { PLACE_BYTES, type Store } from "../../src/outbox/port.ts";
import { createRandom } from "../../src/demo/random.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { EPISODE, keptEpisode, remembering } from "./kept-episode.ts";

const openStore = async (): Promise<Store> => {
  const time = new SimulatedTime(0);
  const opening = createSimulatedDisk({ time, random: createRandom(1) }).openStore("as-is");
  await time.run(1_000);
  return opening;
};
const memory: Memory = { ...NO_MEMORY, unit: "zrenjanin/zr-117", ...remembering(EPISODE) };

/** The value that would be written, or undefined. */
const valueOf = (copy: MemoryCopy, store: Store, of: Memory): Buffer | undefined => {
  const [operation] = copy.operations(store, of);
  return operation?.type === "put" ? operation.value : undefined;
};

test("a memory is written once, and again after each change and in each store", async () => {
  const [store, other] = [await openStore(), await openStore()];
  const copy = new MemoryCopy();
  expect(copy.operations(store, memory)).toHaveLength(1);
  // The batch failed: it is not known to be there.
  expect(copy.operations(store, memory)).toHaveLength(1);
  copy.written(store, memory);
  expect(copy.operations(store, memory)).toEqual([]);
  expect(copy.operations(store, { ...memory })).toHaveLength(1);
  expect(copy.operations(other, memory)).toHaveLength(1);
});

test("a copy is read back as it was written, and not if a bit of it has changed", async () => {
  const value = valueOf(new MemoryCopy(), await openStore(), memory)!;
  expect(decodeCopy(value)).toEqual({ memory, unread: [] });
  value[20]! ^= 1;
  expect(decodeCopy(value)).toBeUndefined();
});

test("a copy is never larger than a place of the vital file: open episodes are the last to go", async () => {
  const store = await openStore();
  const done = Array.from({ length: 600 }, (_, n) => ({ id: `${n} ${"x".repeat(250)}`, ok: true, until: n }));
  const large = valueOf(new MemoryCopy(), store, { ...memory, commands: { done, held: [] } })!;
  expect(large.length).toBeLessThanOrEqual(PLACE_BYTES);
  expect(decodeCopy(large)!.memory.emergency.episodes).toEqual([keptEpisode()]);
  const tooMany = Array.from({ length: 400 }, (_, n) => keptEpisode(`01K${String(n).padStart(23, "0")}`));
  const emergency = { ...memory.emergency, episodes: tooMany };
  expect(valueOf(new MemoryCopy(), store, { ...memory, emergency })).toBeUndefined();
});

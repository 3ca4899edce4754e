import { expect, test } from "vitest";
import { NO_MEMORY } from "../../src/domain/memory.ts";
import { encodeVital } from "../../src/outbox/vital-record.ts";
import { createRandom } from "../../src/demo/random.ts";
import { createSimulatedDisk } from "./disk.ts";
import { watchMemory } from "./real/queues.ts";
import { SimulatedTime } from "./time.ts";

test("the lists of the memory are seen at each write of it, with their limits", async () => {
  const time = new SimulatedTime(0);
  const { writeVital, queues } = watchMemory(createSimulatedDisk({ time, random: createRandom(1) }));
  expect(queues()).toEqual([]);
  const presses = [{ board: "b", below: 0, numbers: Array.from({ length: 65 }, (_, n) => n + 1) }];
  const memory = { ...NO_MEMORY, emergency: { ...NO_MEMORY.emergency, presses } };
  const vital = { store: "k3v9q0ab", generation: 1, boot: 1, lease: 1, reach: 1, connection: 0, memory };
  const { place, bytes } = encodeVital(vital);
  const written = writeVital(place, bytes);
  await time.run(1_000);
  await written;
  expect(queues().filter(({ length, limit }) => length > limit)).toEqual([
    { name: "presses of b", length: 65, limit: 64 },
  ]);
});

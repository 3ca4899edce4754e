import { expect, test } from "vitest";
import { NO_MEMORY } from "../../src/domain/memory.ts";
import { encodeVital } from "../../src/outbox/vital-record.ts";
import { createRandom } from "../../src/demo/random.ts";
import { Broker, FULL_LIMITS } from "./broker.ts";
import { createSimulatedDisk } from "./disk.ts";
import { Network } from "./network.ts";
import { watchPorts } from "./real/queues.ts";
import { SimulatedTime } from "./time.ts";

const openHarness = () => {
  const time = new SimulatedTime(0);
  const network = new Network(time, () => undefined);
  network.add("mqtts://a:8883", new Broker("a", FULL_LIMITS, time, () => undefined));
  const disk = createSimulatedDisk({ time, random: createRandom(1) });
  const ports = watchPorts({ disk, connect: network.connect });
  const above = () => ports.queues().filter(({ length, limit }) => length > limit);
  return { time, network, ...ports, above };
};

test("the lists of the memory are seen at each write of it, with their limits", async () => {
  const { time, disk, above } = openHarness();
  expect(above()).toEqual([]);
  const presses = [{ board: "b", below: 0, numbers: Array.from({ length: 65 }, (_, n) => n + 1) }];
  const memory = { ...NO_MEMORY, emergency: { ...NO_MEMORY.emergency, presses } };
  const vital = { store: "k3v9q0ab", generation: 1, boot: 1, lease: 1, reach: 1, connection: 0, memory };
  const { place, bytes } = encodeVital(vital);
  const written = disk.writeVital(place, bytes);
  await time.run(1_000);
  await written;
  expect(above()).toEqual([{ name: "presses of b", length: 65, limit: 64 }]);
});

test("two writes of a kind at once are above the limit, also when they have ended since", async () => {
  const { time, disk, above } = openHarness();
  const bytes = Buffer.alloc(10);
  const writes = [disk.writeVital(0, bytes), disk.writeVital(1, bytes)];
  await time.run(1_000);
  await Promise.all(writes);
  expect(above()).toEqual([{ name: "writes of the vital file", length: 2, limit: 1 }]);
  expect(above()).toEqual([]);
  const opening = disk.openStore("as-is");
  await time.run(2_000);
  const store = await opening;
  void store.batch([], { sync: true });
  void store.batch([], { sync: true });
  expect(above()).toEqual([{ name: "batches", length: 2, limit: 1 }]);
});

test("connections count until they have ended", async () => {
  const { time, network, connect, queues, above } = openHarness();
  const open = () => queues().find(({ name }) => name === "connections")!.length;
  const on = { message: () => Promise.resolve(), accepted: () => undefined, oversize: () => undefined };
  for (let n = 0; n < 7; n++) {
    const options = { clientId: `c${n}`, username: "u", keepaliveS: 20 };
    void connect("mqtts://a:8883", options, on, new AbortController().signal);
  }
  await time.run(1_000);
  expect(above()).toEqual([{ name: "connections", length: 7, limit: 6 }]);
  network.processGone(false);
  await time.run(2_000);
  expect([open(), open()]).toEqual([7, 0]);
});

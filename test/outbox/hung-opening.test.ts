import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import type { Disk } from "../../src/outbox/port.ts";
import type { SimulatedDisk } from "../simulation/disk.ts";
import { event, openLives, position } from "./lives.ts";

/** More are held than the sources may add without asking. */
const HELD = 8_192;

/** A disk with a store that can be made to hang where it is opened, or where it is read first. */
const openWorld = (where: "open" | "scan") => {
  const answer = Promise.withResolvers<void>();
  const hangs = { now: false };
  const hang = async (at: typeof where): Promise<void> => {
    if (hangs.now && at === where) await answer.promise;
  };
  const through = (disk: SimulatedDisk): Disk => ({
    path: disk.path,
    lock: () => disk.lock(),
    readVital: () => disk.readVital(),
    writeVital: (place, bytes) => disk.writeVital(place, bytes),
    writeSpare: (place, bytes) => disk.writeSpare(place, bytes),
    removeSpare: () => disk.removeSpare(),
    hasStore: () => disk.hasStore(),
    async openStore(opening) {
      await hang("open");
      const store = await disk.openStore(opening);
      const getMany: typeof store.getMany = async (keys) => {
        await hang("scan");
        return store.getMany(keys);
      };
      return { ...store, getMany };
    },
    setAside: () => disk.setAside(),
    space: () => disk.space(),
    releaseBallast: () => disk.releaseBallast(),
    restoreBallast: () => disk.restoreBallast(),
  });
  const random = createRandom(5);
  const lives = openLives(through);
  return { ...lives, hangs, answer, open: () => lives.open(random) };
};

test.each(["open", "scan"] as const)(
  "a store without an answer (%s) is a fault; sources and a stop do not wait for it",
  async (where) => {
    const { hangs, faults, pass, open, close } = openWorld(where);
    await close(await open());
    hangs.now = true;
    const outbox = await open();
    await pass(30_000);
    expect([outbox.state.kind, faults]).toEqual(["reopening", ["disk-failing"]]);
    for (let n = 0; n < HELD; n++) outbox.append(position);
    let free = outbox.pressure() === undefined;
    void outbox.pressure()?.then(() => (free = true));
    await pass(1_000);
    expect(free).toBe(true);
    await close(outbox);
  },
);

test.each(["open", "scan"] as const)(
  "a store that answers late (%s) is used, and the fault ends",
  async (where) => {
    const { hangs, answer, faults, pass, open, close } = openWorld(where);
    const first = await open();
    first.append(event());
    await close(first);
    hangs.now = true;
    const outbox = await open();
    const { seq } = outbox.append(event());
    await pass(60_000);
    hangs.now = false;
    answer.resolve();
    await pass(5_000);
    expect([outbox.state.kind, faults]).toEqual(["open", ["disk-failing", undefined]]);
    const reading = outbox.read("event", 0, 10);
    await pass(1_000);
    expect((await reading).reports.map((report) => report.seq)).toEqual([1, seq]);
  },
);

test("with the vital file lost as well, the outbox begins without the store, and uses it when it answers", async () => {
  const { disk, hangs, answer, pass, open, close } = openWorld("scan");
  const first = await open();
  first.append(event());
  await close(first);
  disk.corruptVital(0);
  disk.corruptVital(1);
  hangs.now = true;
  const outbox = await open();
  expect(outbox.store).not.toBe(first.store);
  outbox.append(event());
  await pass(60_000);
  hangs.now = false;
  answer.resolve();
  await pass(30_000);
  expect(outbox.state.kind).toBe("open");
  const reading = outbox.read("event", 0, 10);
  await pass(1_000);
  expect((await reading).reports.map(({ store }) => store)).toContain(first.store);
});

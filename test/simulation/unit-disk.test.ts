import { expect, test } from "vitest";
import { LifeTime } from "./life.ts";
import { createDice } from "./random.ts";
import { createUnitDisk } from "./real/disk.ts";
import { SimulatedTime } from "./time.ts";

const VITAL = Buffer.alloc(100, 7);

/** A disk on which one write has begun while it was slow; a sync takes seconds then. */
const openSlowDisk = async () => {
  const time = new SimulatedTime(0);
  const disk = createUnitDisk(time, createDice(5));
  const writes: boolean[] = [];
  const life = disk.open(new LifeTime(time));
  const end = disk.hurt("slow")!;
  void life.writeVital(0, VITAL).then(() => writes.push(disk.writable));
  await time.run(1);
  return { time, disk, end, writes };
};

test("a disk that was slow is writable once what began then has ended", async () => {
  const { time, disk, end, writes } = await openSlowDisk();
  let changed = 0;
  disk.changed = () => changed++;
  end();
  expect([disk.writable, writes]).toEqual([false, []]);
  const before = changed;
  await time.run(60_000);
  expect([disk.writable, writes.length]).toEqual([true, 1]);
  expect(changed).toBeGreaterThan(before);
});

test("… also when another fault has replaced the slowness", async () => {
  const { time, disk, writes } = await openSlowDisk();
  disk.hurt("full");
  expect([disk.writable, writes.length]).toEqual([false, 0]);
  await time.run(60_000);
  expect([disk.writable, writes.length]).toEqual([true, 1]);
});

test("a process that is gone has nothing under way", async () => {
  const { disk, end } = await openSlowDisk();
  end();
  disk.processGone(true);
  expect(disk.writable).toBe(true);
});

/** A disk on which a write has begun while it hung. */
const openHungDisk = async () => {
  const time = new SimulatedTime(0);
  const disk = createUnitDisk(time, createDice(5));
  const life = disk.open(new LifeTime(time));
  const end = disk.hurt("hangs")!;
  let written = 0;
  void life.writeVital(0, VITAL).then(() => written++);
  await time.run(600_000);
  return { time, disk, life, end, written: () => written };
};

test("a write that hangs ends when the fault is over, and reads go on meanwhile", async () => {
  const { time, disk, life, end, written } = await openHungDisk();
  let read = 0;
  void life.readVital().then(() => read++);
  await time.run(time.mono() + 1_000);
  expect([disk.writable, written(), read]).toEqual([false, 0, 1]);
  end();
  expect(disk.writable).toBe(false);
  await time.run(time.mono() + 1_000);
  expect([disk.writable, written()]).toEqual([true, 1]);
});

test.each([false, true])(
  "a write that hangs never ends if the process goes (at a power cut: %s)",
  async (cut) => {
    const { time, disk, end, written } = await openHungDisk();
    disk.processGone(cut);
    end();
    expect(disk.writable).toBe(true);
    await time.run(time.mono() + 60_000);
    expect(written()).toBe(0);
  },
);

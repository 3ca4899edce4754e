import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/**
 * The disk leaves reads, and perhaps writes, without an answer for five minutes. The link is made anew `afterMs` after
 * that began, and an emergency is opened. The receiver gives nothing: `health` stands for live positions.
 */
const hang = async (writesToo: boolean, afterMs: number) => {
  const world = openWorld([{}, {}]);
  const { disk } = world;
  let hangs = false;
  const waiting: (() => void)[] = [];
  const open = disk.openStore.bind(disk);
  const later = async <T>(read: () => Promise<T>): Promise<T> => {
    if (hangs) await new Promise<void>((resolve) => waiting.push(resolve));
    return read();
  };
  disk.openStore = async (opening) => {
    const store = await open(opening);
    return {
      ...store,
      page: (...args: Parameters<typeof store.page>) => later(() => store.page(...args)),
      getMany: (...args: Parameters<typeof store.getMany>) => later(() => store.getMany(...args)),
    };
  };
  const life = await world.start("health: { intervalS: 10 }");
  await world.wait(30_000);
  hangs = true;
  if (writesToo) disk.fault = { kind: "hangs" };
  await world.wait(afterMs);
  world.network.reset(world.brokers[0]!.route);
  const since = world.time.mono();
  await world.wait(5_000);
  life.board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(5 * 60_000);
  const heard = (what: string) =>
    world.heard.filter(({ topic, at }) => topic.includes(what) && at > since).length;
  const seen = { health: heard("/health"), event: heard("/event") };
  hangs = false;
  disk.fault = undefined;
  for (const go of waiting.splice(0)) go();
  const [answeredAt, before] = [world.time.mono(), seen.health];
  await world.wait(60_000);
  return { world, seen, stuck: heard("/health") - before, answeredAt };
};

test.each([
  [false, 100],
  [true, 100],
  [true, 3_000],
  [true, 20_000],
])(
  "positions go on, and events from memory, while the disk leaves reads without an answer (writes too: %s, new link after %i ms)",
  async (writesToo, afterMs) => {
    const { seen, stuck } = await hang(writesToo, afterMs);
    // One each 10 s, but for the 5 s in which the disk may still answer.
    expect(seen.health).toBeGreaterThanOrEqual(28);
    // What a disk that takes writes has is in memory no longer.
    expect(seen.event > 0).toBe(writesToo);
    expect(stuck).toBeGreaterThan(4);
  },
  120_000,
);

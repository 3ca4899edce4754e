import { existsSync, mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { inspectOutbox } from "../../src/outbox/inspect.ts";
import { DiskError } from "../../src/outbox/port.ts";
import { VitalHome } from "../../src/outbox/vital-home.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { event, openLives } from "./lives.ts";
import { openTestOutbox } from "./open-outbox.ts";

/** A home whose two files can be made to refuse; `log`: what was asked of the disk. */
const openHome = (spare = false) => {
  const refuses = { vital: false, spare: false };
  const log: string[] = [];
  const news: (string | undefined)[] = [];
  const clock = { ms: 0 };
  let hung: Promise<void> | undefined;
  const ask = async (what: string, refused: boolean): Promise<void> => {
    log.push(what);
    if (what.startsWith("vital") && hung) await hung;
    else if (refused) throw new DiskError("input/output error");
  };
  const disk = {
    writeVital: (place: number) => ask(`vital ${place}`, refuses.vital),
    writeSpare: (place: number) => ask(`spare ${place}`, refuses.spare),
    removeSpare: () => ask("remove", false),
  };
  const mono = (): number => clock.ms;
  const home = new VitalHome({ disk, spare, mono, spareUsed: (reason) => void news.push(reason) });
  const pass = (hours: number): void => void (clock.ms += hours * HOUR_MS);
  /** Writes to the vital file hang from now on. Returns what releases them. */
  const hang = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    hung = promise;
    return resolve;
  };
  return { home, refuses, log, news, pass, hang };
};
/** Until a write that nobody waits for has ended. */
const tried = () => new Promise((done) => setImmediate(done));
const HOUR_MS = 3_600_000;
const BYTES = Buffer.from("x");

describe("the home of the vital record", () => {
  test("is the vital file as long as that can be written", async () => {
    const { home, log, news } = openHome();
    for (const place of [0, 1, 0]) await home.write(place, BYTES);
    expect(log).toEqual(["vital 0", "vital 1", "vital 0"]);
    expect(news).toEqual([]);
  });

  test("is the spare from the first refusal on, and says so once", async () => {
    const { home, refuses, log, news } = openHome();
    refuses.vital = true;
    for (const place of [0, 1]) await home.write(place, BYTES);
    refuses.vital = false;
    await home.write(0, BYTES);
    expect(log).toEqual(["vital 0", "spare 0", "spare 1", "spare 0"]);
    expect(news).toEqual(["input/output error"]);
  });

  test("is the vital file again if the spare refuses, and the spare goes once both places are newer", async () => {
    const { home, refuses, log, news } = openHome();
    refuses.vital = true;
    await home.write(0, BYTES);
    Object.assign(refuses, { vital: false, spare: true });
    for (const place of [1, 0, 1]) await home.write(place, BYTES);
    expect(log.slice(2)).toEqual(["spare 1", "vital 1", "vital 0", "remove", "vital 1"]);
    expect(news).toEqual(["input/output error", undefined]);
  });

  test("is the spare again after it refused once, while the vital file hangs that was being tried", async () => {
    const { home, refuses, log, pass, hang } = openHome();
    refuses.vital = true;
    await home.write(0, BYTES);
    pass(1);
    const release = hang();
    await home.write(1, BYTES);
    refuses.spare = true;
    await expect(home.write(0, BYTES)).rejects.toThrow("input/output error");
    refuses.spare = false;
    await home.write(0, BYTES);
    expect(log).toEqual(["vital 0", "spare 0", "spare 1", "vital 1", "spare 0", "spare 0"]);
    release();
  });

  test("is the vital file again an hour later if that can be written then, and the spare goes two writes later", async () => {
    const { home, refuses, log, news, pass } = openHome();
    refuses.vital = true;
    await home.write(0, BYTES);
    refuses.vital = false;
    pass(0.99);
    await home.write(1, BYTES);
    pass(0.01);
    for (const place of [0, 1, 0]) {
      await home.write(place, BYTES);
      await tried();
    }
    expect(log.slice(2)).toEqual(["spare 1", "spare 0", "vital 0", "vital 1", "vital 0", "remove"]);
    expect(news).toEqual(["input/output error", undefined]);
  });

  test("stays the spare while the vital file refuses, which is tried after 1, 2, 4 hours, at last once a day", async () => {
    const { home, refuses, log, news, pass } = openHome();
    refuses.vital = true;
    await home.write(0, BYTES);
    const triedAt: number[] = [];
    for (let hour = 1; hour <= 96; hour++) {
      pass(1);
      log.length = 0;
      await home.write(hour % 2, BYTES);
      await tried();
      expect(log[0]).toBe(`spare ${hour % 2}`);
      if (log.length > 1) triedAt.push(hour);
    }
    expect(triedAt).toEqual([1, 3, 7, 15, 31, 55, 79]);
    expect(news).toEqual(["input/output error"]);
  });

  test("is tried after an hour again if it refuses for a second time", async () => {
    const { home, refuses, log, pass } = openHome();
    for (let time = 0; time < 2; time++) {
      refuses.vital = true;
      await home.write(0, BYTES);
      pass(1);
      await home.write(1, BYTES);
      await tried();
      refuses.vital = false;
      pass(2);
      await home.write(0, BYTES);
      await tried();
      expect(log.splice(0)).toEqual(["vital 0", "spare 0", "spare 1", "vital 1", "spare 0", "vital 0"]);
    }
  });

  test("is still the spare if neither file can be written when the vital file is tried again", async () => {
    const { home, refuses, log, news, pass } = openHome();
    refuses.vital = true;
    await home.write(0, BYTES);
    refuses.spare = true;
    pass(1);
    await expect(home.write(1, BYTES)).rejects.toThrow("input/output error");
    refuses.spare = false;
    await home.write(1, BYTES);
    expect(log.slice(2)).toEqual(["spare 1", "vital 1", "spare 1", "vital 1"]);
    expect(news).toEqual(["input/output error"]);
  });

  test("is still the spare while the vital file hangs when it is tried: nobody waits, and no other write goes there", async () => {
    const { home, refuses, log, hang, pass } = openHome();
    refuses.vital = true;
    await home.write(0, BYTES);
    const release = hang();
    pass(1);
    await home.write(1, BYTES);
    pass(48);
    await home.write(0, BYTES);
    expect(log.slice(2)).toEqual(["spare 1", "vital 1", "spare 0"]);
    refuses.spare = true;
    await expect(home.write(1, BYTES)).rejects.toThrow("input/output error");
    expect(log.at(-1)).toBe("spare 1");
    release();
    await tried();
    await home.write(1, BYTES);
    expect(log.at(-1)).toBe("vital 1");
  });

  test("removes the spare of an earlier life once both places of the vital file are newer", async () => {
    const { home, log } = openHome(true);
    for (const place of [0, 1, 0]) await home.write(place, BYTES);
    expect(log).toEqual(["vital 0", "vital 1", "remove", "vital 0"]);
  });

  test("refuses with the first reason if neither file can be written, and tries the same one first again", async () => {
    const { home, refuses, log } = openHome();
    Object.assign(refuses, { vital: true, spare: true });
    await expect(home.write(0, BYTES)).rejects.toThrow("input/output error");
    Object.assign(refuses, { vital: false, spare: false });
    await home.write(0, BYTES);
    expect(log).toEqual(["vital 0", "spare 0", "vital 0"]);
  });
});

test("a vital file that cannot be written, on a real disk: the memory survives in the spare, then moves back", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "vital-home-")), "outbox");
  mkdirSync(`${path}.vital`);
  const reasons: (string | undefined)[] = [];
  const open = () => openTestOutbox(path, { on: { spareUsed: (reason) => void reasons.push(reason) } });
  const first = await open();
  first.remember(remembering(EPISODE));
  await first.secure();
  const { store } = first;
  await first[Symbol.asyncDispose]();
  await using inspection = await inspectOutbox(path);
  expect(inspection.openEpisodes.map(({ data }) => data.episode)).toEqual([EPISODE]);
  expect(inspection.news).toEqual([]);
  expect(existsSync(join(path, "vital-spare"))).toBe(true);
  rmdirSync(`${path}.vital`);
  for (let life = 0; life < 2; life++) {
    const next = await open();
    expect(next.store).toBe(store);
    expect(next.memory.emergency.episodes.map(({ episode }) => episode.id)).toEqual([EPISODE]);
    await next[Symbol.asyncDispose]();
    expect(existsSync(join(path, "vital-spare"))).toBe(false);
  }
  expect(reasons).toEqual([expect.stringContaining(`${path}.vital cannot be written`)]);
});

test("a vital file that could not be read for one life never counts again after it", async () => {
  const world = openLives();
  const first = await world.open(() => 0.1);
  first.remember(remembering(EPISODE));
  first.append(event());
  await world.pass(5_000);
  // After the last batch: the store does not know how far the file has come.
  for (let n = 0; n < 20; n++) {
    first.nextConnection();
    await world.pass(20);
  }
  world.disk.cut();
  const file = world.disk.places.map((bytes) => bytes && Buffer.from(bytes));
  world.disk.putVital(file.map((bytes) => bytes && Buffer.alloc(bytes.length, 7)));
  world.disk.fault = { kind: "vital-refuses" };
  const second = await world.open(() => 0.2);
  expect(second.memory.emergency.episodes).toHaveLength(1);
  second.remember(remembering());
  await world.pass(5_000);
  world.disk.cut();
  world.disk.putVital(file);
  world.disk.fault = undefined;
  const third = await world.open(() => 0.3);
  expect(third.memory.emergency.episodes).toEqual([]);
  expect(third.boot).toBeGreaterThan(second.boot);
});

describe("a vital file that refused and is tried again", () => {
  /** Refuses once; then the memory changes in the spare, and an hour passes. */
  const openTried = async () => {
    const world = openLives();
    const first = await world.open(() => 0.1);
    world.disk.fault = { kind: "vital-refuses" };
    first.remember(remembering(EPISODE));
    await world.pass(1_000);
    world.disk.fault = undefined;
    await world.pass(HOUR_MS);
    expect(world.disk.places[2]).toBeDefined();
    return { world, first };
  };

  test.each([0, 1, 2, 3])("loses nothing at a power cut after %i more writes", async (writes) => {
    const { world, first } = await openTried();
    for (let n = 0; n < writes; n++) {
      first.nextConnection();
      await world.pass(1_000);
    }
    expect(world.disk.places[2] === undefined).toBe(writes >= 3);
    world.disk.cut();
    const second = await world.open(() => 0.2);
    expect(second.memory.emergency.episodes.map(({ episode }) => episode.id)).toEqual([EPISODE]);
    expect(second.boot).toBe(first.boot + 1);
    expect(second.nextConnection()).toBe(writes + 1);
  });

  test("loses nothing at a power cut in the middle of that write", async () => {
    const { world, first } = await openTried();
    const before = [...world.disk.places];
    world.disk.beginsAtOnce = true;
    first.remember(remembering());
    await world.pass(1);
    world.disk.cut();
    const torn = world.disk.places.flatMap((bytes, place) => (bytes === before[place] ? [] : [place]));
    expect(torn).toHaveLength(1);
    world.disk.corruptVital(torn[0]!);
    const second = await world.open(() => 0.2);
    expect(second.memory.emergency.episodes.map(({ episode }) => episode.id)).toEqual([EPISODE]);
    expect(second.boot).toBeGreaterThan(first.boot);
  });
});

import { describe, expect, test } from "vitest";
import type { Files } from "../../src/bundle/port.ts";
import { Store } from "../../src/bundle/store.ts";
import { begin, end } from "../../src/bundle/supervise.ts";
import { beginGoingBack, beginTrial, pass, trialOf, type Result } from "../../src/bundle/trial.ts";
import { rootAt } from "../../src/settings/root.ts";
import { benchOn, benchWith, DISK_FAILS, type Bench } from "./service-bench.ts";
import { SimulatedFiles } from "./simulated-files.ts";

const unexpected = (cause: unknown): never => {
  throw cause;
};

test("a root without a configuration has nothing to run", async () => {
  expect(await begin((await benchWith()).on, unexpected)).toBeUndefined();
});

test("a new configuration is taken over within two seconds", async () => {
  const bench = await benchWith(1);
  const begun = await bench.start();
  bench.state.reached = true;
  let installed = 0;
  bench.everySecond = (second) => {
    if (second !== 5) return;
    installed = second;
    void bench.install(2);
  };
  expect(await bench.run(begun)).toBe("configuration 2 replaces 1");
  expect(bench.seconds - installed).toBeLessThanOrEqual(2);
});

test("a version that was taken back and installed again within a second is taken over, and tried", async () => {
  const bench = await benchWith(1, 2);
  bench.state.reached = true;
  const begun = await bench.start();
  await bench.run(begun, 3);
  const back = beginGoingBack(await bench.store.disk(), await bench.store.state(), "by hand");
  if (back) await bench.store.goBack(1, back);
  await bench.install(2);
  expect(await bench.run(begun, 10)).toBe("configuration 2 was installed again");
  await bench.run(await bench.start(), 10);
  expect(bench.results.at(-1)).toMatchObject({ version: 2, ok: true });
  expect(await bench.store.state()).not.toHaveProperty("trial");
});

test("an emergency is not interrupted by a new configuration, if dispatch is reached", async () => {
  const bench = await benchWith(1);
  const begun = await bench.start();
  Object.assign(bench.state, { reached: true, emergency: true });
  await bench.install(2);
  expect(await bench.run(begun, 100)).toBeUndefined();
  bench.state.emergency = false;
  expect(await bench.run(begun)).toBe("configuration 2 replaces 1");
});

test("an emergency gets the other configuration, if dispatch is not reached", async () => {
  const bench = await benchWith(1);
  const begun = await bench.start();
  Object.assign(bench.state, { reached: false, emergency: true });
  await bench.install(2);
  expect(await bench.run(begun)).toBe("configuration 2 replaces 1");
});

test("a press ends a trial that does not reach dispatch: it needs the configuration that is known to work", async () => {
  const bench = await benchWith(1, 2);
  const begun = await bench.start();
  let pressed = 0;
  bench.everySecond = (second) => {
    if (second !== 10) return;
    pressed = bench.seconds;
    bench.state.emergency = true;
  };
  expect(await bench.run(begun)).toBe(
    "configuration 2 goes back to 1: an emergency was open, and dispatch was not reached with it",
  );
  expect(bench.seconds - pressed).toBeLessThanOrEqual(8);
});

test("a press ends no trial while nothing could carry it: the other configuration would not reach dispatch either", async () => {
  const bench = await benchWith(1, 2);
  const begun = await bench.start();
  bench.state.covered = false;
  bench.everySecond = (second) => {
    if (second === 10) bench.state.emergency = true;
    if (second === 100) bench.state.covered = true;
    if (second === 103) bench.state.reached = true;
  };
  expect(await bench.run(begun, 200)).toBeUndefined();
  expect(bench.results).toEqual([{ version: 2, ok: true, other: 1, signer: "hq" }]);
});

test("a trial is passed when dispatch is reached, and that is reported once", async () => {
  const bench = await benchWith(1, 2);
  const begun = await bench.start();
  bench.everySecond = (second) => {
    if (second === 30) bench.state.reached = true;
  };
  expect(await bench.run(begun, 200)).toBeUndefined();
  expect(bench.results).toEqual([{ version: 2, ok: true, other: 1, signer: "hq" }]);
  expect(await bench.store.state()).toEqual({ v: 1, failed: [], results: [] });
});

test("a trial in which dispatch is not reached ends after its time with the way back, which is reported", async () => {
  const bench = await benchWith(1, 2);
  const begun = await bench.start();
  expect(await bench.run(begun)).toBe(
    "configuration 2 goes back to 1: dispatch was not reached with it within 60 s",
  );
  expect(bench.seconds).toBeGreaterThanOrEqual(60);
  expect(bench.seconds).toBeLessThanOrEqual(62);
  expect(await bench.current()).toBe(1);
  const again = await bench.start();
  expect(again).toMatchObject({ version: 1, back: undefined, guarded: false });
  await bench.run(again, 5);
  expect(bench.results).toEqual([
    { version: 2, ok: false, error: "dispatch was not reached with it within 60 s", other: 1, signer: "hq" },
  ]);
});

test("time without coverage does not count", async () => {
  const bench = await benchWith(1, 2);
  const begun = await bench.start();
  bench.state.covered = false;
  bench.everySecond = (second) => {
    if (second === 5_000) bench.state.covered = true;
  };
  expect(await bench.run(begun, 10_000)).toMatch(/goes back to 1/);
  expect(bench.seconds).toBeGreaterThanOrEqual(5_059);
});

test("the time of a trial counts across clean stops", async () => {
  const bench = await benchWith(1, 2);
  for (let n = 0; n < 3; n++) {
    const begun = await bench.start();
    await bench.run(begun, 15);
    await end(bench.on, begun, unexpected);
  }
  expect((await bench.store.state()).trial).toMatchObject({ crashes: 0, running: false });
  const { trial } = await bench.store.state();
  expect(trial?.countedMs).toBeGreaterThanOrEqual(40_000);
  expect(trial?.countedMs).toBeLessThanOrEqual(45_000);
});

test("three crashes lead back, and the fourth start runs with the version before", async () => {
  const bench = await benchWith(1, 2);
  expect(
    [await bench.start(), await bench.start(), await bench.start()].map(({ version }) => version),
  ).toEqual([2, 2, 2]);
  expect(await bench.start()).toMatchObject({
    version: 1,
    back: "the service crashed 3 times with it",
    guarded: false,
  });
});

test("power cuts are no crashes", async () => {
  const bench = await benchWith(1, 2);
  for (let n = 0; n < 6; n++) {
    bench.boot = `machine-${n}`;
    expect(await bench.start()).toMatchObject({ version: 2, guarded: true });
  }
});

test("a version that is taken back by hand is taken over, and reported", async () => {
  const bench = await benchWith(1, 2);
  const begun = await bench.start();
  bench.state.reached = true;
  await bench.store.writeState(pass(await bench.store.disk(), await bench.store.state()));
  const back = beginGoingBack(await bench.store.disk(), await bench.store.state(), "by hand");
  if (back?.going) await bench.store.goBack(back.going.to, back);
  expect(await bench.run(begun)).toBe("configuration 1 replaces 2");
  await bench.run(await bench.start(), 5);
  expect(bench.results.at(-1)).toMatchObject({ version: 2, ok: false, error: "by hand", other: 1 });
});

const REFUSED: Result = { ok: false, error: "it is damaged" };

test("a result is announced once while the outbox cannot be written", async () => {
  const bench = await benchWith(1);
  await bench.store.writeState({ v: 1, failed: [], results: [REFUSED] });
  const begun = await bench.start();
  bench.state.outbox = "fails";
  await bench.run(begun, 600);
  expect(bench.results).toEqual([REFUSED]);
  expect((await bench.store.state()).results).toEqual([REFUSED]);
});

test("a result is removed when the outbox can be written again, and is not announced again", async () => {
  const bench = await benchWith(1);
  await bench.store.writeState({ v: 1, failed: [], results: [REFUSED] });
  const begun = await bench.start();
  bench.state.outbox = "fails";
  bench.everySecond = (second) => {
    if (second === 300) bench.state.outbox = "works";
  };
  await bench.run(begun, 320);
  expect(bench.results).toEqual([REFUSED]);
  expect(bench.attempts).toBeLessThanOrEqual(31);
  expect((await bench.store.state()).results).toEqual([]);
});

test("a result that was announced and not written is announced again by the next unit", async () => {
  const bench = await benchWith(1);
  await bench.store.writeState({ v: 1, failed: [], results: [REFUSED] });
  bench.state.outbox = "fails";
  await bench.run(await bench.start(), 20);
  bench.state.outbox = "works";
  await bench.run(await bench.start(), 20);
  expect(bench.results).toEqual([REFUSED, REFUSED]);
  expect((await bench.store.state()).results).toEqual([]);
});

test("a trial ends after its time while a result cannot be reported", async () => {
  const bench = await benchWith(1, 2);
  await bench.store.writeState({ ...(await bench.store.state()), results: [REFUSED] });
  const begun = await bench.start();
  bench.state.outbox = "fails";
  expect(await bench.run(begun)).toMatch(/^configuration 2 goes back to 1: /);
  expect(bench.seconds).toBeLessThanOrEqual(62);
});

test("a result that is added while an equal one waits is announced, too", async () => {
  const bench = await benchWith(1);
  await bench.store.writeState({ v: 1, failed: [], results: [REFUSED] });
  const begun = await bench.start();
  bench.state.outbox = "fails";
  bench.everySecond = (second) => {
    if (second === 5) void bench.store.writeState({ v: 1, failed: [], results: [REFUSED, REFUSED] });
    if (second === 60) bench.state.outbox = "works";
  };
  await bench.run(begun, 100);
  expect(bench.results).toEqual([REFUSED, REFUSED]);
  expect((await bench.store.state()).results).toEqual([]);
});

test("a trial ends after its time while the outbox does not answer", async () => {
  const bench = await benchWith(1, 2);
  await bench.store.writeState({ ...(await bench.store.state()), results: [REFUSED] });
  const begun = await bench.start();
  bench.state.outbox = "hangs";
  expect(await bench.run(begun)).toMatch(/^configuration 2 goes back to 1: /);
  expect(bench.seconds).toBeLessThanOrEqual(62);
});

/** A disk that cannot be written for some time. */
class FailingDisk extends SimulatedFiles {
  fails = false;

  override async write(path: string, bytes: Buffer): Promise<void> {
    if (this.fails) throw DISK_FAILS;
    return super.write(path, bytes);
  }
}

test("a trial that is proven while the disk cannot be written is passed when it can be again", async () => {
  const disk = new FailingDisk();
  const bench = await benchOn(disk, 1, 2);
  const begun = await bench.start();
  bench.state.reached = true;
  disk.fails = true;
  bench.everySecond = (second) => {
    if (second === 10) disk.fails = false;
  };
  await bench.run(begun, 30);
  expect(bench.results).toMatchObject([{ version: 2, ok: true }]);
  expect(await bench.store.state()).not.toHaveProperty("trial");
});

describe("a service with a configuration on trial starts all the same", () => {
  /** Files of which some operations are others. */
  const openOn = async (other: (files: SimulatedFiles) => Partial<Files>) => {
    const files = new SimulatedFiles();
    const bench = await benchOn(files, 1, 2);
    const seen: Files = new Proxy<Files>(files, {
      get(target, name) {
        const found: unknown = Reflect.get(other(files), name) ?? Reflect.get(target, name);
        return typeof found === "function" ? found.bind(files) : found;
      },
    });
    const faults: unknown[] = [];
    const on = { ...bench.on, store: new Store(rootAt("/root"), seen) };
    const begun = await begin(on, (cause) => faults.push(cause));
    return { begun, faults };
  };
  const fails = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));

  test.each([
    ["a disk that is full", { write: fails("ENOSPC") }],
    ["a read-only disk", { write: fails("EROFS"), remove: fails("EROFS"), rename: fails("EROFS") }],
    ["a card that does not answer", { sync: () => new Promise<never>(() => undefined) }],
  ])("on %s, which is told", async (_, other) => {
    const { begun, faults } = await openOn(() => other);
    expect([begun?.version, faults.length]).toEqual([2, 1]);
  });

  test.each([["/configs/1/"], ["state.json"]])("if %s cannot be read", async (path) => {
    const { begun } = await openOn((files) => ({
      read: (file) =>
        file.includes(path) ? fails("EIO")() : SimulatedFiles.prototype.read.call(files, file),
    }));
    expect(begun?.version).toBe(2);
  });
});

test("a start while an installation is under way writes nothing: the new version is on trial", async () => {
  const files = new SimulatedFiles();
  const bench = await benchOn(files, 1, 2);
  await bench.start();
  await bench.store.stage([{ name: "patrol-unit.yaml", bytes: Buffer.from("3") }], undefined);
  const state = beginTrial(await bench.store.disk(), await bench.store.state(), { version: 3 }, bench.boot);
  // The installation stands between the state and the link.
  const gate = Promise.withResolvers<void>();
  const there = Promise.withResolvers<void>();
  const makeLink = files.makeLink.bind(files);
  files.makeLink = async (target, path) => {
    there.resolve();
    await gate.promise;
    return makeLink(target, path);
  };
  const installing = bench.store.switchToStaged(3, state, undefined);
  await there.promise;
  await begin({ ...bench.on, lock: () => Promise.resolve(undefined) }, unexpected);
  gate.resolve();
  await installing;
  const disk = await bench.store.disk();
  expect(disk.current).toBe(3);
  expect(trialOf(disk, await bench.store.state())).toMatchObject({ version: 3 });
});

// Released at once, the lock let an installation and the end of a trial remove each other's files.
test("the root is locked until the end of a trial is on disk", async () => {
  const locked: boolean[] = [];
  let bench: Bench | undefined;
  class Watched extends SimulatedFiles {
    override async rename(from: string, to: string): Promise<void> {
      if (bench) locked.push(bench.isLocked);
      await super.rename(from, to);
    }
  }
  for (const isReached of [true, false]) {
    bench = undefined;
    // oxlint-disable-next-line no-await-in-loop -- one service after the other
    const one = await benchOn(new Watched(), 1, 2);
    // oxlint-disable-next-line no-await-in-loop
    const begun = await one.start();
    one.state.reached = isReached;
    bench = one;
    // oxlint-disable-next-line no-await-in-loop
    await one.run(begun, 200);
  }
  expect(locked.length).toBeGreaterThan(2);
  expect(new Set(locked)).toEqual(new Set([true]));
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  atStart,
  beginGoingBack,
  beginTrial,
  couldCarry,
  countTime,
  isOverdue,
  NO_STATE,
  notReached,
  pass,
  stoppedCleanly,
  superfluous,
  wayBack,
  withoutResults,
  type Disk,
  type State,
  type Trial,
} from "../../src/bundle/trial.ts";
import { tries } from "../tries.ts";

const diskOf = (current: number | undefined, previous?: number, versions = [5, 6, 7]): Disk => ({
  current,
  previous,
  versions,
});
const trialWith = (parts: Partial<Trial> = {}): Trial => ({
  version: 7,
  previous: 6,
  signer: "hq",
  crashes: 0,
  running: false,
  machineBoot: "boot-1",
  countedMs: 0,
  ...parts,
});
const stateWith = (trial: Partial<Trial> | undefined, parts: Partial<State> = {}): State => ({
  ...NO_STATE,
  ...(trial ? { trial: trialWith(trial) } : {}),
  ...parts,
});
const ON_TRIAL = diskOf(7, 6);
const GOING = { from: 7, to: 6, why: "x" };

describe("at a start of the service", () => {
  test.each<[string, Disk, State, object]>([
    ["nothing is in force: none", diskOf(undefined), NO_STATE, { kind: "none" }],
    ["no trial: it runs, and nothing is written", diskOf(7, 6), NO_STATE, { kind: "run", state: undefined }],
    [
      "the trial begins: it runs",
      ON_TRIAL,
      stateWith({}),
      { kind: "run", state: stateWith({ running: true }) },
    ],
    [
      "the last run stopped cleanly: no crash",
      ON_TRIAL,
      stateWith({ crashes: 2 }),
      { kind: "run", state: stateWith({ crashes: 2, running: true }) },
    ],
    [
      "the last run crashed: one more crash",
      ON_TRIAL,
      stateWith({ running: true, crashes: 1 }),
      { kind: "run", state: stateWith({ running: true, crashes: 2 }) },
    ],
    [
      "the power was cut in the last run: no crash",
      ON_TRIAL,
      stateWith({ running: true, crashes: 2, machineBoot: "boot-0" }),
      { kind: "run", state: stateWith({ running: true, crashes: 2 }) },
    ],
    [
      "the third crash: back",
      ON_TRIAL,
      stateWith({ running: true, crashes: 2 }),
      {
        kind: "back",
        to: 6,
        state: {
          v: 1,
          going: { from: 7, to: 6, why: "the service crashed 3 times with it" },
          failed: [7],
          results: [
            { version: 7, ok: false, error: "the service crashed 3 times with it", other: 6, signer: "hq" },
          ],
        },
      },
    ],
    [
      "the third crash, and nowhere to go: it runs",
      diskOf(7, undefined, [7]),
      { ...NO_STATE, trial: { version: 7, crashes: 2, running: true, machineBoot: "boot-1", countedMs: 0 } },
      { kind: "run" },
    ],
    [
      "a trial of a version that is not in force: it is dropped",
      diskOf(6, 5),
      stateWith({ version: 7 }),
      { kind: "run", state: NO_STATE },
    ],
    [
      "the way back was begun and not made: it is made",
      ON_TRIAL,
      stateWith(undefined, { going: GOING, failed: [7] }),
      { kind: "back", to: 6 },
    ],
    [
      "the way back was made and not noted: it is noted",
      diskOf(6),
      stateWith(undefined, { going: GOING, failed: [7] }),
      { kind: "run", state: stateWith(undefined, { failed: [7] }) },
    ],
    [
      "what is in force is not there: back to the previous one",
      diskOf(undefined, 6),
      NO_STATE,
      { kind: "back", to: 6 },
    ],
  ])("%s", (_, disk, state, start) => {
    expect(atStart(disk, state, "boot-1")).toMatchObject(start);
  });

  test("three crashes in a row lead back, and a clean stop between them does not count", () => {
    let state = stateWith({});
    const starts: string[] = [];
    for (const end of ["crash", "stop", "crash", "crash", "none"]) {
      const start = atStart(ON_TRIAL, state, "boot-1");
      starts.push(start.kind);
      if (start.kind !== "run" || !start.state) break;
      state = end === "stop" ? stoppedCleanly(start.state) : start.state;
    }
    expect(starts).toEqual(["run", "run", "run", "run", "back"]);
  });
});

describe("a trial", () => {
  test("begins with the version that passed as the way back, also if another one is being tried", () => {
    const first = beginTrial(diskOf(6, 5), NO_STATE, { version: 7, signer: "hq" }, "boot-1");
    expect(first.trial).toEqual(trialWith());
    const tried = countTime(first, 1);
    const second = beginTrial(diskOf(7, 6), tried, { version: 8 }, "boot-1");
    expect(second.trial).toMatchObject({ version: 8, previous: 6 });
  });

  test("has a version that was never tried as its way back, which then has its own trial", () => {
    const first = beginTrial(diskOf(6, 5), NO_STATE, { version: 7, signer: "hq" }, "boot-1");
    const second = beginTrial(diskOf(7, 6), first, { version: 8 }, "boot-1");
    expect(second.trial).toMatchObject({ version: 8, previous: 7, beyond: 6 });
    const back = beginGoingBack(diskOf(8, 7, [6, 7, 8]), second, "x");
    expect(back).toMatchObject({ going: { to: 7 }, trial: { version: 7, previous: 6, countedMs: 0 } });
  });

  test("of a version after several that were never tried leads to the last that passed in the end", () => {
    let state: State = NO_STATE;
    for (const version of [7, 8, 9]) state = beginTrial(diskOf(version - 1), state, { version }, "boot-1");
    expect(state.trial).toMatchObject({ version: 9, previous: 8, beyond: 6 });
  });

  test("of the first configuration has no way back", () => {
    const { trial } = beginTrial(diskOf(undefined, undefined, []), NO_STATE, { version: 1 }, "boot-1");
    expect(trial?.previous).toBeUndefined();
    expect(beginGoingBack(diskOf(1, undefined, [1]), stateWith({ version: 1 }), "x")).toBeUndefined();
  });

  test("of a version that failed makes it one that has not", () => {
    expect(beginTrial(diskOf(6), stateWith(undefined, { failed: [7] }), { version: 7 }, "b").failed).toEqual(
      [],
    );
  });

  test("is overdue when the time that counted is over, across restarts", () => {
    let state = stateWith({});
    for (let n = 0; n < 3; n++) state = countTime(stoppedCleanly(state), 100_000);
    expect(isOverdue(state.trial ?? trialWith(), 300_001)).toBe(false);
    expect(isOverdue(state.trial ?? trialWith(), 300_000)).toBe(true);
    expect(notReached(300_000)).toBe("dispatch was not reached with it within 300 s");
  });

  test("is passed when dispatch is reached, which is reported with its signer", () => {
    expect(pass(ON_TRIAL, stateWith({ countedMs: 1 }))).toEqual({
      v: 1,
      failed: [],
      results: [{ version: 7, ok: true, other: 6, signer: "hq" }],
    });
  });

  test("that is not there cannot be passed", () => {
    expect(pass(diskOf(6), stateWith({}))).toEqual(stateWith({}));
  });
});

describe("the way back", () => {
  test.each<[string, Disk, State, number | undefined]>([
    ["is the version before the trial", ON_TRIAL, stateWith({}), 6],
    ["is the previous one, without a trial", diskOf(7, 5), NO_STATE, 5],
    ["is not one whose files are not there", diskOf(7, undefined, [7]), stateWith({}), undefined],
    ["is not the version in force", diskOf(7, 7), NO_STATE, undefined],
    ["is none without a previous one", diskOf(7), NO_STATE, undefined],
  ])("%s", (_, disk, state, to) => {
    expect(wayBack(disk, state)).toBe(to);
  });

  test("remembers at most 16 versions that failed, the newest", () => {
    let state = NO_STATE;
    for (let version = 1; version <= 20; version++)
      state = beginGoingBack(diskOf(version, 0, [0, version]), state, "x") ?? state;
    expect(state.failed).toEqual(Array.from({ length: 16 }, (_, n) => n + 5));
  });
});

test("results are kept until they are reported", () => {
  const state = pass(ON_TRIAL, stateWith({}));
  const later = beginGoingBack(diskOf(7, 6), state, "by hand") ?? state;
  expect(withoutResults(later, state.results).results).toMatchObject([{ version: 7, ok: false }]);
});

test("what is in use is never superfluous, and at most five stay", () => {
  const version = fc.integer({ min: 0, max: 12 });
  fc.assert(
    fc.property(
      fc.uniqueArray(version, { maxLength: 12 }),
      fc.option(version, { nil: undefined }),
      fc.option(version, { nil: undefined }),
      fc.option(version, { nil: undefined }),
      (versions, current, previous, before) => {
        const disk = { current, previous, versions };
        const state = before === undefined ? NO_STATE : stateWith({ previous: before });
        const gone = superfluous(disk, state);
        const used = new Set([current, previous, before]);
        expect(gone.filter((one) => used.has(one))).toEqual([]);
        expect(versions.length - gone.length).toBeLessThanOrEqual(5);
        const kept = versions.filter((one) => !gone.includes(one) && !used.has(one));
        for (const one of kept) for (const other of gone) expect(one).toBeGreaterThan(other);
        if (gone.length > 0) expect(versions.length - gone.length).toBe(5);
      },
    ),
    { numRuns: tries(500) },
  );
});

test.each([
  ["a broker on this machine", ["mqtts://localhost:8883"], [], true],
  ["a broker on this machine, by its address", ["mqtt://127.0.0.1:1883"], [], true],
  ["an interface with an address", ["mqtts://a"], [{ address: "10.64.1.7", internal: false }], true],
  ["no interface but loopback", ["mqtts://a"], [{ address: "127.0.0.1", internal: true }], false],
  ["an interface that got no address", ["mqtts://a"], [{ address: "169.254.3.4", internal: false }], false],
  [
    "an interface with an address of its link only",
    ["mqtts://a"],
    [{ address: "fe80::1", internal: false }],
    false,
  ],
])("%s: could a report be carried?", (_, brokers, addresses, could) => {
  expect(couldCarry(brokers, addresses)).toBe(could);
});

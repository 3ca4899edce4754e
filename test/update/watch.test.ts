import { beforeEach, describe, expect, test } from "vitest";
import type { EventData } from "../../src/domain/report.ts";
import type { TakenBack, Trial } from "../../src/update/versions.ts";
import { ReleaseWatch, type Running } from "../../src/update/watch.ts";

const TRIAL: Trial = { version: "1.6.0", previous: "1.5.0", starts: 1 };

/** A service with 1.6.0, and what it says and announces. */
let disk: { current: string; trial: Trial | undefined; takenBack: TakenBack | undefined };
let unit: { reached: boolean; proven: boolean; inEmergency: boolean; couldCarry: boolean; writes: boolean };
let said: string[];
let events: EventData[];
let now: number;
let watch: ReleaseWatch;

beforeEach(() => {
  disk = { current: "1.6.0", trial: TRIAL, takenBack: undefined };
  unit = { reached: false, proven: false, inEmergency: false, couldCarry: true, writes: true };
  [said, events, now] = [[], [], 0];
  watch = new ReleaseWatch({
    time: { mono: () => now },
    version: "1.6.0",
    versions: {
      current: async () => disk.current,
      trial: async () => disk.trial,
      takenBack: async () => disk.takenBack,
    },
    say: (line) => void said.push(line),
  });
});

const running: Running = {
  reached: () => unit.reached,
  proven: () => unit.proven,
  inEmergency: () => unit.inEmergency,
  couldCarry: () => unit.couldCarry,
  trialMs: () => 300_000,
  announce: (event) => void events.push(event),
  written: () => (unit.writes ? Promise.resolve() : Promise.reject(new Error("the disk is full"))),
};
/** Looks each second. */
const look = async (seconds = 1): Promise<string | undefined> => {
  let reason: string | undefined;
  for (let n = 0; n < seconds && reason === undefined; n++) {
    now += 1_000;
    // oxlint-disable-next-line no-await-in-loop -- a look a second
    reason = await watch.look(running);
  }
  return reason;
};

describe("a version on trial", () => {
  test("counts once dispatch was reached: told to dispatch first, and said until it is done", async () => {
    await look(60);
    expect(said).toEqual([]);
    unit.proven = true;
    unit.writes = false;
    await expect(look()).rejects.toThrow("the disk is full");
    expect(said).toEqual([]);
    unit.writes = true;
    await look(11);
    expect(said).toEqual(["good 1.6.0", "good 1.6.0"]);
    disk.trial = undefined;
    await look(60);
    expect(said).toHaveLength(2);
    expect(events).toEqual([{ type: "update", version: "1.6.0", ok: true, previous: "1.5.0" }]);
  });

  test("goes back if dispatch is not reached in the time in which the network could have carried a report", async () => {
    unit.couldCarry = false;
    await look(3_600);
    unit.couldCarry = true;
    await look(299);
    expect(said).toEqual([]);
    await look(2);
    expect(said).toEqual(["back 1.6.0 dispatch was not reached with it within 300 s"]);
    expect(events).toEqual([]);
  });

  test("goes back at once if an emergency is open and dispatch is not reached", async () => {
    await look(10);
    unit.inEmergency = true;
    await look(4);
    unit.reached = true;
    await look(1);
    unit.reached = false;
    await look(4);
    expect(said).toEqual([]);
    await look(1);
    expect(said).toEqual(["back 1.6.0 an emergency was open, and dispatch was not reached with it"]);
  });
});

test("a version on trial whose unit never starts goes back", async () => {
  await watch.neverStarted(900_000);
  expect(said).toEqual(["back 1.6.0 its unit did not start within 900 s"]);
  disk.trial = undefined;
  await watch.neverStarted(900_000);
  expect(said).toHaveLength(1);
});

describe("another version that is in force", () => {
  test("replaces the process, unless an emergency would be interrupted", async () => {
    disk.current = "1.5.0";
    unit.inEmergency = true;
    unit.reached = true;
    expect(await look(60)).toBeUndefined();
    unit.inEmergency = false;
    expect(await look()).toBe("version 1.5.0 of the software replaces 1.6.0");
  });

  test("replaces it in an emergency in which dispatch is not reached if it is the way back, and only then", async () => {
    disk.current = "1.5.0";
    disk.trial = undefined;
    unit.inEmergency = true;
    expect(await look(60)).toBeUndefined();
    disk.takenBack = { version: "1.6.0", previous: "1.5.0", why: "x" };
    expect(await look()).toBe("version 1.5.0 of the software replaces 1.6.0");
  });
});

describe("a version that was taken back", () => {
  test("is told to dispatch once, with the reason", async () => {
    disk = {
      current: "1.6.0",
      trial: undefined,
      takenBack: { version: "1.7.0", previous: "1.6.0", why: "it failed" },
    };
    await look(11);
    expect(said).toEqual(["told 1.7.0", "told 1.7.0"]);
    disk.takenBack = undefined;
    await look(60);
    expect(said).toHaveLength(2);
    expect(events).toEqual([
      {
        type: "update",
        version: "1.7.0",
        ok: false,
        error: "it failed; version 1.6.0 is in force again",
        previous: "1.6.0",
      },
    ]);
  });

  test("is not told by that version itself: the way back was not finished", async () => {
    disk = {
      current: "1.6.0",
      trial: undefined,
      takenBack: { version: "1.6.0", previous: "1.5.0", why: "it failed" },
    };
    await look(60);
    expect([said, events]).toEqual([[], []]);
  });
});

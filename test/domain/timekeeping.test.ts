import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  HOLDOVER_MS,
  instantAt,
  NO_TIME,
  observe,
  type HostReading,
  type Timekeeping,
} from "../../src/domain/timekeeping.ts";

const BUILT = Date.UTC(2026, 10, 1);
const BOOT = Date.UTC(2026, 10, 24, 8);
const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

type World = {
  /** What the host's clock is off by. */
  readonly hostOff?: number;
  readonly synchronised?: boolean;
};
const hostAt = (mono: number, { hostOff = -56 * YEAR, synchronised = false }: World = {}): HostReading => ({
  at: BOOT + mono + hostOff,
  mono,
  synchronised,
});

/** Fixes one a second from `from`, each off by that many milliseconds. */
const drive = (offs: readonly number[], from = 0, begin: Timekeeping = NO_TIME, world: World = {}) => {
  let state = begin;
  const verdicts = offs.map((off, n) => {
    const mono = from + n * 1000;
    const seen = observe(state, { at: BOOT + mono + off, mono, dated: true }, hostAt(mono, world), BUILT);
    ({ state } = seen);
    return seen.verdict;
  });
  return {
    state,
    verdicts,
    clock: (mono: number, w = world) => instantAt(state, mono, hostAt(mono, w), BUILT),
  };
};
const sound = drive([0, 0, 0]).state;

describe("before the receiver is heard", () => {
  test("the host's time is unset, or NTP's if the host is synchronised and can be right", () => {
    const at = (world: World) => instantAt(NO_TIME, 5_000, hostAt(5_000, world), BUILT).clock;
    expect(at({ hostOff: 0 })).toBe("unset");
    expect(at({ hostOff: 0, synchronised: true })).toBe("ntp");
    expect(at({ hostOff: -YEAR, synchronised: true })).toBe("unset");
    expect(at({ hostOff: 21 * YEAR, synchronised: true })).toBe("unset");
  });

  test("a healthy receiver is trusted with its third fix, two seconds after the first", () => {
    const { verdicts, clock } = drive([0, 0, 0, 0]);
    expect(verdicts).toEqual(["unconfirmed", "unconfirmed", "trusted", "trusted"]);
    expect(clock(3_000)).toEqual({ at: BOOT + 3_000, clock: "gnss" });
  });

  test("it is trusted at once if a synchronised host says the same", () => {
    expect(drive([0], 0, NO_TIME, { hostOff: 400, synchronised: true }).verdicts).toEqual(["trusted"]);
  });

  test("a first fix that a synchronised host contradicts is refused", () => {
    const { verdicts, clock } = drive([3 * YEAR, 0], 0, NO_TIME, { hostOff: 0, synchronised: true });
    expect(verdicts).toEqual(["disputed", "trusted"]);
    expect(clock(1_000).at).toBe(BOOT + 1_000);
  });

  test("one wild fix, even the first, never sets the clock", () => {
    const { verdicts, clock } = drive([9 * YEAR, 0, 0, 0]);
    expect(verdicts).toEqual(["unconfirmed", "unconfirmed", "unconfirmed", "trusted"]);
    expect(clock(3_000).at).toBe(BOOT + 3_000);
  });

  test("wild fixes that contradict each other never set it", () => {
    const { verdicts } = drive([1, 2, 3, 4, 5, 6, 7].map((n) => n * HOUR));
    expect(new Set(verdicts)).toEqual(new Set(["unconfirmed"]));
  });

  test.each([
    ["before the build", -YEAR],
    ["more than 20 years after it", 21 * YEAR],
  ])("a receiver that is %s never sets it, and its places still count", (_, off) => {
    const { verdicts, clock } = drive(Array.from({ length: 50 }, () => off));
    expect(new Set(verdicts)).toEqual(new Set(["misdated"]));
    expect(clock(50_000).clock).toBe("unset");
  });

  test("an inferred date confirms nothing", () => {
    let state: Timekeeping = NO_TIME;
    for (let n = 0; n < 10; n++) {
      const mono = n * 1000;
      const seen = observe(state, { at: BOOT + mono, mono, dated: n === 0 }, hostAt(mono), BUILT);
      expect(seen.verdict).toBe("unconfirmed");
      ({ state } = seen);
    }
  });
});

describe("while the receiver is trusted", () => {
  test.each([
    ["implausible", 30 * YEAR],
    ["implausible", -YEAR],
    ["disputed", 2 * YEAR],
    ["disputed", -61_000],
  ])("a wild fix is refused as %s and moves nothing", (verdict, off) => {
    const { verdicts, clock } = drive([off, 0], 3_000, sound);
    expect(verdicts).toEqual([verdict, "trusted"]);
    expect(clock(5_000)).toEqual({ at: BOOT + 5_000, clock: "gnss" });
  });

  test("wild fixes between good ones never add up to a step", () => {
    const { verdicts, clock } = drive([YEAR, 0, YEAR, 0, YEAR, 0, YEAR, 0], 3_000, sound);
    expect(verdicts.filter((verdict) => verdict === "disputed")).toHaveLength(4);
    expect(clock(12_000).at).toBe(BOOT + 12_000);
  });

  test("a step that is said three times in a row is followed", () => {
    const { verdicts, clock } = drive([HOUR, HOUR, HOUR, HOUR], 3_000, sound);
    expect(verdicts).toEqual(["disputed", "disputed", "trusted", "trusted"]);
    expect(clock(7_000).at).toBe(BOOT + HOUR + 7_000);
  });

  test("a leap second step is the receiver's own time at once, and the clock follows within five seconds", () => {
    const { verdicts, clock } = drive([-18_000, -18_000, -18_000, -18_000, -18_000, -18_000], 3_000, sound);
    expect(new Set(verdicts)).toEqual(new Set(["trusted"]));
    expect(clock(9_000).at).toBe(BOOT - 18_000 + 9_000);
  });

  test("a date that stays implausible costs the receiver its say, not its places", () => {
    const { verdicts, clock } = drive(
      Array.from({ length: 6 }, () => -YEAR),
      3_000,
      sound,
    );
    expect(verdicts.slice(0, 2)).toEqual(["implausible", "implausible"]);
    expect(new Set(verdicts.slice(2))).toEqual(new Set(["misdated"]));
    expect(clock(9_000)).toEqual({ at: BOOT + 9_000, clock: "gnss" });
  });

  test("fixes that come late do not hold the clock back", () => {
    const { clock } = drive([0, -300, -800, -100, -500], 3_000, sound);
    expect(Math.abs(clock(8_000).at - BOOT - 8_000)).toBeLessThan(5);
  });
});

/** Fixes of each second from `from`, all read at `to`. */
const readAtOnce = (from: number, to: number, begin: Timekeeping, everyMs = 1_000) => {
  let state = begin;
  const verdicts: string[] = [];
  for (let sentAt = from; sentAt <= to; sentAt += everyMs) {
    const seen = observe(state, { at: BOOT + sentAt, mono: to, dated: true }, hostAt(to), BUILT);
    ({ state } = seen);
    verdicts.push(seen.verdict);
  }
  return { state, verdicts };
};

describe("fixes that waited while the process stood still", () => {
  test.each([
    ["5 s", 5, 1_000],
    ["8 s", 8, 1_000],
    ["27 s", 27, 1_000],
    ["40 s", 40, 1_000],
    ["40 s, ten a second", 40, 100],
    ["10 minutes", 600, 1_000],
  ])("move the clock at no moment, and each keeps its own time: %s", (_, seconds, everyMs) => {
    const end = 3_000 + seconds * 1_000;
    let state = sound;
    for (let sentAt = 3_000; sentAt <= end; sentAt += everyMs) {
      const seen = observe(state, { at: BOOT + sentAt, mono: end, dated: true }, hostAt(end), BUILT);
      ({ state } = seen);
      expect(seen.verdict).toBe("trusted");
      expect(Math.abs(instantAt(state, end, hostAt(end), BUILT).at - BOOT - end)).toBeLessThan(100);
    }
  });

  test("move the clock also not if the newest were lost, and the receiver goes on", () => {
    const { state } = readAtOnce(3_000, 40_000, sound);
    // The line kept the oldest 20 s.
    let late = sound;
    for (let sentAt = 3_000; sentAt <= 23_000; sentAt += 1_000) {
      ({ state: late } = observe(
        late,
        { at: BOOT + sentAt, mono: 40_000, dated: true },
        hostAt(40_000),
        BUILT,
      ));
    }
    for (const begin of [state, late]) {
      const { verdicts, clock } = drive([0, 0, 0, 0, 0, 0, 0], 41_000, begin);
      expect(new Set(verdicts)).toEqual(new Set(["trusted"]));
      expect(Math.abs(clock(48_000).at - BOOT - 48_000)).toBeLessThan(10);
    }
  });

  test("move the clock also not if it stands still again and again", () => {
    let state = sound;
    for (let end = 8_000; end < 60_000; end += 5_000) ({ state } = readAtOnce(end - 4_900, end, state));
    expect(Math.abs(instantAt(state, 60_000, hostAt(60_000), BUILT).at - BOOT - 60_000)).toBeLessThan(200);
  });

  test("set a clock that is not set; live fixes set it right", () => {
    const { state } = readAtOnce(0, 40_000, NO_TIME, 100);
    expect(instantAt(state, 40_000, hostAt(40_000), BUILT).clock).toBe("gnss");
    const { clock } = drive([0, 0, 0, 0], 41_000, state);
    expect(clock(45_000)).toEqual({ at: BOOT + 45_000, clock: "gnss" });
  });

  test("of a time before the last accepted fix are not excused by it", () => {
    const { verdicts } = drive([-61_000], 50_000, drive([0, 0, 0], 47_000, sound).state);
    expect(verdicts).toEqual(["disputed"]);
  });
});

describe("without the receiver", () => {
  test("trust lasts 24 hours and no longer", () => {
    const last = 2_000;
    const clock = (mono: number, world: World = {}) => instantAt(sound, mono, hostAt(mono, world), BUILT);
    expect(clock(last + HOLDOVER_MS).clock).toBe("gnss");
    expect(clock(last + HOLDOVER_MS + 1)).toEqual({ at: BOOT + last + HOLDOVER_MS + 1, clock: "unset" });
    const ntp = clock(last + HOLDOVER_MS + 1, { hostOff: 250, synchronised: true });
    expect(ntp).toEqual({ at: BOOT + last + HOLDOVER_MS + 251, clock: "ntp" });
    expect(clock(last + HOLDOVER_MS + 1, { hostOff: -YEAR, synchronised: true }).clock).toBe("unset");
  });

  test("the first fix after that is trusted if it agrees, and must be confirmed if it does not", () => {
    const later = 30 * HOUR;
    expect(drive([900], later, sound).verdicts).toEqual(["trusted"]);
    expect(drive([6_000, 6_000, 6_000], later, sound).verdicts).toEqual([
      "unconfirmed",
      "unconfirmed",
      "trusted",
    ]);
  });

  test("a time long before the first fix is not known by it", () => {
    const { state } = drive([0, 0, 0], 30 * HOUR);
    const at = (mono: number) => instantAt(state, mono, hostAt(30 * HOUR + 2_000), BUILT).clock;
    expect(at(30 * HOUR - HOUR)).toBe("gnss");
    expect(at(1_000)).toBe("unset");
  });

  test("between two fixes days apart the drift is shared out", () => {
    const { clock } = drive([1_800], 20 * HOUR, sound);
    expect(clock(10 * HOUR).at - BOOT - 10 * HOUR).toBeCloseTo(900, -1);
  });
});

test("whatever a receiver says, nothing it says once is believed and every instant is a number", () => {
  const time = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, 1e300, Number.NaN, Infinity));
  fc.assert(
    fc.property(fc.array(time, { maxLength: 20 }), (times) => {
      let state = sound;
      times.forEach((at, n) => {
        const mono = 3_000 + 2 * n * 1000;
        ({ state } = observe(state, { at, mono, dated: true }, hostAt(mono), BUILT));
        const right = { at: BOOT + mono + 1000, mono: mono + 1000, dated: true };
        ({ state } = observe(state, right, hostAt(mono + 1000), BUILT));
        const now = instantAt(state, mono + 1000, hostAt(mono + 1000), BUILT);
        expect(Math.abs(now.at - right.at)).toBeLessThan(10);
      });
    }),
  );
});

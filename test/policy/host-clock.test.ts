import { describe, expect, test } from "vitest";
import { HOST_CLOCK, judgeHostClock, type Clocks } from "../../src/policy/host-clock.ts";

const NOW = Date.UTC(2026, 10, 26);
const SOUND: Clocks = { mono: 0, host: NOW, trusted: NOW, synchronised: false };

/** What is decided at each of these looks. */
const looks = (...clocks: Partial<Clocks>[]): string[] => {
  let state = HOST_CLOCK;
  return clocks.map((some) => {
    const { next, handOver, wasSet } = judgeHostClock(state, { ...SOUND, ...some });
    state = next;
    return [handOver ? "hand over" : "", wasSet ? "was set" : ""].filter(Boolean).join(", ");
  });
};

describe("the receiver's time", () => {
  test("is handed over when the computer's clock is wrong, in either direction", () => {
    expect(looks({ host: 0 })).toEqual(["hand over"]);
    expect(looks({ host: NOW + 86_400_000 })).toEqual(["hand over"]);
  });

  test("is not handed over while no time is trusted", () => {
    expect(looks({ host: 0, trusted: undefined })).toEqual([""]);
  });

  test("is not handed over when the clock is right to a second", () => {
    expect(looks({ host: NOW - 1_000 })).toEqual([""]);
  });

  test("is not handed over while NTP disciplines the clock: it knows better", () => {
    expect(looks({ host: NOW - 60_000, synchronised: true })).toEqual([""]);
  });

  test("is handed over again after half a minute if nothing has come of it", () => {
    const host = 0;
    expect(looks({ host }, { host: 29_999, mono: 29_999 }, { host: 30_000, mono: 30_000 })).toEqual([
      "hand over",
      "",
      "hand over",
    ]);
  });
});

test("it is noticed that the clock was set, and not that it runs", () => {
  expect(
    looks(
      { host: NOW },
      { host: NOW + 1_000, mono: 1_000 },
      { host: NOW + 90_000, mono: 2_000, trusted: NOW + 90_000 },
    ),
  ).toEqual(["", "", "was set"]);
});

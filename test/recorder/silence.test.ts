import { describe, expect, test } from "vitest";
import { Silence, type Now } from "../../src/recorder/silence.ts";
import type { StateMessage } from "../../src/domain/messages.ts";
import { accepted, AT, emergencyData, STORE, UNIT } from "./reports.ts";

const now = (s: number): Now => ({ mono: s * 1_000, wall: AT + s * 1_000 });
const ears = (s: number) => ({ isUp: true, heardAt: s * 1_000 });
const DRIVES = JSON.stringify({ courseDeg: 90, speedKmh: 50 });
const STANDS = JSON.stringify({ speedKmh: 0 });

const state = (more: Partial<StateMessage> = {}): StateMessage => ({
  state: "online",
  unit: UNIT,
  store: STORE,
  boot: 1,
  connection: 1,
  version: "1",
  ...more,
});

/** A unit that has reported as it drives, once, at 0 s. */
const driving = (): Silence => {
  const silence = new Silence();
  silence.heard(UNIT, false, now(0));
  silence.report(accepted(1, { data: DRIVES }).report, now(0));
  return silence;
};
const overdueAt = (silence: Silence, s: number) => silence.overdue(now(s), ears(s)).map(({ unit }) => unit);

describe("a unit is silent", () => {
  test("after three times what is expected of a moving car, and is heard again", () => {
    const silence = driving();
    expect(overdueAt(silence, 29)).toEqual([]);
    const [change] = silence.overdue(now(30), ears(30));
    expect(change!.silent).toEqual({ unit: UNIT, since: AT + 30_000, last: AT, expectedS: 10 });
    expect(overdueAt(silence, 31)).toEqual([]);
    expect(silence.heard(UNIT, false, now(40))).toEqual({ unit: UNIT, silent: undefined });
    expect(silence.heard(UNIT, false, now(41))).toBeUndefined();
  });

  test("later if it stands or is parked, and if it drives without a fix", () => {
    for (const [kind, data] of [
      ["position", STANDS],
      ["event", JSON.stringify({ type: "power", what: "ignition-off" })],
      ["health", JSON.stringify({ gps: { fix: "none" } })],
    ] as const) {
      const silence = driving();
      silence.report(accepted(2, { kind, data }).report, now(0));
      expect(overdueAt(silence, 179), kind).toEqual([]);
      expect(overdueAt(silence, 180), kind).toEqual([UNIT]);
    }
  });

  test("no sooner while an emergency is open in a car without a fix, which sends no positions", () => {
    const silence = driving();
    const health = JSON.stringify({ gps: { fix: "none" } });
    silence.report(accepted(2, { kind: "health", data: health }).report, now(0));
    silence.report(accepted(3, { kind: "emergency", data: JSON.stringify(emergencyData()) }).report, now(0));
    expect(overdueAt(silence, 179)).toEqual([]);
    expect(overdueAt(silence, 180)).toEqual([UNIT]);
  });

  test("sooner while an emergency is open, until it is cleared", () => {
    const silence = driving();
    const emergency = (seq: number, more: object) =>
      accepted(seq, { kind: "emergency", data: JSON.stringify({ ...emergencyData(), ...more }) }).report;
    silence.report(emergency(2, {}), now(0));
    expect(overdueAt(silence, 15)).toEqual([UNIT]);
    silence.heard(UNIT, false, now(16));
    silence.report(emergency(3, { state: "cleared" }), now(16));
    expect(overdueAt(silence, 45)).toEqual([]);
  });

  test("never after it has said that it stops, until it starts again", () => {
    for (const stop of [
      (silence: Silence) => silence.state(state({ state: "offline", reason: "SIGTERM" }), now(0)),
      (silence: Silence) =>
        silence.report(accepted(2, { kind: "event", data: '{"type":"shutdown"}' }).report, now(0)),
      (silence: Silence) =>
        silence.report(
          accepted(2, { kind: "event", data: '{"type":"power","what":"power-off"}' }).report,
          now(0),
        ),
    ]) {
      const silence = driving();
      silence.state(state(), now(0));
      stop(silence);
      expect(overdueAt(silence, 100_000)).toEqual([]);
      silence.state(state({ boot: 2 }), now(100_000));
      silence.heard(UNIT, true, now(100_000));
      expect(overdueAt(silence, 100_180)).toEqual([UNIT]);
    }
  });

  test("not if its configuration asks for less: what is usual is learned", () => {
    const silence = driving();
    let seq = 2;
    const changes: string[] = [];
    for (let s = 60; s < 3_600; s += 60) {
      changes.push(...overdueAt(silence, s - 1));
      silence.heard(UNIT, false, now(s));
      silence.report(accepted(seq++, { data: DRIVES }).report, now(s));
    }
    expect(changes).toEqual([UNIT]);
  });

  test("a time between two connections of the unit is not learned as usual", () => {
    const silence = driving();
    expect(overdueAt(silence, 600)).toEqual([UNIT]);
    silence.heard(UNIT, true, now(600));
    silence.report(accepted(2, { data: DRIVES }).report, now(601));
    expect(overdueAt(silence, 631)).toEqual([UNIT]);
  });
});

describe("an offline message is stale", () => {
  test.each([
    ["an older boot", { boot: 1, connection: 9 }, true],
    ["an older connection", { boot: 2, connection: 3 }, true],
    ["another store", { store: "00000000", boot: 5, connection: 9 }, true],
    ["the same connection", { boot: 2, connection: 4 }, false],
    ["a newer connection", { boot: 2, connection: 5 }, false],
  ])("if it is of %s", (_, more, isStale) => {
    const silence = new Silence();
    silence.state(state({ boot: 2, connection: 4 }), now(0));
    silence.heard(UNIT, true, now(0));
    const offline = state({ state: "offline", reason: "SIGTERM", ...more });
    expect(silence.state(offline, now(1))).toBe(isStale);
    expect(overdueAt(silence, 1_000)).toEqual(isStale ? [UNIT] : []);
  });
});

describe("nothing is called silent because this side is deaf", () => {
  test("while there is no connection", () => {
    const silence = driving();
    expect(silence.overdue(now(500), { isUp: false, heardAt: Infinity })).toEqual([]);
  });

  test("before the broker has shown that it lives", () => {
    const silence = driving();
    expect(silence.overdue(now(35), ears(29))).toEqual([]);
    expect(silence.overdue(now(36), ears(36))).toHaveLength(1);
  });

  test("a fleet that drops out together with its broker, and comes back within a minute, is never silent", () => {
    const silence = new Silence();
    const fleet = Array.from({ length: 1_000 }, (_, n) => `a/u-${n}`);
    const changes: string[] = [];
    const hear = (s: number) => {
      for (const unit of fleet) {
        silence.heard(unit, false, now(s));
        silence.report(accepted(s + 1, { unit, data: DRIVES }).report, now(s));
      }
    };
    for (let s = 0; s < 300; s++) {
      if (s === 60) silence.unrest(now(s).mono);
      if (s === 75) silence.unrest(now(s).mono);
      if (s % 5 === 0 && (s < 60 || s > 120)) hear(s);
      const isUp = s < 60 || s >= 75;
      changes.push(...silence.overdue(now(s), { isUp, heardAt: now(s).mono }).map(({ unit }) => unit));
    }
    expect(changes).toEqual([]);
  });

  test("the one that does not come back is", () => {
    const silence = driving();
    silence.unrest(now(20).mono);
    expect(overdueAt(silence, 109)).toEqual([]);
    expect(overdueAt(silence, 110)).toEqual([UNIT]);
  });
});

test("what the store or a broker says is adopted until the unit is heard", () => {
  const silent = { unit: UNIT, since: AT, last: AT - 1_000, expectedS: 10 };
  const silence = new Silence();
  expect(silence.adopt(silent, now(0))).toBe(true);
  expect(silence.silent).toEqual([silent]);
  expect(silence.heard(UNIT, false, now(1))).toEqual({ unit: UNIT, silent: undefined });
  expect(silence.adopt(silent, now(2))).toBe(false);
});

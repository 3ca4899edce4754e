import { describe, expect, test } from "vitest";
import type { Episode } from "../../src/domain/episode.ts";
import type { EmergencyData, EmergencyUpdate } from "../../src/domain/report.ts";
import { dataOf, kept, lastSeen } from "../../src/emergency/report.ts";

const ID = "01KAR7Z0000000000000000000";
const AT = Date.parse("2026-11-22T08:58:23.000Z");
const place = { lat: 45, lon: 20, fix: "3d", ageMs: 500, trusted: true } as const;

const reported = (data: Partial<EmergencyData> = {}): EmergencyUpdate => ({
  v: 1,
  unit: "zrenjanin/zr-117",
  boot: 1,
  seq: 9,
  kind: "emergency",
  at: new Date(AT).toISOString(),
  clock: "gnss",
  mono: 1_000,
  data: { episode: ID, state: "active", test: false, button: "dash", presses: 1, attempt: 1, ...data },
});
const signals = (bytes: number) => ({ signals: { "Vehicle.Police.Note": "x".repeat(bytes) } });
const track = (points: number) => Array.from({ length: points }, () => place);

describe("what the memory keeps of a report", () => {
  test("is all of a small one, as a copy", () => {
    const report = reported({ track: track(10), vehicle: signals(100) });
    expect(kept(report)).toEqual(report);
    expect(kept(report)).not.toBe(report);
  });

  test("lacks the track if the report is too large, and says so", () => {
    const { data } = kept(reported({ track: track(10), vehicle: signals(8_000 - 300) }));
    expect(data).not.toHaveProperty("track");
    expect(data).toMatchObject({ shortened: ["track"], vehicle: signals(8_000 - 300) });
  });

  test("lacks the signals too if that is not enough, and what was left out before stays named", () => {
    const { data } = kept(reported({ track: track(1), vehicle: signals(9_000), shortened: ["buttons"] }));
    expect(data).not.toHaveProperty("track");
    expect(data).not.toHaveProperty("vehicle");
    expect(data.shortened).toEqual(["buttons", "track", "vehicle"]);
  });

  test("counts bytes of UTF-8, not characters", () => {
    const large = { signals: { "Vehicle.Police.Note": "€".repeat(3_000) } };
    expect(kept(reported({ vehicle: large })).data).not.toHaveProperty("vehicle");
  });

  test("lacks track and signals once the episode is cleared, whatever its size", () => {
    const { data } = kept(reported({ state: "cleared", track: track(1), vehicle: signals(1) }));
    expect(data.shortened).toEqual(["track", "vehicle"]);
    expect(kept(reported({ state: "cleared" })).data).not.toHaveProperty("shortened");
  });

  test("leaves the report itself as it was", () => {
    const report = reported({ state: "cleared", vehicle: signals(1) });
    kept(report);
    expect(report.data).toEqual(reported({ state: "cleared", vehicle: signals(1) }).data);
  });
});

describe("where the car was last seen", () => {
  const now = (ms: number) => ({ at: AT + ms, clock: "gnss" }) as const;

  test("is the last report's position and track, older by the time since, and not trusted", () => {
    const bare = { lat: 44, lon: 20 };
    expect(lastSeen(reported({ position: place, track: [bare, place] }), now(7_000))).toEqual({
      position: { ...place, ageMs: 7_500, trusted: false },
      track: [
        { ...bare, trusted: false },
        { ...place, ageMs: 7_500, trusted: false },
      ],
    });
  });

  test("is never younger than it was reported, though the clock has gone back", () => {
    expect(lastSeen(reported({ position: place }), now(-9_000)).position).toMatchObject({ ageMs: 500 });
  });

  test.each([
    ["no report", undefined, now(0)],
    ["a report without a place", reported(), now(0)],
    ["a report of an unset clock", { ...reported({ position: place }), clock: "unset" }, now(0)],
    ["a clock that is unset now", reported({ position: place }), { at: 0, clock: "unset" }],
  ] as const)("is not known with %s", (_, report, instant) => {
    expect(lastSeen(report, instant)).toEqual({});
  });
});

test("the data of a report lacks what is not known", () => {
  const episode: Episode = {
    id: ID,
    test: false,
    button: "dash",
    buttons: ["dash"],
    silent: true,
    dark: false,
    presses: 2,
    state: "active",
    safe: false,
    revision: 3,
    reach: "made",
    attempt: 4,
    repeatAt: 0,
  };
  const bare = {
    episode: ID,
    state: "active",
    test: false,
    silent: true,
    button: "dash",
    buttons: ["dash"],
    presses: 2,
    attempt: 4,
  };
  expect(dataOf(episode, {}, {})).toStrictEqual(bare);
  const more = { state: "accepted", by: "op-7", ackAt: "2026-11-22T08:59:00.000Z" } as const;
  const pressed = { pressedAt: "2026-11-22T08:58:20.000Z" };
  expect(dataOf({ ...episode, ...more }, pressed, { position: place })).toStrictEqual({
    ...bare,
    ...more,
    ...pressed,
    position: place,
  });
});

import { describe, expect, test } from "vitest";
import type { CarSummary, EpisodeView } from "../../src/domain/fleet.ts";
import { lookOf } from "../../src/web/console/draw-cars.ts";
import { FleetState, matching } from "../../src/web/console/fleet-state.ts";
import { gridLines, gridStep } from "../../src/web/console/grid.ts";
import { tuneOf } from "../../src/web/console/sound.tsx";
import { GRAPH, speedLine } from "../../src/web/console/speed-line.ts";
import { WORDS } from "../../src/web/console/words.ts";
import { LANGUAGES } from "../../src/web/viewer/language.ts";

const car = (unit: string, more: Partial<CarSummary> = {}): CarSummary => ({
  unit,
  link: "online",
  board: "ok",
  missing: 0,
  faults: 0,
  ...more,
});
const episode = (name: string, more: Partial<EpisodeView> = {}): EpisodeView => ({
  unit: "z/a",
  episode: name,
  state: "active",
  test: false,
  silent: false,
  buttons: ["dash"],
  presses: 1,
  attempt: 1,
  pressedAt: 0,
  isPressTimeKnown: true,
  track: [],
  vehicle: {},
  shortened: [],
  steps: [],
  wasAccepted: false,
  ...more,
});
const batch = {
  now: 0,
  cars: [],
  gone: [],
  episodes: [],
  goneEpisodes: [],
  events: [],
  unshown: 0,
  isConnected: true,
};

describe("what the page knows", () => {
  test("changes with each batch, and is begun anew with each connection", () => {
    const state = new FleetState();
    state.apply({ ...batch, now: 5_000, cars: [car("z/a"), car("z/b")] }, 4_000);
    state.apply({ ...batch, gone: ["z/a"], cars: [car("z/b", { missing: 3 })] }, 0);
    expect([...state.cars.values()]).toEqual([car("z/b", { missing: 3 })]);
    state.begin();
    expect(state.cars.size).toBe(0);
  });

  test("has the ages of the server's clock", () => {
    const state = new FleetState();
    state.apply({ ...batch, now: 5_000 }, 4_000);
    expect(state.skewMs).toBe(1_000);
  });

  test("has the emergencies first that nobody has accepted, then the oldest press", () => {
    const state = new FleetState();
    const episodes = [
      episode("1", { state: "accepted" }),
      episode("2", { pressedAt: 9 }),
      episode("3", { pressedAt: 5 }),
      episode("4", { test: true }),
      episode("5", { ended: { at: 1, why: "cleared" } }),
    ];
    state.apply({ ...batch, episodes }, 0);
    expect(state.open(false).map((one) => one.episode)).toEqual(["3", "2", "1"]);
    expect(state.open(true).map((one) => one.episode)).toEqual(["4"]);
    expect(state.ended().map((one) => one.episode)).toEqual(["5"]);
  });

  test("keeps a thousand events, the newest first", () => {
    const state = new FleetState();
    const events = Array.from({ length: 1_200 }, (_, n) => ({
      n: n + 1,
      unit: "z/a",
      at: 0,
      type: "boot",
      fields: [],
      isLate: false,
    }));
    state.apply({ ...batch, events }, 0);
    expect([state.events.length, state.events[0]!.n]).toEqual([1_000, 1_200]);
  });
});

test.each([
  ["urgent", [{}], []],
  ["none", [{ isUnconfirmed: true }], []],
  ["urgent", [{ isUnconfirmed: true }, {}], []],
  ["none", [{ state: "accepted" }], [{ isUnconfirmed: true }]],
  ["drill", [{ isUnconfirmed: true }], [{}]],
] as const)("the alarm is %s while %j and the drills %j are open", (tune, real, drills) => {
  const all = (some: readonly Partial<EpisodeView>[]) => some.map((more, n) => episode(String(n), more));
  expect(tuneOf(all(real), all(drills))).toBe(tune);
});

test("a search finds cars by parts of their names; those with an emergency are first", () => {
  const cars = [
    car("b/2"),
    car("b/1"),
    car("a/12", { emergency: "drill" }),
    car("b/12", { emergency: "real" }),
  ];
  expect(matching(cars, "").map(({ unit }) => unit)).toEqual(["b/12", "a/12", "b/1", "b/2"]);
  expect(matching(cars, " B 1").map(({ unit }) => unit)).toEqual(["b/12", "b/1"]);
});

test.each([
  ["good", {}],
  ["good", { board: "none" }],
  ["fault", { board: "fault" }],
  ["fault", { faults: 1 }],
  ["away", { link: "offline" }],
  ["away", { link: "silent", board: "fault" }],
] as const)("a car looks %s when it has %j", (look, more) => {
  expect(lookOf(car("z/a", more))).toBe(look);
});

describe("the grid", () => {
  test.each([
    [0.4, 800, 0.1],
    [0.01, 1_000, 0.002],
    [300, 300, 30],
  ])("over %d degrees and %d pixels has a line each %d degrees", (degrees, pixels, step) => {
    expect(gridStep(degrees, pixels)).toBe(step);
  });

  test("has its lines at multiples of the step", () => {
    expect(gridLines(-0.15, 0.15, 0.1).map((line) => line.toFixed(1))).toEqual(["-0.1", "0.0", "0.1"]);
    expect(gridLines(0.01, 0.02, 0.1)).toEqual([]);
  });
});

describe("the speed over time", () => {
  test("reaches from the first to the last point", () => {
    const points = [
      { lat: 0, lon: 0, at: 1_000, speedKmh: 0 },
      { lat: 0, lon: 0, at: 3_000, speedKmh: 40 },
    ];
    expect(speedLine(points)).toEqual({ line: `0.0,${GRAPH.height}.0 ${GRAPH.width}.0,0.0`, maxKmh: 40 });
  });

  test("of a car that stands is flat, and of no point nothing", () => {
    expect(speedLine([{ lat: 0, lon: 0, at: 1 }])).toEqual({ line: `0.0,${GRAPH.height}.0`, maxKmh: 10 });
    expect(speedLine([])).toEqual({ line: "", maxKmh: 0 });
  });
});

test("no text is empty in any language, and Serbian in Latin letters has no Cyrillic", () => {
  const texts = (value: unknown): string[] => {
    if (typeof value === "string") return [value];
    if (typeof value === "function") return [String(value("7"))];
    return Object.values(value as object).flatMap(texts);
  };
  for (const language of LANGUAGES) expect(texts(WORDS[language])).not.toContain("");
  expect(texts(WORDS["sr-Latn"]).filter((text) => /\p{Script=Cyrillic}/u.test(text))).toEqual([]);
});

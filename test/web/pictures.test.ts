import { describe, expect, test } from "vitest";
import { LAMP_LOOKS } from "../../src/domain/lamp-looks.ts";
import { runsOfFix, sharesOf } from "../../src/web/status/fix-runs.ts";
import { flashesPerSecond, isLit, type LampName } from "../../src/web/status/lamp-phase.ts";
import { along, shownLeg } from "../../src/web/status/legs.ts";
import { momentOf } from "../../src/web/status/moments.ts";
import { signalLevel, skyPoint } from "../../src/web/status/sky.ts";
import { lengthOf, placesOf, project, runsOf, scaleBar, viewOf } from "../../src/web/status/track.ts";
import { goodCar } from "./fixture.ts";

describe("the way", () => {
  test("a kilometre north is a kilometre up, and a kilometre east is one to the right", () => {
    const [south, north] = project([
      { lat: 45, lon: 20 },
      { lat: 45 + 1 / 111.195, lon: 20 },
    ]);
    expect(south!.y - north!.y).toBeCloseTo(1_000, 0);
    const east = 1 / (111.195 * Math.cos((45 * Math.PI) / 180));
    const [a, b] = project([
      { lat: 45, lon: 20 },
      { lat: 45, lon: 20 + east },
    ]);
    expect(b!.x - a!.x).toBeCloseTo(1_000, 0);
  });

  test("every point is inside the view, and a standing car does not fill it with noise", () => {
    const points = project([
      { lat: 45, lon: 20 },
      { lat: 45.01, lon: 20.02 },
    ]);
    const view = viewOf(points);
    for (const { x, y } of points) expect(Math.max(Math.abs(x), Math.abs(y))).toBeLessThan(view / 2);
    expect(viewOf([{ x: 0.4, y: -0.2 }])).toBe(100);
  });

  test.each([
    [100, 20],
    [400, 100],
    [4_000, 1_000],
    [20_000, 5_000],
  ])("a view of %d m has a bar of %d m", (view, bar) => {
    expect(scaleBar(view)).toBe(bar);
  });

  test("a tunnel breaks the way: no line is drawn through it", () => {
    const { runs, here } = placesOf(goodCar());
    expect(runs.map(({ length }) => length)).toEqual([201, 137]);
    expect(here).toEqual({ lat: 45.38712, lon: 20.39341 });
    const points = runs.flat().map(({ lat, lon }) => ({ x: lon, y: lat }));
    expect(runsOf(runs, points).map(({ length }) => length)).toEqual([201, 137]);
  });

  test("its length is the sum of its parts", () => {
    const places = [45, 45.001, 45.003].map((lat) => ({ lat, lon: 20 }));
    expect(lengthOf(places)).toBeCloseTo(333.6, 0);
  });
});

describe("the kind of fix over time", () => {
  const fix = [0, 0, 3, 3, 3, 2, 3, 3];

  test("samples of one kind are one run", () => {
    expect(runsOfFix(fix)).toEqual([
      { from: 0, length: 2, kind: 0 },
      { from: 2, length: 3, kind: 3 },
      { from: 5, length: 1, kind: 2 },
      { from: 6, length: 2, kind: 3 },
    ]);
    expect(runsOfFix([])).toEqual([]);
  });

  test("the shares add up to one", () => {
    expect(sharesOf(fix)).toEqual([
      [3, 5 / 8],
      [2, 1 / 8],
      [0, 2 / 8],
    ]);
  });
});

describe("the sky", () => {
  test("the zenith is in the middle, the horizon at the edge, east at the right", () => {
    expect(Math.hypot(...Object.values(skyPoint(90, 123)))).toBe(0);
    const east = skyPoint(0, 90);
    expect([east.x, east.y]).toEqual([expect.closeTo(1), expect.closeTo(0)]);
  });

  test.each([
    [undefined, "none"],
    [0, "none"],
    [20, "weak"],
    [30, "fair"],
    [44, "strong"],
  ] as const)("%s dB-Hz is %s", (dbHz, level) => {
    expect(signalLevel(dbHz)).toBe(level);
  });
});

describe("the lamp", () => {
  test.each(Object.keys(LAMP_LOOKS) as LampName[])("%s is lit as the table says, over and over", (name) => {
    const look = LAMP_LOOKS[name];
    const shown = Array.from({ length: 64 }, (_, n) => (isLit(name, n * 100 + 50) ? "#" : ".")).join("");
    expect(shown).toBe(look + look);
  });

  test("only the pattern of a fault flashes more than three times in a second", () => {
    const fast = (Object.keys(LAMP_LOOKS) as LampName[]).filter((name) => flashesPerSecond(name) > 3);
    expect(fast).toEqual(["fault"]);
  });
});

describe("the legs of a drill", () => {
  test("each tenfold time is as much longer as the last one", () => {
    expect(along(10) - along(1)).toBeCloseTo(along(1_000) - along(100));
    expect([along(0), along(1e9)]).toEqual([0, 1]);
  });

  test.each([
    [3.42, "3.4 ms"],
    [41.4, "41 ms"],
    [6_210, "6.2 s"],
    [120_000, "120 s"],
  ])("%d ms is written %s", (ms, text) => {
    expect(shownLeg(ms, (value, digits) => value.toFixed(digits))).toBe(text);
  });
});

describe("instants of the past", () => {
  test("they follow from the unit's present time", () => {
    expect(momentOf(goodCar(), 5_400 - 60, 0)).toBe(Date.UTC(2026, 10, 26, 12, 59));
  });

  test("if the unit knows no time, the page's own counts", () => {
    expect(momentOf(goodCar({ clock: "unset" }), 5_400, 7_000)).toBe(7_000);
  });
});

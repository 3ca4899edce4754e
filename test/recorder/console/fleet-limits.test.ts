import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../src/recorder/console/fleet.ts";
import { emergencyData, UNIT, wire } from "../reports.ts";
import { openBench } from "./messages.ts";

describe("the limits", () => {
  test("beyond the most cars the one goes that was heard longest ago and has no open emergency", () => {
    const bench = openBench({ ...LIMITS, cars: 3 });
    const at = (id: string) => ({ unit: `zrenjanin/${id}` });
    bench.emergency(1, {}, at("a"));
    bench.position(1, at("b"));
    bench.position(1, at("c"));
    bench.position(2, at("b"));
    expect(bench.position(1, at("d")).gone).toEqual(["zrenjanin/c"]);
    expect([...bench.fleet.units]).toEqual(["zrenjanin/a", "zrenjanin/b", "zrenjanin/d"]);
  });

  const episodeOf = (n: number) => ({ episode: `01JDD4${String(n).padStart(20, "0")}` });
  const unitOf = (id: string) => ({ unit: `zrenjanin/${id}` });

  test("beyond the most open emergencies a drill is hidden first; then the oldest of the car with the most", () => {
    const bench = openBench({ ...LIMITS, open: 2 });
    bench.emergency(1, { ...episodeOf(1), test: true });
    bench.emergency(2, episodeOf(2));
    bench.emergency(3, episodeOf(3));
    expect([...bench.fleet.episodeKeys]).toEqual([2, 3].map((n) => `${UNIT} ${episodeOf(n).episode}`));
    const touched = bench.emergency(4, episodeOf(4));
    expect(touched.goneEpisodes).toEqual([`${UNIT} ${episodeOf(2).episode}`]);
    bench.emergency(5, { ...episodeOf(4), attempt: 2 });
    expect(bench.fleet.unshown).toBe(1);
  });

  test("a hidden emergency is shown as soon as there is room, without a further report of it", () => {
    const bench = openBench({ ...LIMITS, openOfUnit: 1 });
    bench.emergency(1, episodeOf(1));
    bench.emergency(2, episodeOf(2));
    expect(bench.fleet.unshown).toBe(1);
    const touched = bench.emergency(3, { ...episodeOf(2), state: "cleared" });
    expect(touched.episodes).toContain(`${UNIT} ${episodeOf(1).episode}`);
    expect([...bench.fleet.episodeKeys]).toContain(`${UNIT} ${episodeOf(1).episode}`);
    expect(bench.fleet.unshown).toBe(0);
  });

  test("a hidden emergency can be acknowledged, is in its car's row, and stays hidden when it is repeated", () => {
    const bench = openBench({ ...LIMITS, openOfUnit: 1 });
    bench.emergency(1, episodeOf(1));
    expect(bench.car().unshown).toBeUndefined();
    bench.emergency(2, episodeOf(2));
    bench.emergency(3, { ...episodeOf(1), attempt: 2 });
    expect([...bench.fleet.episodeKeys]).toEqual([`${UNIT} ${episodeOf(2).episode}`]);
    expect(bench.fleet.find(UNIT, episodeOf(1).episode)).toMatchObject({ state: "active", attempt: 2 });
    expect(bench.car()).toMatchObject({ emergency: "real", unshown: 1 });
    bench.say(`emergency/${episodeOf(1).episode}`, "");
    expect(bench.car().unshown).toBeUndefined();
  });

  test("a car with very many open emergencies hides no other car's", () => {
    const bench = openBench({ ...LIMITS, open: 20 });
    bench.emergency(1, episodeOf(999), unitOf("before"));
    for (let n = 1; n <= 60; n++) bench.emergency(n, episodeOf(n), unitOf("evil"));
    bench.emergency(1, episodeOf(999), unitOf("after"));
    const keys = [...bench.fleet.episodeKeys];
    expect(keys).toContain(`zrenjanin/before ${episodeOf(999).episode}`);
    expect(keys).toContain(`zrenjanin/after ${episodeOf(999).episode}`);
    expect(keys).toHaveLength(2 + LIMITS.openOfUnit);
    expect(keys).toContain(`zrenjanin/evil ${episodeOf(60).episode}`);
    expect(bench.fleet.unshown).toBeGreaterThan(0);
  });

  test("the only emergency of a car is shown even beyond the most open emergencies", () => {
    const bench = openBench({ ...LIMITS, open: 3 });
    for (let n = 1; n <= 3; n++) bench.emergency(n, episodeOf(n), unitOf("many"));
    for (const id of ["a", "b", "c", "d"]) bench.emergency(1, episodeOf(9), unitOf(id));
    const keys = [...bench.fleet.episodeKeys];
    expect(keys.filter((key) => key.startsWith("zrenjanin/many"))).toHaveLength(1);
    expect(keys).toHaveLength(5);
    expect(bench.fleet.unshown).toBe(2);
  });

  test("a car's hidden emergency takes the place of its drills", () => {
    const bench = openBench({ ...LIMITS, openOfUnit: 2 });
    for (let n = 1; n <= 4; n++) bench.emergency(n, { ...episodeOf(n), test: n > 2 });
    expect([...bench.fleet.episodeKeys]).toEqual([1, 2].map((n) => `${UNIT} ${episodeOf(n).episode}`));
    bench.emergency(9, { ...episodeOf(1), state: "cleared" });
    bench.emergency(10, { ...episodeOf(2), state: "cleared" });
    expect(bench.car()).toMatchObject({ emergency: "drill" });
    expect(bench.car().unshown).toBeUndefined();
  });

  test("when a car with an open emergency must go, its emergencies go with it", () => {
    const bench = openBench({ ...LIMITS, cars: 1, openOfUnit: 1 });
    bench.emergency(1, episodeOf(1), unitOf("a"));
    bench.emergency(2, episodeOf(2), unitOf("a"));
    const touched = bench.emergency(1, episodeOf(1), unitOf("b"));
    expect(touched).toMatchObject({
      gone: ["zrenjanin/a"],
      goneEpisodes: [`zrenjanin/a ${episodeOf(2).episode}`],
    });
    expect([...bench.fleet.episodeKeys]).toEqual([`zrenjanin/b ${episodeOf(1).episode}`]);
    expect(bench.fleet.unshown).toBe(0);
  });

  test("of ended emergencies that come in one batch all beyond the limit go", () => {
    const bench = openBench({ ...LIMITS, ended: 2 });
    const lines = Array.from({ length: 50 }, (_, n) =>
      wire(n + 1, { kind: "emergency", data: { ...emergencyData(), ...episodeOf(n), state: "cleared" } }),
    );
    bench.history(...lines);
    expect([...bench.fleet.episodeKeys]).toEqual([48, 49].map((n) => `${UNIT} ${episodeOf(n).episode}`));
  });

  test("of ended emergencies, events, raw messages and positions the oldest go", () => {
    const bench = openBench({ ...LIMITS, ended: 1, events: 2, raw: 2 });
    for (let n = 1; n <= 3; n++) {
      bench.emergency(10 * n, { episode: `01JDD40000000000000000000${n}`, state: "cleared" });
      bench.event(10 * n + 1, { type: "shutdown", reason: String(n) });
    }
    expect([...bench.fleet.episodeKeys]).toEqual([`${UNIT} 01JDD400000000000000000003`]);
    expect(bench.fleet.eventsAfter(0).map(({ n }) => n)).toEqual([2, 3]);
    expect(bench.fleet.rawAfter(0).map(({ n }) => n)).toEqual([5, 6]);
    for (let seq = 100; seq < 300; seq++) bench.position(seq);
    expect(bench.details().track).toHaveLength(120);
  });

  test("a long raw message is cut", () => {
    const bench = openBench();
    bench.say("reply", JSON.stringify({ id: "x".repeat(100_000) }));
    expect(bench.fleet.rawAfter(0)[0]!.text).toHaveLength(2_000);
  });
});

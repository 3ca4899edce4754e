import { describe, expect, test } from "vitest";
import { LAMP_LOOKS } from "../../src/domain/lamp-looks.ts";
import { LAMP_PATTERNS } from "../../src/domain/panic.ts";
import { numbers, openFirmwareBench, presses, show, type FirmwareBench } from "./bench.ts";

/** The lamp's level each 100 ms. */
const wave = (bench: FirmwareBench, steps: number): string => {
  let levels = "";
  for (let step = 0; step < steps; step++) {
    levels += bench.board.lampLit ? "1" : "0";
    bench.pass(100);
  }
  return levels;
};
/** The patterns as they are documented, in levels each 100 ms. */
const documented = new Map(
  Object.entries(LAMP_LOOKS).map(([name, look]) => [name, look.replaceAll("#", "1").replaceAll(".", "0")]),
);

/** How much of 0.8 s a pattern is lit, at the least and at the most, wherever one begins to look. */
const brightness = (name: string): { least: number; most: number } => {
  const look = documented.get(name)!.repeat(2);
  const lit = Array.from({ length: 32 }, (_, at) => look.slice(at, at + 8).replaceAll("0", "").length);
  return { least: Math.min(...lit), most: Math.max(...lit) };
};

/** What the lamp showed, one word a change. */
const lamps = (bench: FirmwareBench): string[] =>
  bench.lights.map(({ light }) => light.lamp).filter((lamp, i, all) => lamp !== all[i - 1]);

describe("the lamp", () => {
  test("shows what it is told, and `no-host` five seconds after the host has gone", () => {
    const bench = openFirmwareBench();
    bench.pass(1000);
    expect(bench.board.light.lamp).toBe("no-host");
    for (const pattern of LAMP_PATTERNS.filter((one) => one !== "silent").toReversed()) {
      show(bench, pattern);
      bench.pass(20);
      expect(bench.board.light).toEqual({ lamp: pattern, drill: false, sounder: false });
    }
    bench.pass(4_900);
    expect(bench.board.light.lamp).toBe("idle");
    bench.pass(200);
    expect(bench.board.light.lamp).toBe("no-host");
    show(bench);
    bench.pass(20);
    expect(bench.board.light.lamp).toBe("idle");
    bench.board.power(false);
    expect(bench.board.light.lamp).toBe("off");
  });

  test("the patterns are those that are documented, and the sounder is heard only where it may be", () => {
    const bench = openFirmwareBench();
    while (!bench.board.lampLit) bench.pass(1);
    bench.pass(30);
    const waves = new Map<string, string>([["no-host", wave(bench, 32)]]);
    bench.board.press(0, 100);
    while (bench.board.light.lamp !== "latched") bench.pass(1);
    bench.pass(30);
    waves.set("latched", wave(bench, 32));
    bench.say({ kind: "confirm", number: 1 });
    for (const pattern of LAMP_PATTERNS.filter((one) => one !== "silent")) {
      show(bench, pattern, { quiet: false });
      bench.pass(30);
      waves.set(pattern, wave(bench, 32));
    }
    expect(waves.size).toBe(11);
    for (const [pattern, seen] of waves) expect(seen, pattern).toBe(documented.get(pattern));
    // An officer need not tell these two apart: neither has left the car.
    expect(waves.get("latched")).toBe(waves.get("stored"));
    expect(new Set(waves.values()).size).toBe(10);
    expect(bench.lights.some(({ light }) => light.lamp === "sent" && light.sounder)).toBe(true);
    bench.lights.length = 0;
    show(bench, "idle");
    bench.pass(50);
    show(bench, "received");
    bench.pass(3_300);
    expect(bench.lights.some(({ light }) => light.sounder)).toBe(false);
  }, 120_000);

  test("after a press each step is brighter than the one before, in any glance of 0.8 s", () => {
    const steps = ["latched", "sent", "received", "accepted"].map(brightness);
    for (const [n, { least }] of steps.entries())
      if (n > 0) expect(least).toBeGreaterThan(steps[n - 1]!.most);
  });

  test("shows `latched` at once for a press without a host, and still after a power cut", () => {
    const bench = openFirmwareBench();
    bench.pass(1000);
    bench.lights.length = 0;
    const at = bench.board.nowMs;
    bench.board.press(0, 100);
    bench.pass(200);
    expect(bench.lights[0]!.light).toEqual({ lamp: "latched", drill: false, sounder: false });
    expect(bench.lights[0]!.atMs - at).toBeLessThan(25);
    bench.pass(10_000);
    bench.board.power(false);
    bench.pass(1_000);
    bench.board.power(true);
    bench.lights.length = 0;
    bench.pass(10_000);
    expect(lamps(bench)).toEqual(["latched"]);
    // Until the host shows something after its confirmation, as without the cut.
    bench.say({ kind: "confirm", number: presses(bench).at(-1)!.number });
    bench.pass(7_000);
    expect(bench.board.light.lamp).toBe("latched");
    show(bench);
    bench.pass(100);
    expect(bench.board.light.lamp).toBe("idle");
  });

  test("shows `latched` until the host answers: not idle again between, whatever the order of its words", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    show(bench);
    bench.pass(500);
    bench.lights.length = 0;
    bench.board.press(0, 100);
    bench.pass(100);
    show(bench); // a refresh by a host that does not know of the press yet
    bench.pass(100);
    bench.say({ kind: "confirm", number: 1 });
    bench.pass(100);
    show(bench, "stored");
    bench.pass(100);
    expect(lamps(bench)).toEqual(["latched", "stored"]);
    // A further press does not change the lamp, because `stored` says more than `latched`.
    bench.board.press(1, 100);
    bench.pass(200);
    expect(bench.board.light.lamp).toBe("stored");
    bench.say({ kind: "confirm", number: 2 });
    show(bench);
    bench.pass(100);
    expect(lamps(bench)).toEqual(["latched", "stored", "idle"]);
  });

  test("shows `latched` when the host goes away before it has confirmed", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    show(bench, "sent");
    bench.pass(100);
    bench.board.press(0, 100);
    bench.pass(5_500);
    expect(bench.board.light.lamp).toBe("latched");
    bench.say({ kind: "confirm", number: 1 });
    bench.pass(6_000);
    // Nobody has said what became of it.
    expect(bench.board.light.lamp).toBe("latched");
    show(bench, "idle");
    bench.pass(6_000);
    expect(bench.board.light.lamp).toBe("no-host");
  });

  test("shows nothing of a press of a dark loop, also without a host and after a power cut", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    show(bench, "idle", { darkLoops: [2] });
    bench.pass(100);
    bench.lights.length = 0;
    bench.board.press(2, 100);
    bench.pass(500);
    bench.board.power(false);
    bench.board.power(true);
    bench.pass(1000);
    bench.board.press(2, 100);
    bench.pass(1000);
    expect(numbers(bench).size).toBe(2);
    expect(lamps(bench)).toEqual(["off", "no-host"]);
    bench.board.press(1, 100);
    bench.pass(100);
    expect(bench.board.light.lamp).toBe("latched");
  });

  test("does not shift the blink when `idle` becomes `silent`, and back", () => {
    const steady = openFirmwareBench();
    const covert = openFirmwareBench();
    for (const bench of [steady, covert]) {
      bench.pass(500);
      show(bench, "idle");
      bench.pass(950);
    }
    for (const pattern of ["silent", "idle"] as const) {
      show(steady, "idle");
      show(covert, pattern);
      expect(wave(covert, 33)).toBe(wave(steady, 33));
    }
  }, 60_000);

  test("sounds for a loud press in a silent emergency, also if its stage stays the same, and does not shift", () => {
    const sounds = () =>
      bench.lights.filter(({ light }, i, all) => light.sounder && !all[i - 1]?.light.sounder);
    const bench = openFirmwareBench();
    bench.pass(500);
    for (const [pattern, beeps] of [
      ["stored", 1],
      ["sent", 2],
      ["received", 3],
      ["accepted", 1],
      ["fault", 0],
    ] as const) {
      show(bench, pattern, { quiet: true });
      bench.pass(3_730);
      bench.lights.length = 0;
      const before = documented.get(pattern)!.repeat(2);
      show(bench, pattern, { quiet: false });
      bench.pass(20);
      const seen = wave(bench, 30);
      expect(sounds(), pattern).toHaveLength(beeps);
      expect(seen, pattern).toBe(before.slice(37 % 32, (37 % 32) + 30));
      show(bench, pattern, { quiet: false });
      bench.pass(500);
      expect(sounds(), pattern).toHaveLength(beeps);
    }
  });

  test("begins a drill with long, short, long, and goes on as without one", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    show(bench, "accepted", { drill: true });
    bench.pass(50);
    expect(bench.board.light).toEqual({ lamp: "accepted", drill: true, sounder: false });
    expect(wave(bench, 20)).toBe("1110101110" + "1".repeat(10));
    show(bench, "accepted");
    bench.pass(50);
    expect(bench.board.light).toEqual({ lamp: "accepted", drill: false, sounder: false });
  });
});

import { describe, expect, test } from "vitest";
import { Cells } from "../../firmware-bridge/simulator/cells.ts";
import { createLoop } from "../../firmware-bridge/simulator/loop.ts";
import { HEALTHY, sourceOf, type Network } from "../../firmware-bridge/simulator/network.ts";
import { createRandom } from "../../src/demo/random.ts";
import { openFirmwareBench, show } from "./bench.ts";

const SUPPLY_V = 5;
/** What a perfect ADC reads of a loop at rest and pressed. */
const readings = (change: Partial<Network>): number[] =>
  [false, true].map((closed) =>
    Math.round((sourceOf({ ...HEALTHY, ...change }, SUPPLY_V, closed).volts / SUPPLY_V) * 1024),
  );

describe("the network of a loop", () => {
  test.each<[string, Partial<Network>, number[]]>([
    ["healthy", {}, [512, 204]],
    ["3 kΩ in series", { seriesOhm: 3_000 }, [579, 363]],
    ["19 kΩ in series", { seriesOhm: 19_000 }, [761, 699]],
    ["11 kΩ of leakage", { leakageOhm: 11_000 }, [352, 172]],
    ["1.2 kΩ of leakage", { leakageOhm: 1_200 }, [99, 77]],
    ["1.2 kΩ of leakage in the button", { farLeakageOhm: 1_200 }, [99, 77]],
    ["a contact of 9 kΩ", { contactOhm: 9_000 }, [512, 364]],
    ["a ground shift of 1 V", { groundShiftV: 1 }, [614, 368]],
    ["a ground shift of -1.6 V", { groundShiftV: -1.6 }, [348, -59]],
    ["cut", { seriesOhm: Infinity }, [1024, 1024]],
    ["shorted", { leakageOhm: 0 }, [0, 0]],
  ])("reads as computed by hand: %s", (_, change, expected) => {
    expect(readings(change)).toEqual(expected);
  });
});

describe("a loop over time", () => {
  test("charges the input's capacitor: a contact of 0.3 ms moves the input over three quarters of the way", () => {
    const loop = createLoop(() => 0.5);
    loop.move(true, 10, false);
    loop.move(false, 10.3, false);
    expect(loop.volts(9.9, SUPPLY_V)).toBeCloseTo(2.5);
    const share = (2.5 - loop.volts(10.3, SUPPLY_V)) / (2.5 - 0.994);
    expect(share).toBeGreaterThan(0.75);
    expect(share).toBeLessThan(0.8);
    expect(loop.volts(15, SUPPLY_V)).toBeCloseTo(2.5);
  });

  test("adds what the cable picks up, and follows resistors that change", () => {
    const loop = createLoop(() => 0.5);
    loop.interference = (atMs) => (atMs === 5 ? 1 : 0);
    loop.network = (atMs) => ({ ...HEALTHY, leakageOhm: atMs < 10 ? Infinity : 10_000 });
    expect(loop.volts(5, SUPPLY_V)).toBeCloseTo(3.5);
    expect(loop.volts(6, SUPPLY_V)).toBeCloseTo(2.5);
    expect(loop.volts(20, SUPPLY_V)).toBeCloseTo(5 / 3);
  });
});

describe("an EEPROM cell", () => {
  const open = () => {
    let now = 0;
    const cells = new Cells(() => now, createRandom(3));
    const write = (value: number) => {
      cells.eraseMemory(7);
      cells.writeMemory(7, value);
    };
    return {
      cells,
      write,
      pass: (ms: number) => {
        now += ms;
      },
    };
  };

  test("keeps a write that had 3.6 ms, through any number of cuts", () => {
    const { cells, write, pass } = open();
    write(0x5a);
    pass(3.6);
    for (let i = 0; i < 20; i++) cells.cut();
    expect(cells.readMemory(7)).toBe(0x5a);
    expect(cells.writes).toBe(1);
  });

  test("that is cut while it is programmed can read as anything between, differently each time", () => {
    const { cells, write, pass } = open();
    write(0xfe);
    pass(3);
    const seen = new Set<number>();
    for (let i = 0; i < 40; i++) {
      cells.cut();
      seen.add(cells.readMemory(7));
    }
    expect(seen).toEqual(new Set([0xfe, 0xff]));
    write(0x0f);
    pass(4);
    cells.cut();
    expect(cells.readMemory(7)).toBe(0x0f);
  });

  test("that is cut while it is erased has lost what it held", () => {
    const { cells, write, pass } = open();
    write(0x00);
    pass(4);
    write(0x00);
    pass(1);
    const seen = new Set<number>();
    for (let i = 0; i < 100; i++) {
      cells.cut();
      seen.add(cells.readMemory(7));
    }
    expect(seen.size).toBeGreaterThan(50);
  });
});

describe("the supply", () => {
  test("that falls below 4.3 V stops the chip; it starts again and says brown-out", () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    show(bench);
    bench.pass(500);
    bench.board.supply(4.2);
    bench.heard.length = 0;
    bench.pass(2_000);
    expect(bench.heard).toEqual([]);
    bench.board.supply(4.6);
    bench.pass(1_500);
    expect(bench.of("hello").at(-1)!.resetCause).toBe(4);
    expect(bench.of("heartbeat").at(-1)!.supplyMv).toBeGreaterThan(4_550);
    expect(bench.of("heartbeat").at(-1)!.supplyMv).toBeLessThan(4_650);
  });

  test("does not move the reading of a loop, which is relative to it", () => {
    const bench = openFirmwareBench();
    bench.board.supply(4.4);
    bench.pass(2_500);
    bench.board.press(0, 100);
    bench.pass(500);
    expect(bench.of("press").length).toBeGreaterThan(0);
    expect(new Set(bench.of("press").map(({ press }) => press.loop))).toEqual(new Set([0]));
    expect(bench.of("heartbeat").at(-1)!.loops).toEqual(["normal", "normal", "normal", "normal"]);
  });
});

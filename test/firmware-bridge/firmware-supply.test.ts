import { describe, expect, test } from "vitest";
import { openFirmwareBench, show, type FirmwareBench } from "./bench.ts";
import { openBootBench } from "./boot-bench.ts";

/** The supply as the board measures it, and what a calibration is worth. */
const started = (options: Parameters<typeof openFirmwareBench>[0] = {}) => {
  const bench = openFirmwareBench(options);
  bench.pass(2_500);
  return { bench, board: bench.of("hello")[0]!.board };
};
const beat = (bench: FirmwareBench) => bench.of("heartbeat").at(-1)!;
/** What the board answers to a calibration. */
const calibrate = (bench: FirmwareBench, board: string, supplyMv: number | undefined) => {
  bench.heard.length = 0;
  bench.say({ kind: "calibrate", board, supplyMv });
  bench.pass(200);
  return bench.of("supply");
};

describe("the supply", () => {
  test.each([1.0, 1.1, 1.2])(
    "is measured to 1 percent from 4.4 to 5.4 V once it was calibrated, with a reference of %s V",
    (bandgapV) => {
      const { bench, board } = started({ bandgapV });
      expect(beat(bench)).toMatchObject({ supplyCalibrated: false });
      const before = beat(bench).supplyMv;
      expect(before / 5_000).toBeGreaterThan(1.1 / bandgapV - 0.01);
      expect(before / 5_000).toBeLessThan(1.1 / bandgapV + 0.01);
      const [answer] = calibrate(bench, board, 5_000);
      expect(answer).toMatchObject({ board, answer: "done", calibrated: true });
      expect(Math.abs(answer!.reference - bandgapV * 10_000)).toBeLessThan(60);
      for (const mv of [4_400, 4_700, 5_400]) {
        bench.board.supply(mv / 1_000);
        bench.pass(5_000);
        expect(Math.abs(beat(bench).supplyMv / mv - 1), `${mv} mV`).toBeLessThan(0.01);
      }
      expect(beat(bench).supplyCalibrated).toBe(true);
    },
    120_000,
  );

  test("stays calibrated after a power cut, and until the calibration is forgotten", () => {
    const { bench, board } = started({ bandgapV: 1.16 });
    calibrate(bench, board, 5_000);
    bench.board.power(false);
    bench.board.power(true);
    bench.pass(2_500);
    expect(beat(bench).supplyCalibrated).toBe(true);
    expect(Math.abs(beat(bench).supplyMv - 5_000)).toBeLessThan(25);
    expect(calibrate(bench, board, undefined)).toMatchObject([{ answer: "asked", calibrated: true }]);
    expect(calibrate(bench, board, 0)).toMatchObject([
      { answer: "done", calibrated: false, reference: 11_000 },
    ]);
    bench.board.power(false);
    bench.board.power(true);
    bench.pass(1_500);
    expect(beat(bench).supplyCalibrated).toBe(false);
  });

  test.each([4_299, 5_501, 65_535, 4_500, 5_500])(
    "of %i mV is refused: this chip, at 5 V, cannot be that far off",
    (supplyMv) => {
      const { bench, board } = started({ bandgapV: supplyMv < 5_000 ? 1.05 : 1.15 });
      const before = bench.board.eepromWrites;
      expect(calibrate(bench, board, supplyMv)).toMatchObject([{ answer: "refused", calibrated: false }]);
      expect(bench.board.eepromWrites).toBe(before);
    },
  );

  test("for another board changes nothing", () => {
    const { bench } = started();
    expect(calibrate(bench, "01020304", 5_000)).toEqual([]);
    bench.pass(1_000);
    expect(beat(bench).supplyCalibrated).toBe(false);
  });

  test("is calibrated or not after a power cut at any moment of it, never wrongly", () => {
    const { bench, board } = started();
    calibrate(bench, board, 5_100);
    const seen = new Set<boolean>();
    for (let cutMs = 0; cutMs < 26; cutMs += 2) {
      bench.say({ kind: "calibrate", board, supplyMv: cutMs % 4 === 0 ? 4_850 : 5_150 });
      bench.pass(cutMs);
      bench.board.power(false);
      bench.board.power(true);
      bench.heard.length = 0;
      bench.pass(1_100);
      const { supplyCalibrated, supplyMv } = beat(bench);
      seen.add(supplyCalibrated!);
      const allowed = supplyCalibrated ? [4_850, 5_100, 5_150] : [5_000];
      expect(
        allowed.some((mv) => Math.abs(mv - supplyMv) < 25),
        `${supplyMv} mV after ${cutMs} ms`,
      ).toBe(true);
      if (!supplyCalibrated) calibrate(bench, board, 5_100);
    }
    expect(seen).toEqual(new Set([true, false]));
  }, 240_000);

  test("is measured within a second of the start", () => {
    const bench = openFirmwareBench();
    bench.pass(1_100);
    expect(bench.of("heartbeat")[0]!.supplyMv).toBeGreaterThan(4_950);
  });
});

describe("the cause of a reset", () => {
  test("is that of the chip, also behind the boot loader", () => {
    const bench = openBootBench();
    expect(bench.hello()).toMatchObject({ resetCause: 1 });
    bench.board.reset();
    expect(bench.hello(2_500)).toMatchObject({ resetCause: 2 });
    bench.board.supply(4);
    bench.pass(20);
    bench.board.supply(5);
    expect(bench.hello()).toMatchObject({ resetCause: 4 });
    bench.board.derail();
    expect(bench.hello(2_500)).toMatchObject({ resetCause: 8 });
    bench.powerCycle();
    expect(bench.hello()).toMatchObject({ resetCause: 1 });
  });
});

describe("the test at power-up", () => {
  /** What the lamp, the second lamp and the sounder do in the first second. */
  const powerUp = (bench: FirmwareBench) => {
    bench.board.power(false);
    bench.pass(50);
    bench.board.power(true);
    return Array.from({ length: 1_000 }, () => {
      bench.pass(1);
      const { lampLit, secondLampLit, light } = bench.board;
      return { lit: lampLit, second: secondLampLit, sounds: light.sounder };
    });
  };
  const loud = () => {
    const bench = openFirmwareBench();
    bench.pass(500);
    show(bench, "idle", { mayTest: true });
    bench.pass(100);
    return bench;
  };

  test("is half a second of light and a tick of 40 ms, if the host has allowed it", () => {
    const seen = powerUp(loud());
    const lit = seen.findIndex((one) => one.lit);
    expect(seen.slice(lit, lit + 500).every((one) => one.lit && one.second)).toBe(true);
    const ticks = seen.filter((one) => one.sounds).length;
    expect(ticks).toBeGreaterThanOrEqual(39);
    expect(ticks).toBeLessThanOrEqual(41);
  });

  test("is not made by a board that no host has told, nor after a host has forbidden it", () => {
    const silent = (bench: FirmwareBench) => {
      const seen = powerUp(bench);
      expect(seen.some((one) => one.sounds)).toBe(false);
      // `no-host` blips for 0.1 s.
      expect(seen.filter((one) => one.lit).length).toBeLessThan(400);
    };
    const fresh = openFirmwareBench();
    fresh.pass(500);
    silent(fresh);
    const covert = loud();
    show(covert, "idle", { mayTest: false });
    covert.pass(100);
    silent(covert);
  });

  test("is not made after a reset without a power cut", () => {
    const bench = loud();
    bench.lights.length = 0;
    bench.board.reset();
    bench.pass(1_000);
    bench.board.derail();
    bench.pass(2_500);
    bench.board.supply(4);
    bench.pass(10);
    bench.board.supply(5);
    bench.pass(1_000);
    expect(bench.lights.some(({ light }) => light.sounder)).toBe(false);
  });

  test("gives way to a press, also to one that was pending before the power cut", () => {
    const bench = loud();
    bench.board.power(false);
    bench.board.power(true);
    bench.pass(200);
    bench.lights.length = 0;
    bench.board.press(0, 100);
    bench.pass(60);
    expect(bench.board.light.lamp).toBe("latched");
    bench.pass(110);
    expect(bench.board.lampLit).toBe(false);
    expect(powerUp(bench).some((one) => one.sounds)).toBe(false);
    expect(bench.board.light.lamp).toBe("latched");
  });

  test("goes on while the host shows idle, and gives way to what it shows of an emergency", () => {
    const bench = loud();
    bench.board.power(false);
    bench.board.power(true);
    bench.pass(200);
    show(bench, "idle", { mayTest: true });
    bench.pass(200);
    expect(bench.board.lampLit).toBe(true);
    show(bench, "silent", { mayTest: true });
    bench.pass(110);
    expect(bench.board.lampLit).toBe(false);
  });
});

describe("the lamp's wire", () => {
  test.each([2.0, 3.1])("carries a current that the board measures, with an LED of %s V", (lampDropV) => {
    const bench = openFirmwareBench({ lampDropV });
    bench.pass(2_500);
    const whole = beat(bench).lampReading!;
    process.stdout.write(`lamp of ${lampDropV} V: reading ${whole}\n`);
    expect(whole).toBeGreaterThanOrEqual(20);
    bench.board.lampWire("cut");
    bench.pass(5_000);
    expect(beat(bench).lampReading).toBe(0);
    bench.board.lampWire("whole");
    bench.pass(5_000);
    expect(beat(bench).lampReading).toBe(whole);
  });

  test("is measured when the lamp is lit, in each pattern", () => {
    const bench = openFirmwareBench({ lampDropV: 3.1 });
    for (const pattern of ["idle", "fault"] as const) {
      bench.heard.length = 0;
      for (let i = 0; i < 8; i++) {
        show(bench, pattern);
        bench.pass(1_000);
      }
      expect(
        Math.min(
          ...bench
            .of("heartbeat")
            .slice(4)
            .map((one) => one.lampReading!),
        ),
        pattern,
      ).toBeGreaterThan(20);
    }
  });
});

describe("the second lamp", () => {
  test("shows what the first one shows", () => {
    const bench = openFirmwareBench();
    for (const pattern of ["idle", "sent", "fault", "accepted"] as const) {
      show(bench, pattern);
      for (let i = 0; i < 320; i++) {
        bench.pass(10);
        expect(bench.board.secondLampLit).toBe(bench.board.lampLit);
      }
    }
  });
});

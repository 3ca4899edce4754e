import { describe, expect, test } from "vitest";
import type { Draft } from "../src/domain/report.ts";
import { formatSentence } from "../src/decode/nmea/sentence.ts";
import { openGpsDesk } from "../src/gps-desk.ts";
import { createClock } from "../src/runtime/clock.ts";

const BOOT = Date.UTC(2026, 10, 24, 8);
const YEAR_1970 = 60_000;

/** RMC and, as the cycle's end, GGA: the epoch `n` seconds after the boot, off by `offMs`. */
const epoch = (n: number, offMs = 0): string => {
  const iso = new Date(BOOT + n * 1000 + offMs).toISOString();
  const time = iso.slice(11, 19).replaceAll(":", "");
  const date = `${iso.slice(8, 10)}${iso.slice(5, 7)}${iso.slice(2, 4)}`;
  const place = `4520.${String(n).padStart(4, "0")},N,02023.0000,E`;
  return (
    formatSentence(`GPRMC,${time},A,${place},30.00,0.0,${date},,,A`) +
    formatSentence(`GPGGA,${time},${place},1,08,1.0,80.0,M,44.0,M,,`)
  );
};

/** Drives a desk with chunks that arrive one a second; returns what it reported. */
const drive = async (chunks: readonly string[], afterS = 0) => {
  let mono = 0;
  const clock = createClock({
    mono: () => mono,
    hostNow: () => YEAR_1970 + mono,
    ntpSynchronised: () => false,
    builtMs: Date.UTC(2026, 10, 1),
  });
  const reports: Draft[] = [];
  const over = Promise.withResolvers<void>();
  const desk = openGpsDesk({
    async *source(signal) {
      for (const [n, chunk] of chunks.entries()) {
        mono = n * 1000;
        yield Buffer.from(chunk);
      }
      mono += afterS * 1000;
      // What a disconnect leaves open is given out when the source ends.
      setImmediate(over.resolve);
      if (afterS > 0) return;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    },
    recorded: false,
    policy: { movingS: 0, distanceM: 1, headingDeg: 1, standingS: 0, parkedS: 0, emergencyS: 1 },
    clock,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    report: (draft) => reports.push(draft),
    event: () => undefined,
    pressure: () => undefined,
    circumstances: () => ({ emergency: false }),
    on: { fix: () => undefined, changed: () => undefined },
  });
  await over.promise;
  const seen = { scene: desk.scene(), health: desk.health(), fix: desk.fix(), now: clock.now() };
  const satellites = await desk.satellites();
  await desk[Symbol.asyncDispose]();
  return {
    ...seen,
    satellites,
    reports: reports.map(({ at, clock: trust, mono: when }) => [at, trust, when]),
  };
};

describe("a receiver's reports", () => {
  test("are unset until its time is confirmed, two seconds after its first fix, and gnss from then on", async () => {
    const { reports } = await drive([0, 1, 2, 3, 4].map((n) => epoch(n)));
    expect(reports).toEqual([
      [BOOT, "unset", 0],
      [BOOT + 1_000, "unset", 1_000],
      [BOOT + 2_000, "gnss", 2_000],
      [BOOT + 3_000, "gnss", 3_000],
      [BOOT + 4_000, "gnss", 4_000],
    ]);
  });

  test.each([
    ["implausible", 30],
    ["disputed", 2],
  ])("hold no %s date: the fix is counted, and the clock does not move", async (cause, years) => {
    const wild = epoch(4, years * 365 * 86_400_000);
    const { reports, health, now } = await drive([0, 1, 2, 3].map((n) => epoch(n)).concat(wild, epoch(5)));
    expect(reports.map(([at]) => at)).toEqual([0, 1, 2, 3, 5].map((n) => BOOT + n * 1000));
    expect(health.rejected).toEqual({ [cause]: 1 });
    expect(now).toEqual({ at: BOOT + 5_000, clock: "gnss" });
  });

  test("of a receiver that never knows its date are places all the same, and never gnss", async () => {
    const { reports, now, health } = await drive([0, 1, 2, 3, 4].map((n) => epoch(n, 21 * 365 * 86_400_000)));
    expect(reports).toHaveLength(5);
    expect(reports.every(([, trust]) => trust === "unset")).toBe(true);
    expect(now.clock).toBe("unset");
    expect(health.rejected).toEqual({ misdated: 5 });
  });
});

test("the epoch that a disconnect gives out is as old as it is", async () => {
  const half = epoch(1).split("\r\n")[0]! + "\r\n";
  const { scene, fix } = await drive([epoch(0).split("\r\n")[0]! + "\r\n", half], 29);
  expect(scene.position).toMatchObject({ ageMs: 29_000, trusted: false });
  expect(fix).toBeUndefined();
});

test("the satellites in view are there to look at", async () => {
  const gsv = formatSentence("GPGSV,1,1,01,05,06,110,19,1");
  const { satellites } = await drive([epoch(0), gsv]);
  expect(satellites).toEqual([
    { constellation: "gps", prn: 5, elevationDeg: 6, azimuthDeg: 110, signalDbHz: 19 },
  ]);
});

import { expect, test } from "vitest";
import { formatSentence } from "../../src/decode/nmea/sentence.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { createLog } from "../../src/runtime/log.ts";
import { Faults } from "../../src/unit/faults.ts";
import { GpsPart } from "../../src/unit/gps.ts";
import { SimulatedTime } from "../simulation/time.ts";

const START = Date.UTC(2026, 10, 24, 12);

/** The receiver's sentence of a second; the latitude's minutes are its number. */
const second = (n: number): string => {
  const time = new Date(START + n * 1_000).toISOString().slice(11, 19).replaceAll(":", "");
  const minutes = String(n).padStart(2, "0");
  return formatSentence(`GPRMC,${time},A,45${minutes}.0000,N,02023.0000,E,10.00,90.0,241126,,,A`);
};

/** A receiver on simulated time that sends what the test pushes. */
const openGps = () => {
  const time = new SimulatedTime(0);
  const said: string[] = [];
  const waiting: string[] = [];
  let wake: () => void = () => undefined;
  const clock = createClock({
    mono: () => time.mono(),
    hostNow: () => 0,
    ntpSynchronised: () => false,
    builtMs: Date.UTC(2026, 10, 1),
  });
  const log = createLog(() => undefined);
  const gps = new GpsPart({
    source: async function* source(signal) {
      signal.addEventListener("abort", () => wake());
      while (!signal.aborted) {
        for (const text of waiting.splice(0)) yield Buffer.from(text);
        // oxlint-disable-next-line no-await-in-loop -- a receiver is read in order
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    recorded: false,
    policy: { movingS: 0, distanceM: 150, headingDeg: 20, standingS: 300, emergencyS: 1, parkedS: 900 },
    clock,
    time,
    random: () => 0.5,
    log,
    faults: new Faults({
      log,
      event: (event) => said.push(event.type === "fault" ? `${event.part} ${event.code}` : event.type),
      mono: () => clock.mono(),
    }),
    report: () => undefined,
    pressure: () => undefined,
    circumstances: () => ({ emergency: false, vehicle: undefined }),
  });
  const send = (...seconds: number[]) => {
    waiting.push(seconds.map(second).join(""));
    wake();
  };
  /** Sends one second after the other as they pass. */
  const drive = async (from: number, to: number) => {
    for (let n = from; n <= to; n++) {
      // oxlint-disable-next-line no-await-in-loop -- time passes in order
      await time.run(n * 1_000);
      send(n);
    }
    await time.run(time.mono() + 1);
  };
  return { time, gps, clock, send, drive, said, stop: () => gps[Symbol.asyncDispose]() };
};

test("a position that waited while the process stood still is as old as its own time says", async () => {
  const { time, gps, send, drive, stop } = openGps();
  await drive(0, 5);
  expect(gps.scene().position).toMatchObject({ trusted: true });
  // The line kept the seconds up to 20, and dropped the rest: the newest complete epoch is that of 19.
  await time.run(40_000);
  send(...Array.from({ length: 15 }, (_, n) => n + 6));
  await time.run(40_001);
  const { position, track } = gps.scene();
  expect(Math.abs(position!.ageMs - 20_000)).toBeLessThan(1_100);
  expect(position!.trusted).toBe(false);
  expect(track!.every(({ ageMs }) => ageMs! >= 19_000)).toBe(true);
  await drive(41, 43);
  expect(gps.scene().position).toMatchObject({ trusted: true });
  await stop();
});

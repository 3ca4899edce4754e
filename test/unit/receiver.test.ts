import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { formatSentence } from "../../src/decode/nmea/sentence.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { SourceError } from "../../src/domain/bytes.ts";
import type { Fix } from "../../src/domain/fix.ts";
import { readGps } from "../../src/unit/receiver.ts";
import { ttySource } from "../../src/sources/tty.ts";
import type { Time } from "../../src/runtime/ports.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { SimulatedTime } from "../simulation/time.ts";

const second = (n: number): string => {
  const time = `1200${String(n % 60).padStart(2, "0")}`;
  return formatSentence(`GPRMC,${time},A,4523.0000,N,02023.0000,E,10.00,90.0,241126,,,A`);
};

/** A source whose chunks are pushed by the test, and which then ends as it is told. */
const scripted = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const chunks: { at: number; text: string }[] = [];
  let mono = 0;
  return {
    mono: () => mono,
    chunks,
    end: resolve,
    source: async function* source(signal: AbortSignal) {
      for (const { at, text } of chunks) {
        mono = at;
        yield Buffer.from(text);
      }
      mono += 30_000;
      signal.addEventListener("abort", () => resolve());
      await promise;
      throw new SourceError("unplugged", "unplugged");
    },
  };
};
const quiet = {
  pressure: () => undefined,
  fault: () => undefined,
  heard: () => undefined,
  rollover: () => undefined,
};

test("the epoch that a disconnect leaves open is as old as its arrival", async () => {
  const line = scripted();
  line.chunks.push({ at: 1_000, text: second(0) }, { at: 2_000, text: second(1) });
  const arrivals: number[] = [];
  const stop = new AbortController();
  const reading = readGps(
    {
      source: (signal) => line.source(signal),
      tally: { sentences: 0, fixes: 0, rejected: {} },
      time: systemTime,
      random: Math.random,
      now: () => Date.UTC(2026, 10, 24, 12),
      mono: line.mono,
    },
    { ...quiet, fix: (_, { mono }) => void arrivals.push(mono) },
    stop.signal,
  );
  line.end();
  await expect.poll(() => arrivals.length).toBeGreaterThanOrEqual(2);
  stop.abort();
  await reading;
  expect(arrivals.slice(0, 2)).toEqual([1_000, 2_000]);
});

test("a receiver is not silent while the process stands still, and is silent after ten seconds of its time", async () => {
  const time = new SimulatedTime(0);
  // Timers fire late, as in a process that stood still.
  let stoodMs = 0;
  const late: Time = {
    mono: () => time.mono() + stoodMs,
    host: () => time.host(),
    after: (ms, f) => time.after(ms, f),
    every: (ms, f) => time.every(ms, f),
    soon: (f) => time.soon(f),
  };
  const said: string[] = [];
  let opened = 0;
  const stop = new AbortController();
  const reading = readGps(
    {
      source: async function* source(signal) {
        opened++;
        yield Buffer.from(second(0));
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      tally: { sentences: 0, fixes: 0, rejected: {} },
      time: late,
      random: () => 0.5,
      now: () => Date.UTC(2026, 10, 24, 12),
      mono: () => late.mono(),
    },
    { ...quiet, fix: () => undefined, fault: (code) => void said.push(code) },
    stop.signal,
  );
  await time.run(5_500);
  stoodMs = 40_000;
  await time.run(8_500);
  expect([said, opened]).toEqual([[], 1]);
  await time.run(13_000);
  expect([said, opened]).toEqual([["silent"], 1]);
  await time.run(40_000);
  expect(opened).toBe(2);
  stop.abort();
  await time.run(60_000);
  await reading;
});

test("a receiver is not silent while its bytes wait for room in the outbox", async () => {
  const time = new SimulatedTime(0);
  const said: string[] = [];
  const room = Promise.withResolvers<void>();
  let full: Promise<void> | undefined = room.promise;
  const stop = new AbortController();
  const reading = readGps(
    {
      source: async function* source(signal) {
        yield Buffer.from(second(0));
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      tally: { sentences: 0, fixes: 0, rejected: {} },
      time,
      random: () => 0.5,
      now: () => Date.UTC(2026, 10, 24, 12),
      mono: () => time.mono(),
    },
    { ...quiet, fix: () => undefined, pressure: () => full, fault: (code) => void said.push(code) },
    stop.signal,
  );
  await time.run(60_000);
  expect(said).toEqual([]);
  full = undefined;
  room.resolve();
  await time.run(80_000);
  expect(said).toEqual(["silent"]);
  stop.abort();
  await time.run(120_000);
  await reading;
});

test("a week rollover is reported when the receiver's time is trusted, and refused fixes report none", async () => {
  const weeks = 1024 * 7 * 86_400_000;
  const line = scripted();
  const old = (n: number) =>
    formatSentence(`GPRMC,12000${n},A,4523.0000,N,02023.0000,E,10.00,90.0,100407,,,A`);
  line.chunks.push(...[0, 1, 2, 3, 4].map((n) => ({ at: n * 1000, text: old(n) })));
  const said: string[] = [];
  const stop = new AbortController();
  const verdicts = ["unconfirmed", "disputed", "trusted", "trusted"] as const;
  let asked = 0;
  const reading = readGps(
    {
      source: (signal) => line.source(signal),
      tally: { sentences: 0, fixes: 0, rejected: {} },
      time: systemTime,
      random: Math.random,
      now: () => Date.UTC(2026, 10, 24, 12),
      mono: line.mono,
      judge(at) {
        expect(new Date(at).toISOString().slice(0, 10)).toBe("2026-11-24");
        return verdicts[asked++] ?? "trusted";
      },
    },
    {
      ...quiet,
      fix: ({ at }) => void said.push(new Date(at).toISOString().slice(0, 19)),
      rollover: (ms) => void said.push(`rollover ${ms / weeks}`),
    },
    stop.signal,
  );
  await expect.poll(() => said.length).toBeGreaterThanOrEqual(4);
  stop.abort();
  await reading;
  expect(said.slice(0, 4)).toEqual([
    "2026-11-24T12:00:00",
    "rollover 1",
    "2026-11-24T12:00:02",
    "2026-11-24T12:00:03",
  ]);
});

test("another device with the receiver's name is a fault, reported once, until the receiver is back", async () => {
  const name = join(tmpdir(), `gps-${process.pid}`);
  const fixes: Fix[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const receiver = openSerialLine(name);
  const reading = readGps(
    {
      source: ttySource(name, 9600),
      tally: { sentences: 0, fixes: 0, rejected: {} },
      time: systemTime,
      random: Math.random,
      now: () => Date.UTC(2026, 10, 24, 12),
      mono: () => performance.now(),
      patience: { silentMs: 300, reopenMs: 900, watchMs: 50 },
    },
    {
      fix: (fix) => void fixes.push(fix),
      pressure: () => undefined,
      fault: (code) => void said.push(code),
      heard: (afterFault) => void said.push(afterFault ? "recovered" : "heard"),
      rollover: () => undefined,
    },
    stop.signal,
  );
  await sleep(100);
  for (let n = 0; n < 3; n++) await receiver.write(second(n));
  await sleep(50);
  receiver[Symbol.dispose]();

  const modem = openSerialLine(name);
  for (let i = 0; i < 40; i++) {
    await modem.write("AT+CREG?\r\nOK\r\n\xff\x00");
    await sleep(50);
  }
  modem[Symbol.dispose]();

  const back = openSerialLine(name);
  // The pause before the next attempt may have grown to some seconds: 20 s are enough.
  for (let n = 10; n < 410 && said.at(-1) !== "recovered"; n++) {
    await sleep(50);
    await back.write(second(n));
  }
  stop.abort();
  await reading;
  back[Symbol.dispose]();
  expect(said[0]).toBe("heard");
  expect(said.filter((word) => word === "no-nmea")).toHaveLength(1);
  expect(said.at(-1)).toBe("recovered");
  expect(fixes.every((fix) => fix.lat > 45 && fix.lat < 46)).toBe(true);
});

import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { formatSentence } from "../../src/decode/nmea/sentence.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import type { Fix } from "../../src/domain/fix.ts";
import { readGps } from "../../src/sources/gps.ts";
import { ttySource } from "../../src/sources/tty.ts";
import { createBackoff } from "../../src/runtime/backoff.ts";

const second = (n: number): string => {
  const time = `1200${String(n % 60).padStart(2, "0")}`;
  return formatSentence(`GPRMC,${time},A,4523.0000,N,02023.0000,E,10.00,90.0,241126,,,A`);
};

test("another device that takes the receiver's name is a fault, told once, until the receiver is back", async () => {
  const name = join(tmpdir(), `gps-${process.pid}`);
  const fixes: Fix[] = [];
  const said: string[] = [];
  const stop = new AbortController();
  const receiver = openSerialLine(name);
  const reading = readGps(
    {
      source: ttySource(name, 9600),
      tally: { sentences: 0, fixes: 0, rejected: {} },
      backoff: createBackoff(20, 100),
      hostNow: () => Date.UTC(2026, 10, 24, 12),
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
  for (let n = 10; n < 40 && said.at(-1) !== "recovered"; n++) {
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

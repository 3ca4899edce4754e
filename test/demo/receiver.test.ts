import { expect, test } from "vitest";
import { createNmeaDecoder } from "../../src/decode/nmea/decoder.ts";
import { driveRoute } from "../../src/demo/receiver.ts";
import { ZRENJANIN } from "../../src/demo/route.ts";
import { distanceM } from "../../src/domain/geodesy.ts";
import type { Fix } from "../../src/domain/fix.ts";

const START = Date.UTC(2026, 10, 24, 8);
const SECONDS = 600;

const drive = (): { fixes: Fix[]; rejected: Readonly<Record<string, number>> } => {
  const fixes: Fix[] = [];
  const decoder = createNmeaDecoder((fix) => void fixes.push(fix));
  const seconds = driveRoute(ZRENJANIN, START);
  for (let n = 0; n < SECONDS; n++) {
    const next = seconds.next();
    if (!next.done) decoder.push(Buffer.from(next.value));
  }
  decoder.end();
  return { fixes, rejected: decoder.tally.rejected };
};

test("the demo's receiver starts cold, then gives a fix a second that our decoder reads whole", () => {
  const { fixes, rejected } = drive();
  expect(fixes.length).toBeGreaterThan(SECONDS / 2);
  expect(fixes[0]!.at).toBeGreaterThanOrEqual(START + 6_000);
  expect(Object.keys(rejected).filter((cause) => cause !== "void" && cause !== "undated")).toEqual([]);
});

test("the demo's car drives through town: it moves, and never faster than a car in town", () => {
  const { fixes } = drive();
  const speeds = fixes.map(({ speedKmh }) => speedKmh ?? 0);
  expect(Math.max(...speeds)).toBeGreaterThan(30);
  expect(Math.max(...speeds)).toBeLessThan(90);
  const [home] = fixes;
  expect(Math.max(...fixes.map((fix) => distanceM(home!, fix)))).toBeLessThan(10_000);
});

import { expect, test } from "vitest";
import { forbidRealTime } from "./guard.ts";

test("real clocks, timers and chance throw, arithmetic with dates does not, and all is as before afterwards", () => {
  const calls: readonly (() => unknown)[] = [
    () => Date.now(),
    () => new Date(),
    () => performance.now(),
    () => Math.random(),
    () => AbortSignal.timeout(1),
    () => crypto.getRandomValues(new Uint8Array(1)),
    () => clearTimeout(setTimeout(() => undefined, 0)),
    () => clearInterval(setInterval(() => undefined, 1)),
  ];
  const attempt = (call: () => unknown): string => {
    try {
      call();
      return "done";
    } catch (error) {
      return String(error);
    }
  };
  const guard = forbidRealTime();
  const during = calls.map(attempt);
  const date = new Date(0);
  const arithmetic = [date instanceof Date, date.toISOString(), Date.UTC(2026, 0, 1)];
  guard[Symbol.dispose]();
  for (const result of during) expect(result).toMatch(/in the simulation: use the port/);
  expect(arithmetic).toEqual([true, "1970-01-01T00:00:00.000Z", 1_767_225_600_000]);
  expect(calls.map(attempt)).toEqual(calls.map(() => "done"));
});

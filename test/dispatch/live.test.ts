import { expect, test } from "vitest";
import { Live } from "../../src/dispatch/live.ts";
import { emergency, position } from "./reports.ts";

const BOOT = 1;
const opened = () => {
  const clock = { now: 0, mono: () => clock.now };
  return { clock, live: new Live(clock, BOOT) };
};

test("a report is live for ten seconds after it was made, and in no other boot", () => {
  const { clock, live } = opened();
  const report = position(1);
  clock.now = report.mono + 10_000;
  expect(live.isLive(report)).toBe(true);
  expect(live.isLive({ ...report, boot: BOOT + 1 })).toBe(false);
  clock.now++;
  expect(live.isLive(report)).toBe(false);
});

test("a repetition of an emergency is live if it was delivered live before", () => {
  const { clock, live } = opened();
  const [prompt, late] = [emergency(1), emergency(2)];
  clock.now = prompt.mono;
  live.delivered(prompt);
  clock.now = prompt.mono + 3_600_000;
  expect(live.isLive(prompt)).toBe(true);
  live.delivered(late);
  expect(live.isLive(late)).toBe(false);
});

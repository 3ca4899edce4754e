import { expect, test } from "vitest";
import { legLine, newLegs, whyOff } from "../../src/cli/drill.ts";

test("legs are printed in the order of their times", () => {
  const legs = { stored: 3, sent: 40, received: 12, accepted: 30 };
  expect(newLegs(legs, new Set()).map(({ stage }) => stage)).toEqual([
    "stored",
    "received",
    "accepted",
    "sent",
  ]);
});

test("a leg that is known after a later one is marked", () => {
  const [sent] = newLegs({ stored: 3, sent: 10, received: 12 }, new Set(["stored", "received"] as const));
  expect(sent).toEqual({ stage: "sent", ms: 10, before: "received" });
  expect(legLine(sent!)).toContain("known late, it was before received");
});

test("a leg is printed once", () => {
  expect(newLegs({ stored: 3 }, new Set(["stored"] as const))).toEqual([]);
});

const DISARMED = { isEmergencyOpen: false, isRestarted: false, elapsedMs: 5_000 };

test.each([
  [
    "a real emergency has begun",
    { ...DISARMED, isEmergencyOpen: true, isRestarted: true },
    /REAL emergency is open/,
  ],
  ["the service was restarted", { ...DISARMED, isRestarted: true }, /the service was restarted/],
  ["the minute is over", { ...DISARMED, elapsedMs: 59_900 }, /^no press arrived within 60 s/],
  ["nothing else is known", DISARMED, /^the drill was stopped from elsewhere/],
])("a drill that is off before a press names its cause: %s", (_, disarmed, words) => {
  expect(whyOff(disarmed)).toMatch(words);
});

import { expect, test } from "vitest";
import { legLine, newLegs } from "../../src/cli/drill.ts";

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

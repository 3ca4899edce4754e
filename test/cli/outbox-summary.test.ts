import { expect, test } from "vitest";
import { notesOf, problemsOf, type Found } from "../../src/cli/lib/outbox-summary.ts";

const found = (missing: number, leased: number, inUse: boolean): Found => ({
  inUse,
  account: { boot: 1, next: 10, pending: 0, missing, leased },
  openEpisodes: [],
  news: [],
  damaged: { emergency: 0, event: 0, telemetry: 0 },
});

test.each(["stats", "verify"])(
  "the outbox of a running service: `%s` names itself as the command to repeat, and no number is called missing",
  (action) => {
    expect(problemsOf(found(2, 3, true), action)).toEqual([
      `a service runs on this outbox and writes to it, so numbers cannot be verified: stop the service and run \`outbox ${action}\` again`,
    ]);
    expect(notesOf(found(2, 3, true))).toEqual([]);
  },
);

test("numbers that a killed service has reserved are no problem, and there is nothing to do", () => {
  expect(problemsOf(found(0, 3, false), "verify")).toEqual([]);
  expect(notesOf(found(0, 3, false))).toEqual([
    "3 numbers were reserved by a service that was killed. This is no damage, and there is nothing to do: the service declares them to dispatch at its next start",
  ]);
  expect(notesOf(found(0, 0, false))).toEqual([]);
});

test("numbers that are missing in a stopped outbox are a problem", () => {
  expect(problemsOf(found(1, 0, false), "verify")).toEqual([
    "1 number is missing: the service declares them to dispatch as lost at its next start",
  ]);
});

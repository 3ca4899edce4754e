import { expect, test } from "vitest";
import { channelOf } from "../../src/dispatch/outgoing.ts";
import { Refusals } from "../../src/dispatch/refusals.ts";
import { emergency, position } from "./reports.ts";

test("a refusal is over when the same broker accepts the same topic, once", () => {
  const refusals = new Refusals();
  refusals.refused("a", "event");
  refusals.refused("a", "event");
  expect([refusals.accepted("b", "event"), refusals.accepted("a", "health")]).toEqual([false, false]);
  expect([refusals.accepted("a", "event"), refusals.accepted("a", "event")]).toEqual([true, false]);
});

test("a removal is published on the episode's topic, and live telemetry on that of its kind", () => {
  expect(channelOf({ kind: "removal", episode: emergency(1).data.episode })).toBe("emergency");
  expect(channelOf({ kind: "live", report: position(1) })).toBe("position");
  expect(channelOf({ kind: "history", reports: [position(1)], payload: Buffer.alloc(0) })).toBe("history");
});

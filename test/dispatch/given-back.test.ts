import { expect, test } from "vitest";
import { Traffic } from "../../src/dispatch/traffic.ts";
import type { EmergencyUpdate } from "../../src/domain/report.ts";
import { PLAIN } from "./traffic-bench.ts";

const EPISODE = "01K0000000000000000000000A";
const NO_SUBSCRIBERS = 0x10;

const update = (seq: number): EmergencyUpdate => ({
  v: 1,
  unit: "zrenjanin/zr-117",
  store: "k3v9q0ab",
  boot: 1,
  seq,
  at: "2026-11-22T08:00:00.000Z",
  clock: "gnss",
  mono: 0,
  kind: "emergency",
  data: { episode: EPISODE, state: "active", test: false, button: "dash", presses: seq, attempt: 1 },
});

test("older reports of an episode that nobody heard as history are read again from their own lane", () => {
  const traffic = new Traffic({ ...PLAIN, receiveMaximum: 10, maxInFlightBytes: 100_000 }, 0);
  traffic.reads(0);
  traffic.page("emergency", [update(1), update(2), update(3)], 3);
  const newest = traffic.next(0)!;
  traffic.answered(traffic.sent(newest, 100, 0), 0, 0);
  const older = traffic.toEncode()!;
  expect(older.map(({ seq }) => seq)).toEqual([1, 2]);
  traffic.offerHistory(older, Buffer.alloc(100));
  const history = traffic.next(0)!;
  traffic.answered(traffic.sent(history, 100, 0), NO_SUBSCRIBERS, 0);
  expect(traffic.reads(0)).toContainEqual({ lane: "emergency", after: 0, limit: 100 });
});

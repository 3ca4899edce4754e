import { expect, test } from "vitest";
import { isStuck } from "../../src/dispatch/giving-up.ts";
import { TRUST_MS } from "../../src/dispatch/standing.ts";
import { Traffic } from "../../src/dispatch/traffic.ts";
import { position } from "./reports.ts";
import { PLAIN } from "./traffic-bench.ts";

const settings = { ...PLAIN, receiveMaximum: 10, maxInFlightBytes: 100_000 };

test("the wait for the answer to a removal counts as that of an emergency, until it comes", () => {
  const traffic = new Traffic(settings, 0);
  traffic.remove("01K0000000000000000000000A");
  const removal = traffic.next(0)!;
  const flight = traffic.sent(removal, 0, 0);
  expect([traffic.urgentMs(31_000), traffic.flights.emergencyMs(31_000)]).toEqual([31_000, 0]);
  traffic.answered(flight, 0, 31_000);
  expect(traffic.urgentMs(32_000)).toBe(0);
});

test("other messages without an answer are no emergency", () => {
  const traffic = new Traffic(settings, 0);
  traffic.greet(Buffer.from("{}"));
  traffic.sent(traffic.next(0)!, 2, 0);
  expect([traffic.urgentMs(31_000), traffic.flights.silentMs(31_000)]).toEqual([0, 31_000]);
});

test("an emergency that waits for the place of an unanswered one is blocked", () => {
  const traffic = new Traffic({ ...settings, receiveMaximum: 1 }, 0);
  traffic.remove("01K0000000000000000000000A");
  traffic.sent(traffic.next(0)!, 0, 0);
  expect(traffic.blocked).toBe(false);
  traffic.remove("01K0000000000000000000000B");
  expect([traffic.next(0), traffic.blocked]).toEqual([undefined, true]);
});

test("an emergency that waits behind a message of another kind without an answer counts from when it began to wait", () => {
  const traffic = new Traffic({ ...settings, receiveMaximum: 1 }, 0);
  traffic.greet(Buffer.from("{}"));
  const flight = traffic.sent(traffic.next(0)!, 2, 0);
  traffic.remove("01K0000000000000000000000A");
  expect(traffic.next(7_000)).toBeUndefined();
  expect([traffic.next(9_000), traffic.urgentMs(10_000)]).toEqual([undefined, 3_000]);
  traffic.answered(flight, 0, 11_000);
  expect([traffic.urgentMs(11_000), traffic.next(11_000)?.kind, traffic.blocked]).toEqual([
    0,
    "removal",
    false,
  ]);
});

test("a connection without an answer is given up after 30 s, and after 5 s if another emergency waits", () => {
  const of = (urgentMs: number, blocked: boolean) => isStuck({ urgentMs, blocked }, 30_000);
  expect([of(30_000, false), of(30_001, false)]).toEqual([false, true]);
  expect([of(TRUST_MS, true), of(TRUST_MS + 1, true)]).toEqual([false, true]);
});

test("a message that the broker has passed over holds nothing up, and is told from one that is slow", () => {
  const traffic = new Traffic(settings, 0);
  traffic.page("emergency", [], 0);
  traffic.offerLive(position(0), 0);
  traffic.answered(traffic.sent(traffic.next(0)!, 300, 0), 0, 80);
  traffic.offerLive(position(1), 1_000);
  const lost = traffic.sent(traffic.next(1_000)!, 400, 1_000);
  // A press is repeated meanwhile.
  traffic.remove("01K0000000000000000000000A");
  const urgent = traffic.sent(traffic.next(1_500)!, 0, 1_500);
  expect(traffic.flights.lostMs(9_000)).toBe(0);
  traffic.answered(urgent, 0, 1_580);
  for (const seq of [2, 3, 4, 5, 6]) {
    const now = seq * 1_000;
    traffic.offerLive(position(seq), now);
    const next = traffic.next(now);
    expect(next?.kind).toBe("live");
    traffic.answered(traffic.sent(next!, 300, now), 0, now + 80);
  }
  expect(traffic.flights.lostMs(9_000)).toBe(8_000);
  traffic.answered(lost, 0, 9_000);
  expect(traffic.flights.lostMs(9_000)).toBe(0);
});

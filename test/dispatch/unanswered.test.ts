import { expect, test } from "vitest";
import { Traffic } from "../../src/dispatch/traffic.ts";

const settings = {
  receiveMaximum: 10,
  maxInFlightBytes: 100_000,
  oldest: 1,
  unheardCounts: () => false,
  hasEnded: () => false,
};

test("the wait for the answer to a removal counts as that of an emergency, until it comes", () => {
  const traffic = new Traffic(settings, 0);
  traffic.remove("01K0000000000000000000000A");
  const removal = traffic.next(0)!;
  const flight = traffic.sent(removal, 0, 0);
  expect([traffic.urgentMs(31_000), traffic.emergencyMs(31_000)]).toEqual([31_000, 0]);
  traffic.answered(flight, 0, 31_000);
  expect(traffic.urgentMs(32_000)).toBe(0);
});

test("other messages without an answer are no emergency", () => {
  const traffic = new Traffic(settings, 0);
  traffic.greet(Buffer.from("{}"));
  traffic.sent(traffic.next(0)!, 2, 0);
  expect([traffic.urgentMs(31_000), traffic.silentMs(31_000)]).toEqual([0, 31_000]);
});

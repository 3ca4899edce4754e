import { describe, expect, test } from "vitest";
import { PinThrottle } from "../../src/runtime/http-throttle.ts";

const S = 1_000;
const HOUR_MS = 3_600 * S;
const fail = (throttle: PinThrottle, peer: string, times: number, nowMs = 0) => {
  for (let n = 0; n < times; n++) throttle.failed(peer, nowMs);
};

describe("wrong PINs", () => {
  test("the wait doubles with each further one, from a minute to an hour", () => {
    const throttle = new PinThrottle();
    fail(throttle, "10.0.0.1", 4);
    expect(throttle.waitS("10.0.0.1", 0)).toBe(0);
    const waits: number[] = [];
    for (let n = 0, now = 0; n < 9; n++) {
      throttle.failed("10.0.0.1", now);
      waits.push(throttle.waitS("10.0.0.1", now));
      now += throttle.waitS("10.0.0.1", now) * S;
    }
    expect(waits).toEqual([60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
  });

  test("a right one lets the peer begin anew, but not all peers", () => {
    const throttle = new PinThrottle();
    fail(throttle, "10.0.0.1", 4);
    throttle.passed("10.0.0.1");
    fail(throttle, "10.0.0.1", 4);
    expect(throttle.waitS("10.0.0.1", 0)).toBe(0);
    for (let n = 0; n < 52; n++) throttle.failed(`10.0.1.${n}`, 0);
    expect(throttle.waitS("10.0.9.9", 0)).toBe(60);
  });

  test("are forgotten after a day without one", () => {
    const throttle = new PinThrottle();
    fail(throttle, "10.0.0.1", 5);
    throttle.failed("10.0.0.1", 24 * HOUR_MS);
    expect(throttle.waitS("10.0.0.1", 24 * HOUR_MS)).toBe(0);
  });

  test.each([
    ["10.0.0.1", "10.0.0.2", false],
    ["10.0.0.1", "::ffff:10.0.0.1", true],
    ["2001:db8:1:2::1", "2001:db8:1:2:aaaa:bbbb:cccc:dddd", true],
    ["2001:db8:1:2::1", "2001:db8:1:3::1", false],
    ["fe80::1%wlan0", "fe80::2", true],
    ["::1:2:3:4", "::9:9:9:9", true],
  ])("%s and %s are one peer: %s", (one, other, same) => {
    const throttle = new PinThrottle();
    fail(throttle, one, 5);
    expect(throttle.waitS(other, 0) > 0).toBe(same);
  });
});

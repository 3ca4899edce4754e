import { describe, expect, test } from "vitest";
import { Places } from "../../src/runtime/http-places.ts";

const MINUTE_MS = 60_000;
const open = () => {
  const places = new Places();
  const clock = { nowMs: 0 };
  let count = 0;
  /** Opens connections; returns the keys of those that got a place. */
  const take = (peer: string, times = 1): string[] =>
    Array.from({ length: times }, () => `${(count += 1)}`).filter(
      (key) => places.take(key, peer, clock.nowMs).taken,
    );
  /** Opens connections, each 200 ms after the one before, so that only the places limit them. */
  const takeSlowly = (peer: string, times: number): string[] =>
    Array.from({ length: times }, () => {
      clock.nowMs += 200;
      return take(peer);
    }).flat();
  const know = (peer: string): void => {
    const [key = ""] = take(peer);
    places.known(key, clock.nowMs);
    places.leave(key);
  };
  return { places, clock, take, takeSlowly, know };
};

describe("the places of a server", () => {
  test("some are for this machine: others cannot take them, not even with the PIN", () => {
    const { take, know } = open();
    know("10.0.0.1");
    expect(take("10.0.0.1", 40)).toHaveLength(24);
    expect(take("127.0.0.1", 40)).toHaveLength(8);
  });

  test("some are for who has given the PIN", () => {
    const { take, know } = open();
    know("10.0.0.1");
    const strangers = Array.from({ length: 20 }, (_, n) => take(`10.0.1.${n}`)).flat();
    expect(strangers).toHaveLength(16);
    expect(take("10.0.0.1", 20)).toHaveLength(8);
  });

  test("a stranger has eight at once, as an address or an IPv6 network", () => {
    const { places, take, takeSlowly } = open();
    const [first = ""] = takeSlowly("2001:db8::1", 9);
    expect(takeSlowly("2001:db8::2", 1)).toHaveLength(0);
    places.leave(first);
    expect(takeSlowly("2001:db8::2", 2)).toHaveLength(1);
    expect(take("10.0.0.1")).toHaveLength(1);
  });

  test("a stranger who has had one for ten seconds loses it to who needs it", () => {
    const { places, clock, takeSlowly } = open();
    const held = takeSlowly("10.0.0.1", 8);
    clock.nowMs = 9_999;
    expect(places.take("too early", "10.0.0.1", clock.nowMs)).toEqual({ taken: false, stale: [] });
    clock.nowMs = 10_200;
    expect(places.take("new", "10.0.0.1", clock.nowMs)).toEqual({ taken: true, stale: held.slice(0, 1) });
  });

  test("who gave the PIN on a connection keeps it", () => {
    const { places, clock, takeSlowly } = open();
    for (const key of takeSlowly("10.0.0.1", 8)) places.known(key, clock.nowMs);
    clock.nowMs = MINUTE_MS;
    expect(places.take("new", "10.0.0.1", clock.nowMs)).toEqual({ taken: true, stale: [] });
  });
});

describe("new connections", () => {
  const all = (take: (peer: string) => string[], peers: number) =>
    Array.from({ length: 100 }, (_, n) => take(`10.0.0.${n % peers}`)).flat().length;
  const brief = () => {
    const { places, clock, take, know } = open();
    return { clock, know, take: (peer: string) => take(peer).map((key) => (places.leave(key), key)) };
  };

  test("of all strangers are limited: 24, and ten more each second", () => {
    const { clock, take } = brief();
    expect(all(take, 50)).toBe(24);
    clock.nowMs = 1_000;
    expect(all(take, 50)).toBe(10);
    clock.nowMs = 600_000;
    expect(all(take, 50)).toBe(24);
  });

  test("of one stranger are limited to half, so others get in", () => {
    const { clock, take } = brief();
    expect(all(take, 1)).toBe(12);
    expect(take("10.0.9.9")).toHaveLength(1);
    clock.nowMs = 1_000;
    expect(all(take, 1)).toBe(5);
    expect(take("10.0.9.9")).toHaveLength(1);
  });

  test("of this machine and of who has given the PIN are not limited", () => {
    const { take, know } = brief();
    know("10.0.1.1");
    expect(all(take, 50)).toBe(23);
    for (const peer of ["127.0.0.1", "::1", "10.0.1.1"])
      expect(Array.from({ length: 100 }, () => take(peer)).flat()).toHaveLength(100);
  });

  test("of a peer that has not used the PIN for half an hour are limited again", () => {
    const { clock, take, know } = brief();
    know("10.0.0.0");
    clock.nowMs = 30 * MINUTE_MS;
    expect(all(take, 1)).toBe(12);
  });
});

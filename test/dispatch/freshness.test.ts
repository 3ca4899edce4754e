import { expect, test } from "vitest";
import { Freshness, type Arrivals } from "../../src/dispatch/freshness.ts";

const QUIET_MS = 5_000;

const connected = (freshness: Freshness, session: string, now: number, hadSession = true): Arrivals => {
  const arrivals = freshness.connecting(session, now);
  arrivals.accepted(hadSession, now);
  return arrivals;
};

/** For how long a message that comes now may have waited. It is acknowledged at once. */
const waited = (arrivals: Arrivals, now: number): number | undefined => {
  const ms = arrivals.came(now);
  arrivals.settled(now);
  return ms;
};

/** Twenty messages, 100 ms apart: more than a broker sends at once. Returns when the last one came. */
const flood = (arrivals: Arrivals, answer: boolean): number => {
  for (let now = 100; now <= 2_000; now += 100) {
    expect(waited(arrivals, now)).toBe(Infinity);
    if (answer && now > 900) arrivals.answered(now + 50);
  }
  return 2_000;
};

test("what comes after an answer that followed a few messages was written a moment ago", () => {
  const arrivals = connected(new Freshness(), "a", 0);
  for (let n = 0; n < 9; n++) expect(waited(arrivals, 100)).toBe(Infinity);
  arrivals.answered(150);
  expect(waited(arrivals, 200)).toBeUndefined();
});

test("an answer between many messages says nothing: a broker sends only a few at a time", () => {
  const arrivals = connected(new Freshness(), "a", 0);
  flood(arrivals, true);
});

test("after many messages an answer that follows a pause shows that all have come", () => {
  const arrivals = connected(new Freshness(), "a", 0);
  const last = flood(arrivals, false);
  arrivals.answered(last + QUIET_MS);
  expect(waited(arrivals, last + QUIET_MS)).toBeUndefined();
});

test("an answer says nothing while one of many messages is not acknowledged", () => {
  const arrivals = connected(new Freshness(), "a", 0);
  const last = flood(arrivals, false);
  arrivals.came(last);
  arrivals.answered(last + QUIET_MS);
  expect(arrivals.came(last + QUIET_MS)).toBe(Infinity);
});

test("without a session nothing waits", () => {
  expect(waited(connected(new Freshness(), "a", 0, false), 0)).toBeUndefined();
});

test("what a new connection brings may have waited since the session was last known to be empty", () => {
  const freshness = new Freshness();
  const first = connected(freshness, "a", 0);
  first.answered(QUIET_MS);
  first.answered(QUIET_MS + 100);
  const other = connected(freshness, "b", 6_000);
  other.answered(12_000);
  expect(waited(connected(freshness, "a", 15_000), 15_000)).toBe(15_000 - QUIET_MS - 100);
  expect(waited(connected(freshness, "c", 15_000), 15_000)).toBe(Infinity);
});

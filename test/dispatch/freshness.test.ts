import { expect, test } from "vitest";
import { Freshness, type Accepted, type Arrivals } from "../../src/dispatch/freshness.ts";

/** What is sent so long after an acknowledgement follows it on the wire. */
const LEFT_MS = 100;

const connected = (
  freshness: Freshness,
  session: string,
  now: number,
  { address = "10.0.0.1", hadSession = true, version = 5 }: Partial<Accepted> = {},
): Arrivals => {
  const arrivals = freshness.connecting(session);
  arrivals.accepted({ address, hadSession, version }, now);
  return arrivals;
};

/** For how long a message that comes now may have waited. It is acknowledged at once. */
const waited = (arrivals: Arrivals, now: number, how: Parameters<Arrivals["came"]>[0] = {}): number => {
  const ms = arrivals.came(how, now);
  arrivals.settled(now);
  return ms;
};

test("what comes after an answer to a message that followed all acknowledgements was written after that message", () => {
  const arrivals = connected(new Freshness(), "a", 0);
  for (let n = 0; n < 10; n++) expect(waited(arrivals, 100)).toBe(Infinity);
  arrivals.answered(100 + LEFT_MS - 1);
  expect(waited(arrivals, 300)).toBe(Infinity);
  arrivals.answered(300 + LEFT_MS);
  expect(waited(arrivals, 500)).toBe(100);
});

test("an answer before any message shows that nothing waits", () => {
  const arrivals = connected(new Freshness(), "a", 0);
  arrivals.answered(10);
  expect(waited(arrivals, 50)).toBe(40);
});

test("what a newer connection of the session finds says nothing of what still comes over an older one", () => {
  const freshness = new Freshness();
  const older = connected(freshness, "a", 0);
  older.answered(10);
  connected(freshness, "a", 100, { hadSession: false });
  expect(waited(older, 150)).toBe(140);
  expect(waited(connected(freshness, "a", 200), 250)).toBe(150);
});

test("fewer messages than a broker sends at once are all: what comes after an answer was written after its question", () => {
  const arrivals = connected(new Freshness(), "a", 0);
  for (let n = 0; n < 9; n++) expect(arrivals.came({}, 100)).toBe(Infinity);
  arrivals.answered(50);
  expect(arrivals.came({}, 150)).toBe(100);
});

test("an answer to what was sent before the last message came, or before it was acknowledged, says nothing with 3.1.1", () => {
  const arrivals = connected(new Freshness(), "a", 0, { version: 4 });
  for (let now = 1_000; now <= 5_000; now += 1_000) {
    expect(waited(arrivals, now)).toBe(Infinity);
    arrivals.answered(now - 10);
  }
  arrivals.came({}, 6_000);
  arrivals.answered(6_500);
  arrivals.settled(7_000);
  arrivals.answered(6_900);
  arrivals.answered(7_000 + LEFT_MS - 1);
  expect(waited(arrivals, 8_000)).toBe(Infinity);
});

test("once nothing waits every answer counts: what comes was on the wire since its question at most", () => {
  const arrivals = connected(new Freshness(), "a", 0);
  arrivals.answered(1_000);
  arrivals.came({}, 1_500);
  expect(waited(arrivals, 2_000)).toBe(1_000);
  arrivals.answered(1_900);
  arrivals.answered(1_800);
  expect(waited(arrivals, 2_100)).toBe(200);
});

test.each([
  [4, 1],
  [5, 10],
] as const)(
  "an answer says nothing if the broker may wait for acknowledgements: version %i, %i messages",
  (version, most) => {
    const arrivals = connected(new Freshness(), "a", 0, { version });
    arrivals.answered(1_000);
    for (let n = 1; n < most; n++) arrivals.came({}, 1_500);
    arrivals.answered(1_450);
    expect(arrivals.came({}, 1_600)).toBe(150);
    arrivals.answered(1_550);
    expect(arrivals.came({}, 1_700)).toBe(250);
    for (let n = 0; n <= most; n++) arrivals.settled(1_800);
    arrivals.answered(1_900);
    expect(arrivals.came({}, 2_000)).toBe(100);
  },
);

test("what was sent on an earlier connection already may have waited since nothing was left, for 30 s and more", () => {
  const freshness = new Freshness();
  const long = connected(freshness, "a", 0);
  long.answered(60_000);
  // Too short: NATS would not have sent it again yet.
  connected(freshness, "a", 70_000).answered(100_000);
  const later = connected(freshness, "a", 110_000);
  later.answered(120_000);
  expect(waited(later, 131_000, { repeated: true })).toBe(71_000);
  expect(waited(later, 131_000)).toBe(11_000);
  expect(waited(connected(freshness, "a", 140_000, { hadSession: false }), 150_000)).toBe(10_000);
  expect(waited(connected(freshness, "a", 160_000), 170_000, { repeated: true })).toBe(30_000);
});

test("what is not acknowledged is still in the session when the next connection begins", () => {
  const freshness = new Freshness();
  const first = connected(freshness, "a", 0);
  first.answered(60_000);
  first.came({}, 61_000);
  first.answered(62_000);
  expect(first.came({}, 62_500)).toBe(500);
  expect(waited(connected(freshness, "a", 63_000), 64_000, { repeated: true })).toBe(4_000);
  expect(waited(connected(freshness, "a", 65_000), 66_000)).toBe(6_000);
});

test("without a session nothing waits", () => {
  expect(waited(connected(new Freshness(), "a", 10, { hadSession: false }), 15)).toBe(5);
});

test("what a new connection brings may have waited since the session was last known to be empty", () => {
  const freshness = new Freshness();
  const first = connected(freshness, "a", 0);
  first.answered(5_000);
  first.answered(5_100);
  const other = connected(freshness, "b", 6_000);
  other.answered(12_000);
  expect(waited(connected(freshness, "a", 15_000), 15_000)).toBe(9_900);
  expect(waited(connected(freshness, "c", 15_000), 15_000)).toBe(Infinity);
});

test("another host of the same name may keep what it has kept, whatever was found at this one", () => {
  const freshness = new Freshness();
  connected(freshness, "a", 0, { address: "10.0.0.2", hadSession: false });
  expect(waited(connected(freshness, "a", 5_000), 5_000)).toBe(Infinity);
  expect(waited(connected(freshness, "a", 6_000, { address: "10.0.0.2" }), 6_000)).toBe(6_000);
});

test("addresses that change for ever are forgotten, the oldest first", () => {
  const freshness = new Freshness();
  for (let n = 0; n < 65; n++) connected(freshness, "a", n, { address: `10.0.1.${n}`, hadSession: false });
  expect(waited(connected(freshness, "a", 100, { address: "10.0.1.0" }), 100)).toBe(Infinity);
  expect(waited(connected(freshness, "a", 100, { address: "10.0.1.1" }), 100)).toBe(99);
});

test("a retained message can be of any age, whatever was answered before", () => {
  const arrivals = connected(new Freshness(), "a", 0, { hadSession: false });
  arrivals.answered(1_000);
  expect(waited(arrivals, 1_100, { retained: true })).toBe(Infinity);
  expect(waited(arrivals, 1_200)).toBe(200);
});

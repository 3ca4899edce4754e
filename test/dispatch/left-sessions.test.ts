import { expect, test } from "vitest";
import { LeftSessions } from "../../src/dispatch/left-sessions.ts";

const free = () => false;
const askedAt = (broker: string, connectedAt = 0) => ({ broker, connectedAt });

test("one that is taken keeps no other from being asked", () => {
  const sessions = new LeftSessions([], 0);
  for (const broker of ["a", "b"]) sessions.left(broker, 0);
  expect(sessions.due(0, (broker) => broker === "a")).toBe("b");
  expect(sessions.due(0, () => true)).toBeUndefined();
});

test("the brokers that the link has left are asked, and the one that it uses is none of them", () => {
  const sessions = new LeftSessions([], 0);
  expect(sessions.due(0, free)).toBeUndefined();
  sessions.left("a", 0);
  sessions.left("b", 10);
  expect(sessions.due(10, free)).toBe("a");
  sessions.collected("a", 10, 10, true);
  expect(sessions.due(10, free)).toBe("b");
  sessions.entered("b", 0);
  expect(sessions.due(10, free)).toBeUndefined();
});

test("nodes that share their sessions are asked no longer: at once if it is said, else the third time in a row", () => {
  const sessions = new LeftSessions([], 0);
  sessions.left("a", 0);
  expect(sessions.collided("b", askedAt("a"), "taken-over", 1)).toBe(true);
  sessions.failed("a", 1);
  for (const broker of ["a", "b"]) sessions.left(broker, 1);
  expect(sessions.due(1, free)).toBeUndefined();
  sessions.left("c", 2);
  // Neither a dead connection, nor one that is lost while the other one is being made or later, is a sign.
  for (let n = 0; n < 3; n++) {
    expect(sessions.collided("d", askedAt("c"), "stalled", 3)).toBe(false);
    expect(sessions.collided("d", { broker: "c" }, "lost", 3)).toBe(false);
    expect(sessions.collided("d", askedAt("c"), "lost", 2_000)).toBe(false);
  }
  const lost = (at: number): void => {
    sessions.collided("d", askedAt("c", at), "lost", at + 1);
    sessions.failed("c", at + 2);
  };
  for (const at of [10, 20]) lost(at);
  sessions.collected("c", 30, 30, true);
  sessions.left("c", 40);
  for (const at of [50, 60]) lost(at);
  expect(sessions.due(600_000, free)).toBe("c");
  lost(70);
  expect(sessions.due(600_000, free)).toBeUndefined();
});

test("a node may close the link's connection a moment before it is seen to accept the other one", () => {
  const sessions = new LeftSessions([], 0);
  sessions.left("a", 0);
  for (const at of [10_000, 20_000, 30_000]) {
    sessions.entered("b", at - 5_000);
    sessions.collided("b", { broker: "a" }, "lost", at);
    sessions.connected("a", at + 50);
    sessions.failed("a", at + 100);
  }
  expect(sessions.brokers(40_000)).toEqual([]);
});

test("connections that do not last anywhere are no sign", () => {
  const sessions = new LeftSessions([], 0);
  sessions.left("a", 0);
  for (let at = 0; at < 60_000; at += 5_000) {
    sessions.entered("b", at);
    sessions.collided("b", askedAt("a", at + 100), "lost", at + 200);
    sessions.failed("a", at + 300);
  }
  expect(sessions.brokers(60_000)).toEqual(["a", "b"]);
});

test("nodes that share their sessions close the second connection as well: one that gets everything shares none", () => {
  const sessions = new LeftSessions([], 0);
  sessions.left("a", 0);
  sessions.left("b", 0);
  expect(sessions.collided("b", askedAt("a"), "taken-over", 1)).toBe(true);
  sessions.collected("a", 6, 6, true);
  sessions.failed("a", 7);
  expect(sessions.brokers(10)).toEqual(["a", "b"]);
});

test("losses that are far apart are no sign, and a mistake is not for ever", () => {
  const sessions = new LeftSessions([], 0);
  const lost = (at: number): void => {
    sessions.collided("d", askedAt("c", at), "lost", at + 1);
    sessions.failed("c", at + 2);
  };
  sessions.left("c", 0);
  for (const at of [0, 300_000, 1_200_000, 1_500_000]) lost(at);
  expect(sessions.due(2_000_000, free)).toBe("c");
  lost(1_800_000);
  expect(sessions.due(2_000_000, free)).toBeUndefined();
  sessions.left("c", 6 * 3_600_000);
  expect(sessions.due(6 * 3_600_000, free)).toBeUndefined();
  sessions.left("c", 7 * 3_600_000);
  expect(sessions.due(7 * 3_600_000, free)).toBe("c");
});

test("a broker that cannot be reached is asked again after pauses that grow to five minutes, for a day", () => {
  const sessions = new LeftSessions([], 0);
  sessions.left("a", 0);
  const asked: number[] = [];
  for (let now = 0; now < 25 * 3_600_000; now += 1_000) {
    if (sessions.due(now, free) === undefined) continue;
    asked.push(now / 1_000);
    sessions.failed("a", now);
  }
  expect(asked.slice(0, 8)).toEqual([0, 5, 15, 35, 75, 155, 315, 615]);
  expect(asked.at(-1)).toBeLessThan(24 * 3_600);
  expect(asked.at(-1)).toBeGreaterThan(24 * 3_600 - 300);
  sessions.failed("b", 0);
  expect(sessions.due(0, free)).toBeUndefined();
});

test("what an earlier life has kept is asked, and what the next one needs is known", () => {
  const sessions = new LeftSessions(["b", "a"], 5);
  expect(sessions.brokers(10)).toEqual(["a", "b"]);
  sessions.entered("a", 0);
  expect(sessions.due(4_999, free)).toBeUndefined();
  expect(sessions.due(5_000, free)).toBe("b");
  sessions.collected("b", 5, 5, true);
  expect(sessions.brokers(10)).toEqual(["a", "b"]);
  sessions.collected("b", 5, 5, false);
  expect(sessions.brokers(10)).toEqual(["a"]);
  sessions.left("a", 6);
  sessions.entered("c", 0);
  expect(sessions.brokers(10)).toEqual(["a", "c"]);
  sessions.collided("c", askedAt("a"), "taken-over", 7);
  sessions.failed("a", 8);
  expect(sessions.brokers(10)).toEqual([]);
});

test("each time that the link is lost, every broker with a session is asked again, at most once a minute", () => {
  const sessions = new LeftSessions([], 0);
  sessions.left("b", 0);
  sessions.entered("a", 0);
  sessions.collected("b", 40_000, 40_000, true);
  expect(sessions.due(3_600_000, free)).toBeUndefined();
  sessions.left("a", 50_000);
  sessions.entered("a", 0);
  expect(sessions.due(99_999, free)).toBeUndefined();
  expect(sessions.due(100_000, free)).toBe("b");
  // One that cannot be reached is not tried more often than before.
  sessions.failed("b", 100_000);
  sessions.left("a", 101_000);
  sessions.entered("a", 0);
  expect(sessions.due(104_999, free)).toBeUndefined();
  expect(sessions.due(105_000, free)).toBe("b");
});

// Found by the simulation (seed 12789335): NATS, a unit that was killed before it had acknowledged, one visit within
// 30 s of that, and no loss of the link afterwards.
test("one that says nothing within 35 s of another connection is asked once more: some brokers repeat no sooner", () => {
  const sessions = new LeftSessions(["a"], 0);
  sessions.entered("b", 0);
  sessions.collected("a", 10_000, 10_000, true);
  expect(sessions.due(34_999, free)).toBeUndefined();
  expect(sessions.due(35_000, free)).toBe("a");
  // The visit was cut short: it may have left something unacknowledged as well.
  sessions.failed("a", 36_000);
  expect(sessions.due(41_000, free)).toBe("a");
  sessions.collected("a", 46_000, 46_000, true);
  expect(sessions.due(70_999, free)).toBeUndefined();
  expect(sessions.due(71_000, free)).toBe("a");
  sessions.collected("a", 76_000, 76_000, true);
  expect(sessions.due(3_600_000, free)).toBeUndefined();
});

test("a visit that the loss of the link falls into is followed by another: dispatch may have spoken since", () => {
  const sessions = new LeftSessions(["b"], -100_000);
  sessions.entered("a", 0);
  expect(sessions.due(10_000, free)).toBe("b");
  sessions.left("a", 12_500);
  sessions.collected("b", 10_000, 15_000, true);
  sessions.entered("a", 18_000);
  expect(sessions.due(74_999, free)).toBeUndefined();
  expect(sessions.due(75_000, free)).toBe("b");
  sessions.collected("b", 75_000, 80_000, true);
  expect(sessions.due(3_600_000, free)).toBeUndefined();
});

test("brokers that were taken for sharing their sessions are asked again after six hours, by themselves", () => {
  const sessions = new LeftSessions([], 0);
  sessions.left("b", 0);
  sessions.entered("a", 0);
  sessions.collided("a", askedAt("b"), "taken-over", 1_000);
  sessions.failed("b", 1_000);
  const known = 6 * 3_600_000;
  expect(sessions.due(known, free)).toBeUndefined();
  expect(sessions.due(known + 1_000, free)).toBe("b");
  expect(sessions.brokers(known + 1_000)).toEqual(["a", "b"]);
});

test("a session that is looked into is kept for another day", () => {
  const HOUR_MS = 3_600_000;
  const left = new LeftSessions([], 0);
  left.entered("b", 0);
  left.left("b", 10_000);
  left.entered("a", 11_000);
  const visit = (now: number): boolean => {
    if (left.due(now, () => false) !== "b") return false;
    left.connected("b", now);
    left.collected("b", now, now + 6_000, true);
    return true;
  };
  expect(visit(20_000)).toBe(true);
  // A tunnel each hour.
  for (let hour = 1; hour < 30; hour++) {
    left.left("a", hour * HOUR_MS);
    left.entered("a", hour * HOUR_MS + 30_000);
    expect(visit(hour * HOUR_MS + 120_000)).toBe(true);
    expect(left.brokers(hour * HOUR_MS + 200_000)).toEqual(["a", "b"]);
  }
});

import { expect, test } from "vitest";
import { LeftSessions } from "../../src/dispatch/left-sessions.ts";

test("at first each broker may have a session, and the one that the link uses is none of them", () => {
  const sessions = new LeftSessions(["a", "b", "c"], 0);
  sessions.entered("a");
  expect(sessions.due(0)).toBe("b");
  sessions.collected("b");
  expect(sessions.due(0)).toBe("c");
  sessions.collected("c");
  expect(sessions.due(0)).toBeUndefined();
  sessions.left("a", 10);
  expect(sessions.due(10)).toBe("a");
});

test("a broker that cannot be reached is asked again after pauses that grow to five minutes, for a day", () => {
  const sessions = new LeftSessions(["a"], 0);
  const asked: number[] = [];
  for (let now = 0; now < 25 * 3_600_000; now += 1_000) {
    if (sessions.due(now) === undefined) continue;
    asked.push(now / 1_000);
    sessions.failed("a", now);
  }
  expect(asked.slice(0, 8)).toEqual([0, 5, 15, 35, 75, 155, 315, 615]);
  expect(asked.at(-1)).toBeLessThan(24 * 3_600);
  expect(asked.at(-1)).toBeGreaterThan(24 * 3_600 - 300);
  sessions.failed("b", 0);
  expect(sessions.due(0)).toBeUndefined();
});

import { expect, test } from "vitest";
import { advance, LOST_MS, type Feed } from "../../src/web/status/feed.ts";

const live: Feed<string> = { kind: "live", snapshot: "a", at: 1_000 };

test("without a snapshot for a while the connection is lost, and the last snapshot stays with its age", () => {
  expect(advance(live, { kind: "tick" }, 1_000 + LOST_MS)).toBe(live);
  expect(advance(live, { kind: "tick" }, 1_001 + LOST_MS)).toEqual({
    kind: "lost",
    snapshot: "a",
    at: 1_000,
  });
});

test("a unit that does not answer when it is asked is lost at once", () => {
  const lost = { kind: "lost", snapshot: "a", at: 1_000 };
  expect(advance(live, { kind: "unanswered", askedAt: 1_050 }, 1_100)).toEqual(lost);
});

test("a question from before the newest snapshot that stays unanswered says nothing", () => {
  expect(advance(live, { kind: "unanswered", askedAt: 900 }, 5_900)).toBe(live);
});

test("a snapshot ends the loss", () => {
  const lost: Feed<string> = { kind: "lost", snapshot: "a", at: 1_000 };
  expect(advance(lost, { kind: "snapshot", snapshot: "b" }, 9_000)).toEqual({
    kind: "live",
    snapshot: "b",
    at: 9_000,
  });
});

test("a unit that never answers is lost too, with nothing to show", () => {
  expect(advance<string>({ kind: "opening", since: 0 }, { kind: "tick" }, 10_000)).toEqual({
    kind: "lost",
    at: 0,
  });
});

test("a unit that asks for its PIN stays locked while nothing comes, until it admits", () => {
  const locked = advance<string>(live, { kind: "refused", wrong: true, retryAfterS: 8 }, 2_000);
  expect(locked).toEqual({ kind: "locked", wrong: true, retryAt: 10_000 });
  expect(advance(locked, { kind: "unanswered", askedAt: 2_050 }, 2_100)).toBe(locked);
  expect(advance(locked, { kind: "tick" }, 9_100)).toBe(locked);
  expect(advance(locked, { kind: "admitted" }, 10_000)).toEqual({ kind: "opening", since: 10_000 });
});

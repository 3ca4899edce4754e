import { describe, expect, test } from "vitest";
import type { KnownButton } from "../../src/domain/memory.ts";
import { BUTTONS_MAX, daysOf, isOverdue, pressedAt, watchedAt } from "../../src/policy/button-tests.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 24);
const EVERY = 90;

const dash: KnownButton = { button: "dash", since: NOW - 10 * DAY, pressedAt: NOW - 3 * DAY };
const boot: KnownButton = { button: "boot", since: NOW };

describe("a button", () => {
  test("is watched from the first known time on", () => {
    expect(watchedAt([dash], ["dash", "boot"], NOW)).toEqual([dash, boot]);
    const known = [dash, boot];
    expect(watchedAt(known, ["boot", "dash"], NOW + DAY)).toBe(known);
  });

  test("that is not configured any more is remembered, up to a limit", () => {
    const others = Array.from({ length: BUTTONS_MAX }, (_, n) => ({ button: `old-${n}`, since: NOW }));
    expect(watchedAt([dash, ...others], ["dash"], NOW)).toHaveLength(BUTTONS_MAX + 1);
    const all = watchedAt([dash, ...others], ["dash", "boot"], NOW).map(({ button }) => button);
    expect(all).toHaveLength(BUTTONS_MAX);
    expect(all.slice(0, 2)).toEqual(["dash", "old-2"]);
    expect(all.at(-1)).toBe("boot");
  });

  test.each([
    ["pressed", { button: "dash", since: NOW, pressedAt: NOW + DAY + 1 }],
    ["watched", { button: "dash", since: NOW + DAY + 1 }],
  ])("that was %s in the future is watched anew: a clock was wrong", (_, wrong) => {
    expect(watchedAt([wrong, boot], ["dash"], NOW)).toEqual([{ button: "dash", since: NOW }, boot]);
    const slightly = [{ button: "dash", since: NOW + DAY, pressedAt: NOW + DAY }];
    expect(watchedAt(slightly, ["dash"], NOW)).toBe(slightly);
  });
});

describe("a press", () => {
  test("is remembered with its time, and only if it is newer", () => {
    expect(pressedAt([dash, boot], "boot", NOW + 5)).toEqual([dash, { ...boot, pressedAt: NOW + 5 }]);
    const known = [dash];
    expect(pressedAt(known, "dash", NOW - 4 * DAY)).toBe(known);
    expect(pressedAt(known, "trunk", NOW)).toBe(known);
  });

  test("that its board repeats is the same one", () => {
    const known = [dash];
    expect(pressedAt(known, "dash", NOW - 3 * DAY + 60_000)).toBe(known);
    expect(pressedAt(known, "dash", NOW - 3 * DAY + 60_001)).not.toBe(known);
  });
});

describe("the limit", () => {
  test("counts from the last press", () => {
    const at = (days: number) => daysOf({ ...dash, pressedAt: NOW - days * DAY }, NOW);
    expect([at(89.9), isOverdue(at(89.9), EVERY)]).toEqual([{ lastPressDays: 89, watchedDays: 10 }, false]);
    expect([at(90), isOverdue(at(90), EVERY)]).toEqual([{ lastPressDays: 90, watchedDays: 10 }, true]);
  });

  test("counts from the first known time for a button that was never pressed", () => {
    const at = (days: number) => daysOf({ button: "dash", since: NOW - days * DAY }, NOW);
    expect([at(89), isOverdue(at(89), EVERY)]).toEqual([{ watchedDays: 89 }, false]);
    expect([at(90), isOverdue(at(90), EVERY)]).toEqual([{ watchedDays: 90 }, true]);
  });

  test("never counts below zero", () => {
    const soon = { button: "dash", since: NOW + 5, pressedAt: NOW + 9 };
    expect(daysOf(soon, NOW)).toEqual({ lastPressDays: 0, watchedDays: 0 });
  });
});

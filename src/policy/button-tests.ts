import type { KnownButton } from "../domain/memory.ts";

/**
 * When each button was last seen to work. The loop is supervised, but no current flows through the button's
 * contact at rest: only a press shows that it closes. Pure. All times are UTC milliseconds of a clock that is
 * trusted.
 */

const DAY_MS = 86_400_000;
/** Buttons that are remembered. Beyond that the first that is not configured is forgotten. */
export const BUTTONS_MAX = 16;

/** A clock that goes on counts by its drift; more in the future is a time from a clock that was wrong. */
const isFuture = ({ since, pressedAt = since }: KnownButton, now: number): boolean =>
  Math.max(since, pressedAt) > now + DAY_MS;

/**
 * What is known at `now` of the buttons with these names and of others. Returns `known` itself if nothing
 * has changed. A button whose times lie in the future is watched anew: one of the clocks was wrong, so
 * nothing is known of it.
 */
export const watchedAt = (
  known: readonly KnownButton[],
  names: readonly string[],
  now: number,
): readonly KnownButton[] => {
  const missing = names.filter((name) => !known.some(({ button }) => button === name));
  if (missing.length === 0 && !known.some((one) => isFuture(one, now))) return known;
  const anew = (button: string): KnownButton => ({ button, since: now });
  const all = [...known.map((one) => (isFuture(one, now) ? anew(one.button) : one)), ...missing.map(anew)];
  while (all.length > BUTTONS_MAX) {
    const other = all.findIndex(({ button }) => !names.includes(button));
    if (other < 0) break; // a board has four loops
    all.splice(other, 1);
  }
  return all;
};

/** A board repeats a press, each time with its age: the same moment to some milliseconds. */
const SAME_MS = 60_000;

/** A button that is watched was pressed at `at`. Returns `known` itself if this press or a later one is known. */
export const pressedAt = (
  known: readonly KnownButton[],
  button: string,
  at: number,
): readonly KnownButton[] =>
  known.some((one) => one.button === button && (one.pressedAt ?? -Infinity) + SAME_MS < at)
    ? known.map((one) => (one.button === button ? { ...one, pressedAt: at } : one))
    : known;

/** Whole days since a button was last pressed (absent: not known), and since it has been watched. */
export type ButtonDays = { readonly lastPressDays?: number; readonly watchedDays: number };

export const daysOf = ({ since, pressedAt: pressed }: KnownButton, now: number): ButtonDays => {
  const days = (from: number) => Math.max(0, Math.floor((now - from) / DAY_MS));
  const watchedDays = days(since);
  return pressed === undefined ? { watchedDays } : { lastPressDays: days(pressed), watchedDays };
};

/** Whether a button must be pressed. `everyDays`: how often. A new one must be pressed after this time too. */
export const isOverdue = ({ lastPressDays, watchedDays }: ButtonDays, everyDays: number): boolean =>
  (lastPressDays ?? watchedDays) >= everyDays;

import type { CountedPresses } from "../domain/memory.ts";
import type { BoardPress } from "../domain/panic.ts";

/**
 * Which presses of which boards have been counted. A board repeats each press until it is confirmed, and
 * sends its pending presses in turn. Any message may be damaged on the line, so each number is recorded
 * on its own.
 */

/**
 * How many numbers are remembered one by one. A board keeps sixteen pending presses, so older numbers are
 * not pending.
 */
const REMEMBERED = 64;
/** Numbers that stand for several presses: a board keeps sixteen pending presses. The oldest is forgotten first. */
const SEVERAL = 16;
/**
 * Boards that are remembered: a car has one, and may have had others before a repair. The oldest is
 * forgotten first.
 */
const BOARDS = 16;

const includes = ({ below, numbers }: CountedPresses, number: number): boolean =>
  number <= below || numbers.includes(number);

const of = (known: readonly CountedPresses[], board: string): CountedPresses =>
  known.find((one) => one.board === board) ?? { board, below: 0, numbers: [] };

const put = (
  known: readonly CountedPresses[],
  { several = [], ...one }: CountedPresses,
): readonly CountedPresses[] => {
  const left = several.filter(({ number }) => one.numbers.includes(number)).slice(-SEVERAL);
  const now = left.length > 0 ? { ...one, several: left } : one;
  return [...known.filter(({ board }) => board !== one.board), now].slice(-BOARDS);
};

/** How many presses were counted for a number. A board does not repeat numbers up to `below`, so nothing of them is new. */
const countOf = (one: CountedPresses, number: number): number => {
  if (!includes(one, number)) return 0;
  if (number <= one.below) return Infinity;
  return one.several?.find((other) => other.number === number)?.count ?? 1;
};

/** Whether a press has been counted. A board without a latch has no numbers (0) and repeats nothing. */
export const isCounted = (known: readonly CountedPresses[], { board, number }: BoardPress): boolean =>
  number !== 0 && includes(of(known, board), number);

/**
 * How many of the presses that this one stands for have not been counted: all of a new one, and those that the board has
 * counted in it since it was read.
 */
export const uncounted = (known: readonly CountedPresses[], press: BoardPress): number => {
  const before = press.number === 0 ? 0 : countOf(of(known, press.board), press.number);
  return Math.max(0, Math.max(1, press.count) - before);
};

/** Adds a press to those that have been counted. A press without a number (0) is not remembered. */
export const count = (
  known: readonly CountedPresses[],
  { board, number, count: times }: BoardPress,
): readonly CountedPresses[] => {
  if (number === 0) return known;
  const { below, numbers, several = [] } = of(known, board);
  const all = [...new Set([...numbers, number])].toSorted((a, b) => a - b);
  const others = several.filter((one) => one.number !== number);
  return put(known, {
    board,
    below: all.at(-REMEMBERED - 1) ?? below,
    numbers: all.slice(-REMEMBERED),
    several: times > 1 ? [...others, { number, count: times }] : others,
  });
};

/**
 * A board reports the number of its newest press. If it is lower than one already counted, the board has
 * lost its memory and counts from the beginning.
 */
export const meet = (
  known: readonly CountedPresses[],
  board: string,
  lastNumber: number,
): readonly CountedPresses[] => {
  const { below, numbers } = of(known, board);
  return lastNumber < (numbers.at(-1) ?? below) ? put(known, { board, below: 0, numbers: [] }) : known;
};

/** How many presses have been counted since `begun` that another memory had counted before. */
export const repeated = (
  known: readonly CountedPresses[],
  begun: readonly CountedPresses[],
  other: readonly CountedPresses[],
): number =>
  known
    .flatMap((one) => {
      const [before, theirs] = [of(begun, one.board), of(other, one.board)];
      return one.numbers.map((number) => {
        const both = Math.min(countOf(one, number), countOf(theirs, number));
        return Math.max(0, both - countOf(before, number));
      });
    })
    .reduce((all, one) => all + one, 0);

/** Only the presses of a board that have been counted since `begun`. */
export const since = (
  known: readonly CountedPresses[],
  begun: readonly CountedPresses[],
  board: string,
): readonly CountedPresses[] => {
  const { numbers, several = [] } = of(known, board);
  const fresh = numbers.filter((number) => !includes(of(begun, board), number));
  return put(known, { board, below: 0, numbers: fresh, several });
};

/** The presses that are in one of two memories: a press that one of them has counted is counted. */
export const unite = (
  known: readonly CountedPresses[],
  other: readonly CountedPresses[],
): readonly CountedPresses[] =>
  other.reduce((all, theirs) => {
    const { board, below, numbers } = theirs;
    const before = of(all, board);
    const lowest = Math.max(before.below, below);
    const sorted = [...new Set([...before.numbers, ...numbers])].toSorted((a, b) => a - b);
    const above = sorted.filter((number) => number > lowest);
    const several = above
      .map((number) => ({ number, count: Math.max(countOf(before, number), countOf(theirs, number)) }))
      .filter((one) => one.count > 1);
    return put(all, {
      board,
      below: above.at(-REMEMBERED - 1) ?? lowest,
      numbers: above.slice(-REMEMBERED),
      several,
    });
  }, known);

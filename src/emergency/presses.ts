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
/**
 * Boards that are remembered: a car has one, and may have had others before a repair. The oldest is
 * forgotten first.
 */
const BOARDS = 16;

const includes = ({ below, numbers }: CountedPresses, number: number): boolean =>
  number <= below || numbers.includes(number);

const of = (known: readonly CountedPresses[], board: string): CountedPresses =>
  known.find((one) => one.board === board) ?? { board, below: 0, numbers: [] };

const put = (known: readonly CountedPresses[], one: CountedPresses): readonly CountedPresses[] =>
  [...known.filter(({ board }) => board !== one.board), one].slice(-BOARDS);

/** Whether a press has been counted. A board without a latch has no numbers (0) and repeats nothing. */
export const isCounted = (known: readonly CountedPresses[], { board, number }: BoardPress): boolean =>
  number !== 0 && includes(of(known, board), number);

/** Adds a press to those that have been counted. A press without a number (0) is not remembered. */
export const count = (
  known: readonly CountedPresses[],
  { board, number }: BoardPress,
): readonly CountedPresses[] => {
  if (number === 0) return known;
  const { below, numbers } = of(known, board);
  const all = [...numbers, number].toSorted((a, b) => a - b);
  return put(known, { board, below: all.at(-REMEMBERED - 1) ?? below, numbers: all.slice(-REMEMBERED) });
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
    .map(({ board, numbers }) => {
      const isRepeated = (number: number): boolean =>
        !includes(of(begun, board), number) && includes(of(other, board), number);
      return numbers.filter(isRepeated).length;
    })
    .reduce((all, one) => all + one, 0);

/** Only the presses of a board that have been counted since `begun`. */
export const since = (
  known: readonly CountedPresses[],
  begun: readonly CountedPresses[],
  board: string,
): readonly CountedPresses[] => {
  const { numbers } = of(known, board);
  const fresh = numbers.filter((number) => !includes(of(begun, board), number));
  return put(known, { board, below: 0, numbers: fresh });
};

/** The presses that are in one of two memories: a press that one of them has counted is counted. */
export const unite = (
  known: readonly CountedPresses[],
  other: readonly CountedPresses[],
): readonly CountedPresses[] =>
  other.reduce((all, { board, below, numbers }) => {
    const before = of(all, board);
    const lowest = Math.max(before.below, below);
    const sorted = [...new Set([...before.numbers, ...numbers])].toSorted((a, b) => a - b);
    const above = sorted.filter((number) => number > lowest);
    return put(all, { board, below: above.at(-REMEMBERED - 1) ?? lowest, numbers: above.slice(-REMEMBERED) });
  }, known);

import type { BoardPress } from "./domain/panic.ts";
import type { Outbox } from "./outbox/outbox.ts";

/**
 * Which presses of which boards have been counted, and which of those are on disk: a board repeats
 * a press until it hears that it is. A board tells all that wait in turn, and any of them may be
 * broken on the line: so the numbers counted are kept one by one, in the outbox.
 */
export type PressLedger = {
  /** `waiting`: counted, but not known to be on disk. */
  judge(press: BoardPress): "new" | "waiting" | "stored";
  /** Goes to disk with the report of the press, in one batch. */
  count(press: BoardPress): void;
  stored(press: BoardPress): void;
  /** The number that a board gave last: fewer than we know means that it has lost its memory. */
  meet(board: string, lastNumber: number): void;
};

const NOTE = "board:";
/** A board keeps sixteen presses at most: what is older than these cannot wait there. */
const REMEMBERED = 64;

/** Numbers up to `below` are all counted; those above are listed, rising. */
type Counted = { readonly below: number; readonly numbers: readonly number[] };
const NONE: Counted = { below: 0, numbers: [] };

const includes = ({ below, numbers }: Counted, number: number): boolean =>
  number <= below || numbers.includes(number);

const add = ({ below, numbers }: Counted, number: number): Counted => {
  const all = [...numbers, number].toSorted((a, b) => a - b);
  const kept = all.slice(-REMEMBERED);
  return { below: all.at(-REMEMBERED - 1) ?? below, numbers: kept };
};

const nameOf = ({ board, number }: BoardPress): string => `${board} ${number}`;

export const createPressLedger = (outbox: Outbox): PressLedger => {
  const counted = new Map<string, Counted>();
  const waiting = new Set<string>();
  for (const [name, value] of outbox.notes) {
    if (name.startsWith(NOTE)) counted.set(name.slice(NOTE.length), value as Counted);
  }
  const set = (board: string, value: Counted) => {
    counted.set(board, value);
    outbox.note(NOTE + board, value);
  };
  return {
    judge(press) {
      // A board without a latch has no numbers, and repeats nothing.
      if (press.number === 0 || !includes(counted.get(press.board) ?? NONE, press.number)) return "new";
      return waiting.has(nameOf(press)) ? "waiting" : "stored";
    },
    count(press) {
      if (press.number === 0) return;
      waiting.add(nameOf(press));
      set(press.board, add(counted.get(press.board) ?? NONE, press.number));
    },
    stored: (press) => void waiting.delete(nameOf(press)),
    meet(board, lastNumber) {
      const { below, numbers } = counted.get(board) ?? NONE;
      // What it tells from now on are presses of its new life.
      if (lastNumber < (numbers.at(-1) ?? below)) set(board, NONE);
    },
  };
};

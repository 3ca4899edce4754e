import type { BoardPress } from "./domain/panic.ts";
import type { Outbox } from "./outbox/outbox.ts";

/**
 * Which presses of which boards have been counted, and which of those are on disk: a board repeats
 * a press until it hears that it is. Numbers only grow; each board's last is kept in the outbox.
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

const last = (of: ReadonlyMap<string, number>, board: string): number => of.get(board) ?? 0;

export const createPressLedger = (outbox: Outbox): PressLedger => {
  const counted = new Map<string, number>();
  const onDisk = new Map<string, number>();
  for (const [name, value] of outbox.notes) {
    if (!name.startsWith(NOTE)) continue;
    counted.set(name.slice(NOTE.length), value as number);
    onDisk.set(name.slice(NOTE.length), value as number);
  }
  return {
    judge({ board, number }) {
      // A board without a latch has no numbers, and repeats nothing.
      if (number === 0 || number > last(counted, board)) return "new";
      return number <= last(onDisk, board) ? "stored" : "waiting";
    },
    count({ board, number }) {
      if (number === 0) return;
      counted.set(board, number);
      outbox.note(NOTE + board, number);
    },
    stored({ board, number }) {
      onDisk.set(board, Math.max(number, last(onDisk, board)));
    },
    meet(board, lastNumber) {
      if (lastNumber >= last(counted, board)) return;
      counted.set(board, lastNumber);
      onDisk.set(board, lastNumber);
      outbox.note(NOTE + board, lastNumber);
    },
  };
};

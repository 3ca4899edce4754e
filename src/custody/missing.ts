import { complement, type Runs } from "../domain/runs.ts";

/** Pauses between two attempts to send a number again. */
const AGAIN_MS = { first: 60_000, max: 3_600_000 };
/** With more, each of the receipt's ranges becomes one, and its soonest attempt counts for all of it. */
const RANGES_MAX = 256;

/** A stretch of missing numbers. `next`: the first that this attempt has not looked at yet. */
type Range = {
  readonly from: number;
  readonly to: number;
  readonly next: number;
  readonly attempts: number;
  readonly dueAt: number;
};

/** What is to be looked at now. */
export type Stretch = { readonly from: number; readonly to: number };

/** Which numbers dispatch lacks, and when each is sent again: at once, after 1 minute, doubling to 1 hour. Pure. */
export class Missing {
  #ranges: readonly Range[] = [];

  /** What the newest receipt lists. What it does not list any more has arrived, or was declared. */
  list(missing: Runs, now: number): void {
    const pieces = missing.map(([from, to]) => {
      const known = this.#ranges.filter((range) => range.from <= to && range.to >= from);
      const kept = known.map((range) => cut(range, from, to));
      const fresh = complement(
        kept.map((range): [number, number] => [range.from, range.to]),
        from,
        to,
      ).map(([low, high]): Range => ({ from: low, to: high, next: low, attempts: 0, dueAt: now }));
      return [...kept, ...fresh].toSorted((a, b) => a.from - b.from);
    });
    const all = pieces.flat();
    this.#ranges = all.length <= RANGES_MAX ? all : pieces.map((of) => joined(of));
  }

  /** It begins where the last look ended. Undefined if nothing is due. */
  due(now: number): Stretch | undefined {
    const range = this.#ranges.find(({ dueAt }) => dueAt <= now);
    return range && { from: range.next, to: range.to };
  }

  /** All of them are due, as if they had not been sent again: the link has left a broker that does not deliver them. */
  anew(now: number): void {
    this.#ranges = this.#ranges.map(({ from, to }) => ({ from, to, next: from, attempts: 0, dueAt: now }));
  }

  /** All of a stretch up to `upTo` was looked at. */
  looked({ from: begun }: Stretch, upTo: number, now: number): void {
    this.#ranges = this.#ranges.map((range) => {
      const { from, to, attempts } = range;
      if (begun < from || begun > to) return range;
      if (upTo < to) return { ...range, next: Math.max(range.next, upTo + 1) };
      return { from, to, next: from, attempts: attempts + 1, dueAt: now + pauseMs(attempts) };
    });
  }
}

const pauseMs = (attempts: number): number => Math.min(AGAIN_MS.max, AGAIN_MS.first * 2 ** attempts);

const cut = (range: Range, from: number, to: number): Range => {
  const [low, high] = [Math.max(range.from, from), Math.min(range.to, to)];
  return { ...range, from: low, to: high, next: Math.min(Math.max(range.next, low), high) };
};

/** Of neighbours that leave nothing out between them. */
const joined = (pieces: readonly Range[]): Range => {
  const soonest = pieces.reduce((best, one) => (one.dueAt < best.dueAt ? one : best));
  const { from } = pieces[0]!;
  return { ...soonest, from, to: pieces.at(-1)!.to, next: from };
};

import { addRange, hasNumber, removeRange, union, within, without, type Runs } from "../domain/runs.ts";

/**
 * A set of positive integers as runs, which never changes: each change returns another one that shares
 * what is the same. A unit that was offline for days leaves hundreds of thousands of runs, and each commit
 * makes a new ledger of them: so the runs are in chunks, and only the touched chunks are copied and compared.
 */

/** Never changed once it is in a set. */
type Chunk = Runs;

/** Runs in a chunk. */
const CHUNK = 256;

const chunksOf = (runs: Runs): Chunk[] => {
  const chunks: Chunk[] = [];
  for (let i = 0; i < runs.length; i += CHUNK) chunks.push(runs.slice(i, i + CHUNK));
  return chunks;
};

/** Index of the first chunk that ends at or after `n`. */
const locate = (chunks: readonly Chunk[], n: number): number => {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunks[middle]!.at(-1)![1] < n) low = middle + 1;
    else high = middle;
  }
  return low;
};

export class RunSet {
  /** None is empty; all runs ascend. */
  readonly #chunks: readonly Chunk[];

  private constructor(chunks: readonly Chunk[]) {
    this.#chunks = chunks;
  }

  /** `runs` must not be changed afterwards. */
  static of(runs: Runs): RunSet {
    return new RunSet(chunksOf(runs));
  }

  has(n: number): boolean {
    const chunk = this.#chunks[locate(this.#chunks, n)];
    return chunk !== undefined && hasNumber(chunk, n);
  }

  add(from: number, to: number): RunSet {
    return this.#edit(from, to, (runs) => {
      addRange(runs, from, to);
      return runs;
    });
  }

  remove(from: number, to: number): RunSet {
    const isThere = this.within(from, to).length > 0;
    return isThere
      ? this.#edit(from, to, (runs) => {
          removeRange(runs, from, to);
          return runs;
        })
      : this;
  }

  /** Adds ascending runs in one pass: a gap can have 501, and a message thousands of gaps. */
  addAll(runs: Runs): RunSet {
    const [first, last] = [runs[0], runs.at(-1)];
    return first && last ? this.#edit(first[0], last[1], (touched) => union(touched, runs)) : this;
  }

  /** Removes ascending runs in one pass. */
  removeAll(runs: Runs): RunSet {
    const [first, last] = [runs[0], runs.at(-1)];
    if (!first || !last || this.within(first[0], last[1]).length === 0) return this;
    return this.#edit(first[0], last[1], (touched) => without(touched, runs));
  }

  /** The runs that lie in from..to, cut at its ends. */
  within(from: number, to: number): Runs {
    const inside: Runs = [];
    for (let i = locate(this.#chunks, from); i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i]!;
      if (chunk[0]![0] > to) break;
      inside.push(...within(chunk, from, to));
    }
    return inside;
  }

  /** The last run; 0, 0 if there is none. */
  get last(): readonly [from: number, to: number] {
    return this.#chunks.at(-1)?.at(-1) ?? [0, 0];
  }

  /** The first `count` runs. */
  first(count: number): Runs {
    const runs: Runs = [];
    for (const chunk of this.#chunks) {
      if (runs.length >= count) break;
      for (const [from, to] of chunk) runs.push([from, to]);
    }
    return runs.slice(0, count);
  }

  /** All runs, as a copy. */
  get runs(): Runs {
    return this.first(Infinity);
  }

  /**
   * The runs of both that may differ: those of chunks that are not shared, and of the last chunks, so that the
   * last runs are there.
   */
  differing(after: RunSet): { readonly before: Runs; readonly after: Runs } {
    const [old, young] = [new Set(this.#chunks), new Set(after.#chunks)];
    const ends = new Set([this.#chunks.at(-1), after.#chunks.at(-1)]);
    const isIn = (other: ReadonlySet<Chunk>) => (chunk: Chunk) => !other.has(chunk) || ends.has(chunk);
    return {
      before: this.#chunks.filter(isIn(young)).flat(),
      after: after.#chunks.filter(isIn(old)).flat(),
    };
  }

  /** Copies the chunks that from..to touches or joins, puts in their place what `change` returns, which may be the copy. */
  #edit(from: number, to: number, change: (runs: Runs) => Runs): RunSet {
    // At the end the last chunk grows, if it has room.
    const begin = Math.min(locate(this.#chunks, from - 1), Math.max(0, this.#chunks.length - 1));
    let end = begin;
    while (end < this.#chunks.length && (end === begin || this.#chunks[end]![0]![0] <= to + 1)) end++;
    const touched = this.#chunks
      .slice(begin, end)
      .flatMap((chunk) => chunk.map(([a, b]): [number, number] => [a, b]));
    return new RunSet([
      ...this.#chunks.slice(0, begin),
      ...chunksOf(change(touched)),
      ...this.#chunks.slice(end),
    ]);
  }
}

export const EMPTY: RunSet = RunSet.of([]);

import type { Vital } from "./vital.ts";

/** The notes as they stand, and whether what stands is on disk. No I/O: the outbox writes them. */
export type Notes = {
  readonly values: ReadonlyMap<string, unknown>;
  set(name: string, value: unknown): void;
  /** Something beside the notes has changed that is written with them: the lease. */
  touch(): void;
  /** Counts the changes. */
  readonly generation: number;
  /** The newest that is on disk. */
  readonly durable: number;
  /** What is to be written now, under a generation that goes to the other place than the last one on disk. */
  next(lease: number): Vital;
  saved(generation: number): void;
  /** A store has come back that holds notes of its own: ours are the newer ones. */
  merge(other: Vital): void;
};

export const createNotes = (known: Vital, boot: number): Notes => {
  const values = new Map(Object.entries(known.notes));
  let { generation } = known;
  let durable = known.generation;
  let highestBoot = boot;
  return {
    values,
    set(name, value) {
      if (value === undefined) values.delete(name);
      else values.set(name, value);
      generation++;
    },
    touch() {
      generation++;
    },
    get generation() {
      return generation;
    },
    get durable() {
      return durable;
    },
    next(lease) {
      if ((generation - durable) % 2 === 0) generation++;
      return { generation, boot: highestBoot, lease, notes: Object.fromEntries(values) };
    },
    saved(written) {
      durable = Math.max(durable, written);
    },
    merge(other) {
      if (other.generation < known.generation) return;
      for (const [name, value] of Object.entries(other.notes)) if (!values.has(name)) values.set(name, value);
      generation = Math.max(generation, other.generation) + 1;
      highestBoot = Math.max(highestBoot, other.boot);
    },
  };
};

import type { Memory, MemoryPatch } from "../domain/memory.ts";
import type { Disk } from "./port.ts";
import type { Lease } from "./numbers.ts";
import { encodeVital, type Vital } from "./vital-record.ts";

export type VitalFileOptions = {
  readonly disk: Pick<Disk, "writeVital">;
  /** As it stands; its generation is that of the newest on disk. */
  readonly vital: Vital;
  /** Asked for when a write begins. */
  readonly lease: () => Lease;
  readonly on: {
    /** A write has succeeded with this lease. */
    written(lease: Lease): void;
    failed(cause: unknown): void;
    /** Entries of the memory did not fit. */
    shortened(): void;
  };
};

/** The one home of the memory and of the counters: changes gather while a write is under way. */
export class VitalFile {
  readonly #options: VitalFileOptions;
  #vital: Vital;
  /** Counts the changes: all, those on disk, and those in the write that is under way. */
  #changes = 0;
  #durable = 0;
  #begun = 0;
  #writing: Promise<void> | undefined;
  #queued: Promise<void> | undefined;
  #closed = false;

  constructor(options: VitalFileOptions) {
    this.#options = options;
    this.#vital = options.vital;
  }

  get memory(): Memory {
    return this.#vital.memory;
  }

  /** There are changes that neither are on disk nor being written. */
  get due(): boolean {
    return Math.max(this.#durable, this.#begun) < this.#changes;
  }

  /** There are changes that are not on disk. */
  get pending(): boolean {
    return this.#durable < this.#changes;
  }

  remember(patch: MemoryPatch): void {
    this.#vital = { ...this.#vital, memory: { ...this.#vital.memory, ...patch } };
    this.#changes++;
  }

  nextConnection(): number {
    const connection = this.#vital.connection + 1;
    this.#vital = { ...this.#vital, connection };
    this.#changes++;
    return connection;
  }

  /** Something that is asked for when a write begins has changed. */
  touch(): void {
    this.#changes++;
  }

  /** Resolves when everything up to this call is on disk: at once if it is. */
  secure(): Promise<void> {
    if (this.due) return this.write();
    return this.pending && this.#writing ? this.#writing : Promise.resolve();
  }

  /** Writes what stands when the write begins, after one that is under way. One write serves all who wait. */
  write(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the outbox is closed"));
    // The queued write begins in the next turn after the one under way, and never beside another one: two at
    // once have the same place, and the older memory could be the one that stays there.
    if (this.#queued) return this.#queued;
    if (!this.#writing) return this.#begin();
    this.#queued = this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#queued = undefined;
        return this.#begin();
      });
    return this.#queued;
  }

  /** Writes for the last time; no later write begins. */
  async close(): Promise<void> {
    const last = this.write();
    this.#closed = true;
    await last;
  }

  #begin(): Promise<void> {
    this.#begun = this.#changes;
    this.#writing = this.#writeOnce(this.#begun).finally(() => {
      this.#writing = undefined;
      this.#begun = 0;
    });
    return this.#writing;
  }

  async #writeOnce(changes: number): Promise<void> {
    const { disk, lease, on } = this.#options;
    // A write that failed is done again in the same place: the other one holds the newest that is whole.
    const vital: Vital = { ...this.#vital, generation: this.#vital.generation + 1, ...lease() };
    try {
      const { place, bytes, shortened } = encodeVital(vital);
      await disk.writeVital(place, bytes);
      if (shortened) on.shortened();
    } catch (cause) {
      on.failed(cause);
      throw cause;
    }
    this.#vital = { ...this.#vital, generation: vital.generation };
    this.#durable = Math.max(this.#durable, changes);
    on.written(vital);
  }
}

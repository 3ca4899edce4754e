import type { Memory, MemoryPatch } from "../domain/memory.ts";
import { NoAnswerError } from "./port.ts";
import type { Time, Timer } from "../runtime/ports.ts";
import { afterRunning } from "../runtime/wait.ts";
import type { Lease } from "./numbers.ts";
import type { VitalHome } from "./vital-home.ts";
import { encodeVital, ENDED_MAX, type Vital } from "./vital-record.ts";

/**
 * A disk that has not answered for so long counts as one that refuses. A card that is busy with itself answers
 * within two or three seconds; a press must be at a broker within ten.
 */
export const ANSWER_MS = 5_000;

export type VitalFileOptions = {
  /** Where the outbox is, for messages. */
  readonly path: string;
  readonly home: Pick<VitalHome, "write">;
  readonly time: Time;
  /** As it stands; its generation is that of the newest on disk. */
  readonly vital: Vital;
  /** A write of the generation after `vital` that has begun already and has not ended. */
  readonly underWay: Promise<void> | undefined;
  /** Asked for when a write begins. */
  readonly lease: () => Lease;
  readonly on: {
    /** A write has succeeded with this lease. */
    written(lease: Lease): void;
    /** A write has failed, or has not ended in time. */
    failed(cause: unknown): void;
    /** A write has ended that had been given up: another one may begin. */
    late(): void;
    /** Entries of the memory did not fit. */
    shortened(): void;
  };
};

type State =
  | { readonly kind: "idle" }
  | {
      readonly kind: "writing";
      /** How many changes it holds. */
      readonly changes: number;
      readonly answer: Promise<void>;
      /** Rejects `answer`. */
      readonly giveUp: (cause: unknown) => void;
    }
  /** The write takes too long, and its callers have been told. It may still succeed or fail: no other begins before. */
  | { readonly kind: "hung"; readonly cause: unknown };

/** Adds the episodes that a change of the memory leaves out: they have ended. */
const withEnded = (ended: readonly string[] = [], before: Memory, after: Memory): readonly string[] => {
  const open = new Set(after.emergency.episodes.map(({ episode }) => episode.id));
  const gone = before.emergency.episodes.map(({ episode }) => episode.id).filter((id) => !open.has(id));
  return [...ended.filter((id) => !open.has(id)), ...gone].slice(-ENDED_MAX);
};

/**
 * The memory and the counters, and how they are written. Only one write runs at a time, and it is followed by
 * one write of all changes made meanwhile. Two at once would go to the same place, and the older could win.
 */
export class VitalFile {
  readonly #options: VitalFileOptions;
  #vital: Vital;
  /** Counts the changes: all, and those on disk. */
  #changes = 0;
  #durable = 0;
  /** A longer lease is wanted than the last write had. */
  #leaseWanted = false;
  #state: State = { kind: "idle" };
  #queued: Promise<void> | undefined;
  #closed = false;

  constructor(options: VitalFileOptions) {
    this.#options = options;
    const { vital, underWay } = options;
    this.#vital = vital;
    if (!underWay) return;
    this.#state = { kind: "hung", cause: this.#noAnswer(ANSWER_MS) };
    this.#follow(underWay, { ...vital, generation: vital.generation + 1 }, 0);
  }

  /** Of the newest write that is on disk. */
  get generation(): number {
    return this.#vital.generation;
  }

  get memory(): Memory {
    return this.#vital.memory;
  }

  /** A write should begin: there are changes that neither are on disk nor being written, or a lease is wanted. */
  get due(): boolean {
    return this.#leaseWanted || this.#unbegun;
  }

  get #unbegun(): boolean {
    const begun = this.#state.kind === "writing" ? this.#state.changes : 0;
    return Math.max(this.#durable, begun) < this.#changes;
  }

  /** There are changes that are not on disk. */
  get pending(): boolean {
    return this.#durable < this.#changes;
  }

  remember(patch: MemoryPatch): void {
    const memory = { ...this.#vital.memory, ...patch };
    const ended = withEnded(this.#vital.ended, this.#vital.memory, memory);
    this.#vital = { ...this.#vital, memory, ended };
    this.#changes++;
  }

  /** The unit has another name from the next life on, and a store of its own. */
  rename(unit: string, store: string): void {
    const { store: formerly, memory } = this.#vital;
    this.#vital = { ...this.#vital, store, formerly, memory: { ...memory, unit } };
    this.#changes++;
  }

  /** The store has another name from the next life on. What is pending then gets numbers of it. */
  renew(store: string): void {
    this.#vital = { ...this.#vital, store, formerly: this.#vital.store, renewedBelow: 0 };
    this.#changes++;
  }

  /** What the store has of emergencies is in the memory now. */
  proven(): void {
    if (this.#vital.unproven === undefined) return;
    this.#vital = { ...this.#vital, unproven: undefined };
    this.#changes++;
  }

  /** Counts a connection: from the last one, or from `least` if that is more. */
  nextConnection(least: number): number {
    const connection = Math.max(this.#vital.connection + 1, least);
    this.#vital = { ...this.#vital, connection };
    this.#changes++;
    return connection;
  }

  /** What is on disk is out of date though the memory is the same. */
  touch(): void {
    this.#changes++;
  }

  /** The next write leases more numbers. Nothing waits for it as long as some are left. */
  wantLease(): void {
    this.#leaseWanted = true;
  }

  get writing(): boolean {
    return this.#state.kind === "writing";
  }

  /** Resolves when a write has ended: the one that is under way, or else one that begins now. */
  lease(): Promise<void> {
    return this.#state.kind === "writing" ? this.#state.answer : this.write();
  }

  /** Resolves when everything up to this call is on disk: at once if it is. Rejects if that fails or takes too long. */
  secure(): Promise<void> {
    if (this.#unbegun) return this.write();
    return this.pending && this.#state.kind === "writing" ? this.#state.answer : Promise.resolve();
  }

  /** Writes what stands when the write begins, after one that is under way. One write serves all who wait. */
  write(): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the outbox is closed"));
    if (this.#queued) return this.#queued;
    if (this.#state.kind !== "writing") return this.#begin();
    this.#queued = this.#state.answer
      .catch(() => undefined)
      .then(() => {
        this.#queued = undefined;
        return this.#begin();
      });
    return this.#queued;
  }

  /** The write that is under way is awaited no longer: it has taken `ms`. */
  giveUp(ms: number): void {
    const cause = this.#noAnswer(ms);
    if (this.#state.kind === "writing") this.#state.giveUp(cause);
    else this.#options.on.failed(cause);
  }

  /** Writes for the last time; no later write begins. */
  async close(): Promise<void> {
    const last = this.write();
    this.#closed = true;
    await last;
  }

  #noAnswer(ms: number): NoAnswerError {
    return new NoAnswerError(`${this.#options.path}.vital`, ms);
  }

  #begin(): Promise<void> {
    if (this.#state.kind === "hung") return Promise.reject(this.#state.cause);
    const { time, lease, on } = this.#options;
    const { promise: answer, resolve, reject } = Promise.withResolvers<void>();
    const changes = this.#changes;
    this.#leaseWanted = false;
    // A write that failed is done again in the same place: the other one holds the newest that is whole.
    const vital: Vital = { ...this.#vital, generation: this.#vital.generation + 1, ...lease() };
    const timer: Timer = afterRunning(ANSWER_MS, () => this.giveUp(ANSWER_MS), time);
    const giveUp = (cause: unknown): void => {
      timer[Symbol.dispose]();
      this.#state = { kind: "hung", cause };
      on.failed(cause);
      reject(cause);
    };
    this.#state = { kind: "writing", changes, answer, giveUp };
    const ended = this.#put(vital);
    this.#follow(ended, vital, changes);
    ended.then(resolve, reject);
    const stop = (): void => timer[Symbol.dispose]();
    ended.then(stop, stop);
    return answer;
  }

  async #put(vital: Vital): Promise<void> {
    const { home, on } = this.#options;
    const { place, bytes, isShortened } = encodeVital(vital);
    await home.write(place, bytes);
    if (isShortened) on.shortened();
  }

  /** Says how a write ended, whether somebody still waits for it or not. */
  #follow(ended: Promise<void>, vital: Vital, changes: number): void {
    const { on } = this.#options;
    const end = (say: () => void): void => {
      const late = this.#state.kind === "hung";
      this.#state = { kind: "idle" };
      if (late) on.late();
      else say();
    };
    ended.then(
      () => {
        this.#vital = { ...this.#vital, generation: vital.generation };
        this.#durable = Math.max(this.#durable, changes);
        end(() => on.written(vital));
      },
      (cause: unknown) => end(() => on.failed(cause)),
    );
  }
}

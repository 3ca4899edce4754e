import type { Random, Time, Timer } from "../runtime/ports.ts";
import { afterRunning } from "../runtime/wait.ts";
import { without, type Runs } from "../domain/runs.ts";
import type { Condition } from "./condition.ts";
import type { Gaps } from "./gaps.ts";
import type { Lease } from "./numbers.ts";
import type { Disk } from "./port.ts";
import type { Now, Queue } from "./queue.ts";
import { numberBeyond, type Life } from "./start.ts";
import { VitalFile } from "./vital-file.ts";
import type { VitalHome } from "./vital-home.ts";

/**
 * A number waits at most this long for its lease; then it jumps. The unit publishes an emergency from memory
 * after a second, and the next life must not give its number again.
 */
const LEASE_MS = 750;

export type VitalWriterOptions = {
  readonly disk: Disk;
  readonly time: Time;
  readonly random: Random;
  readonly life: Life;
  readonly home: VitalHome;
  readonly queue: Queue;
  readonly gaps: Gaps;
  readonly condition: Condition;
  readonly now: () => Now;
  /** The outbox is being closed: the last write leases nothing ahead. */
  readonly closing: () => boolean;
  /** Gaps have been appended. */
  readonly declared: () => void;
  /** A write has failed: another one must be tried. */
  readonly failed: () => void;
  /** Numbers have been leased. */
  readonly leased: () => void;
  readonly news: (line: string) => void;
};

/** Writes the vital file when the memory changes or leased numbers run short, and lets numbers jump if that fails. */
export class VitalWriter {
  readonly file: VitalFile;
  readonly #options: VitalWriterOptions;
  #asked = false;
  /** Runs while a number waits for its lease. */
  #leasing: Timer | undefined;

  constructor(options: VitalWriterOptions) {
    this.#options = options;
    const { disk, time, life, home, queue, closing, news } = options;
    this.file = new VitalFile({
      path: disk.path,
      home,
      time,
      vital: life.vital,
      underWay: life.underWay,
      lease: () => (closing() ? queue.finalLease() : queue.wantedLease()),
      on: {
        written: (lease) => this.#written(lease),
        failed: (cause) => this.#failed(cause),
        // What it wrote is out of date: the lease of the numbers that were given since is not in it.
        late: () => void (closing() || this.write()),
        shortened: () => news("the memory was too large for its place: its oldest entries are gone"),
      },
    });
  }

  /** At the end of this turn: what changes together is written together. */
  soon(): void {
    if (this.#asked || this.#options.closing()) return;
    this.#asked = true;
    this.#options.time.soon(() => {
      this.#asked = false;
      if (this.file.due && !this.#options.closing()) void this.write();
    });
  }

  /** A failure has been reported; the next batch tries again. */
  write(): Promise<void> {
    return this.file.write().catch(() => this.#options.failed());
  }

  #written(lease: Lease): void {
    this.#options.queue.leaseWritten(lease);
    if (this.#options.queue.allLeased) this.#leaseWaitEnds();
    this.#options.condition.vitalWorks();
    this.#options.leased();
  }

  #failed(cause: unknown): void {
    const { queue, condition } = this.#options;
    this.file.touch();
    const first = condition.vitalFailed(cause);
    this.#leaseWaitEnds();
    if (!first && queue.allLeased) return;
    // Declared at once: this life may not see the disk come back.
    this.#jump(queue.next, []);
    condition.report();
  }

  /** See `Outbox.leap`. */
  leap(upTo: number, missing: Runs): void {
    const { next } = this.#options.queue;
    this.#jump(upTo + 1, without([[next, upTo]], missing));
    this.file.touch();
    this.soon();
  }

  /** The next number is far beyond `least`. Those that are left behind are declared, except what dispatch has of them. */
  #jump(least: number, had: Runs): void {
    const { queue, gaps, random, now, declared } = this.#options;
    gaps.abandon(queue.leaveNumbers(numberBeyond(least, random)), had, "power-cut", now());
    declared();
  }

  /** A report has been given this number. */
  given(seq: number): void {
    if (this.#options.queue.leaseIsShort) this.#extendLease();
    if (!this.#options.queue.leased(seq)) this.#awaitLease();
  }

  #extendLease(): void {
    // The write that is under way has a longer lease already.
    if (this.#asked || this.file.writing) return;
    this.file.wantLease();
    this.soon();
  }

  #awaitLease(): void {
    this.#leasing ??= afterRunning(LEASE_MS, () => this.file.giveUp(LEASE_MS), this.#options.time);
  }

  #leaseWaitEnds(): void {
    this.#leasing?.[Symbol.dispose]();
    this.#leasing = undefined;
  }

  /** The outbox is being closed: numbers are waited for no longer. */
  end(): void {
    this.#leaseWaitEnds();
  }
}

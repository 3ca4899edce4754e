import { knownAt, type Clock } from "../domain/time.ts";
import { reasonOf } from "../runtime/log.ts";
import { DamageError, type Store } from "./port.ts";
import type { Gaps } from "./gaps.ts";
import type { Now, Queue } from "./queue.ts";
import { NO_EXCESS, type Excess, type Retention } from "./retention.ts";

export type RoomOptions = {
  readonly retention: Retention;
  readonly queue: Pick<Queue, "waiting">;
  readonly gaps: Pick<Gaps, "giveUp">;
  readonly clock: Pick<Clock, "mono">;
  readonly now: () => Now;
  /** The outbox is being closed: nothing more is given up. */
  readonly closing: () => boolean;
  /** Whether this store may still be used. */
  readonly usable: (store: Store) => boolean;
  /** Records were given up, and declared. */
  readonly gaveUp: () => void;
  readonly damaged: (store: Store, cause: DamageError) => void;
  readonly news: (line: string) => void;
};

/**
 * Makes room beside the writing of batches, which never waits for it: a look finds what is too much, the
 * next batch deletes it, and then its room is given back to the disk.
 */
export class Room {
  readonly #options: RoomOptions;
  /** Found by the last look: deleted with the next batch. */
  #excess = NO_EXCESS;
  #making: Promise<void> | undefined;
  #failed = false;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** What the batch that begins now deletes. */
  take(): Excess {
    const excess = this.#excess;
    this.#excess = NO_EXCESS;
    return excess;
  }

  /** The batch has failed. */
  putBack(excess: Excess): void {
    this.#excess = excess;
  }

  /** A batch is written, which has deleted these. */
  after(store: Store, deleted: Excess): void {
    const { closing, retention, clock } = this.#options;
    if (closing()) return;
    if (deleted.seqs.length === 0 && (this.#making || !retention.due(clock.mono()))) return;
    const mine: Promise<void> = (this.#making ?? Promise.resolve())
      .then(() => this.#make(store, deleted))
      .catch((cause: unknown) => this.#fail(store, cause))
      .then(() => {
        if (this.#making === mine) this.#making = undefined;
      });
    this.#making = mine;
  }

  /** Resolves when nothing is being done. */
  async idle(): Promise<void> {
    await this.#making;
  }

  /** Reported once. A store that is closed meanwhile is no fault of its own. */
  #fail(store: Store, cause: unknown): void {
    if (cause instanceof DamageError) this.#options.damaged(store, cause);
    else if (this.#options.usable(store) && !this.#failed)
      this.#options.news(`no room can be made: ${reasonOf(cause)}`);
    this.#failed = true;
  }

  async #make(store: Store, deleted: Excess): Promise<void> {
    const { retention, queue, gaps, closing, usable, now, gaveUp } = this.#options;
    if (closing() || !usable(store)) return;
    await retention.giveBack(store, deleted);
    // What was found before has not been deleted yet: a look would find it again.
    if (closing() || this.#excess.seqs.length > 0) return;
    const instant = now();
    const found = await retention.excess(store, instant.mono, knownAt(instant), queue.waiting);
    this.#failed = false;
    // A stop writes its last batch now: what is settled after it would be settled for nobody.
    if (closing() || found.seqs.length === 0) return;
    this.#excess = found;
    gaps.giveUp(found, now());
    gaveUp();
  }
}

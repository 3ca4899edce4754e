import type { Time, Timer } from "../runtime/ports.ts";

/** When batches are written: one at a time, in order, as late as possible. It does not know what a batch holds. */
export type Committer = {
  /** Something has changed that must be written within this time. */
  within(delayMs: number): void;
  /** Writes now what there is, after a batch that is being written. Rejects as the batch does, and once closed. */
  now(sync: boolean): Promise<void>;
  /** Writes, synced, for the last time: later requests are rejected. */
  close(): Promise<void>;
  /** The batch that is being written, or undefined. */
  readonly running: Promise<void> | undefined;
};

export type CommitterOptions = {
  readonly time: Time;
  readonly commit: (sync: boolean) => Promise<void>;
  /** Milliseconds until what is pending is due; 0 or less: it is due. */
  readonly dueMs: () => number;
  /** Milliseconds from one batch to the next; undefined if nothing is pending. */
  readonly nextMs: () => number | undefined;
  /** After a batch that failed: none is begun sooner, but by `now`. */
  readonly retryMs: number;
};

export const createCommitter = (options: CommitterOptions): Committer => {
  const { time } = options;
  let timer: Timer | undefined;
  let timerDue = Infinity;
  let notBefore = -Infinity;
  let running: Promise<void> | undefined;
  let closed = false;
  /** A batch that is due waits for the one before it: it will hold what becomes due meanwhile. */
  let waiting = false;

  const commit = async (sync: boolean): Promise<void> => {
    try {
      await options.commit(sync);
      notBefore = -Infinity;
    } catch (cause) {
      notBefore = time.mono() + options.retryMs;
      throw cause;
    } finally {
      running = undefined;
    }
  };

  /** Waits until nothing is being written, then begins in the same turn: nobody comes in between. */
  const inTurn = async (sync: boolean, begins: () => void): Promise<void> => {
    while (running) {
      // oxlint-disable-next-line no-await-in-loop -- one batch at a time keeps the order
      await running.catch(() => undefined);
    }
    begins();
    running = commit(sync);
    await running;
  };
  const now = (sync: boolean, begins = (): unknown => undefined): Promise<void> =>
    inTurn(sync, () => {
      begins();
      if (closed) throw new Error("the outbox is closed");
    });

  const fire = (): void => {
    timer = undefined;
    timerDue = Infinity;
    const waitMs = options.dueMs();
    if (waitMs > 0) within(waitMs);
    if (waitMs > 0 || waiting) return;
    waiting = true;
    now(false, () => (waiting = false)).then(
      () => {
        const nextMs = options.nextMs();
        if (nextMs !== undefined) within(nextMs);
      },
      () => within(options.retryMs),
    );
  };

  const within = (delayMs: number): void => {
    const mono = time.mono();
    const due = Math.max(mono + delayMs, notBefore);
    if (closed || due >= timerDue) return;
    timer?.[Symbol.dispose]();
    timerDue = due;
    timer = time.after(Math.max(0, due - mono), fire);
  };

  return {
    within,
    now: (sync) => now(sync),
    get running() {
      return running;
    },
    async close() {
      closed = true;
      timer?.[Symbol.dispose]();
      await inTurn(true, () => undefined);
    },
  };
};

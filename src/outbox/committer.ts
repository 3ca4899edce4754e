/**
 * When batches are written: one at a time, in order, as late as may be. What a batch holds is not
 * known here.
 */
export type Committer = {
  /** Something has changed that is to be written within this time. */
  within(delayMs: number): void;
  /** Writes now what there is, after a batch that is being written. Rejects as the batch does, and once closed. */
  now(sync: boolean): Promise<void>;
  /** Writes, synced, for the last time: after it nothing is written any more, whoever still waits to. */
  close(): Promise<void>;
  /** The batch that is being written, or undefined. */
  readonly running: Promise<void> | undefined;
};

export type CommitterOptions = {
  readonly commit: (sync: boolean) => Promise<void>;
  /** Milliseconds to wait before what is pending is due; 0 or less: it is due. */
  readonly dueMs: () => number;
  /** After a batch: milliseconds until the next, or undefined where nothing is pending. */
  readonly nextMs: () => number | undefined;
  /** After a batch that failed. */
  readonly retryMs: number;
};

export const createCommitter = (options: CommitterOptions): Committer => {
  let timer: NodeJS.Timeout | undefined;
  let timerDue = Infinity;
  let running: Promise<void> | undefined;
  let closed = false;

  /** Waits until nothing is being written, then begins at once: nobody comes in between. */
  const inTurn = async (sync: boolean, wanted: () => boolean): Promise<void> => {
    while (running) {
      // oxlint-disable-next-line no-await-in-loop -- one batch at a time keeps the order
      await running.catch(() => undefined);
    }
    if (!wanted()) return;
    running = options.commit(sync).finally(() => {
      running = undefined;
    });
    await running;
  };
  const now = (sync: boolean): Promise<void> =>
    inTurn(sync, () => {
      if (closed) throw new Error("the outbox is closed");
      return true;
    });

  const within = (delayMs: number): void => {
    const due = performance.now() + delayMs;
    if (closed || due >= timerDue) return;
    clearTimeout(timer);
    timerDue = due;
    timer = setTimeout(() => {
      timer = undefined;
      timerDue = Infinity;
      const waitMs = options.dueMs();
      if (waitMs > 0) {
        within(waitMs);
        return;
      }
      now(false).then(
        () => {
          const nextMs = options.nextMs();
          if (nextMs !== undefined) within(nextMs);
        },
        () => within(options.retryMs),
      );
    }, delayMs);
  };

  return {
    within,
    now,
    get running() {
      return running;
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await inTurn(true, () => true);
    },
  };
};

import type { Time } from "../runtime/ports.ts";

/** A message that takes longer is gone on with after others had their turn. */
const TURN_MS = 20;

export type Turns<T> = {
  readonly time: Pick<Time, "mono" | "after">;
  /** Nobody wants the result any more. */
  readonly isOver: () => boolean;
  readonly done: (result: T) => void;
};

/** Does work in turns, so that one message that takes long keeps no other from being handled. The first turn is now. */
export const inTurns = <T>(work: Generator<unknown, T>, on: Turns<T>): void => {
  const until = on.time.mono() + TURN_MS;
  do {
    const step = work.next();
    if (step.done) {
      on.done(step.value);
      return;
    }
  } while (on.time.mono() < until);
  on.time.after(0, () => {
    if (!on.isOver()) inTurns(work, on);
  });
};

import type { Time, Timer } from "../runtime/ports.ts";

/** After this time the work pauses, so that other messages are handled. */
const TURN_MS = 20;

/** Takes the next steps of some work until this time. Returns whether the work is done. */
type Work = (untilMs: number) => boolean;

/** Does work that takes long, one piece after the other, in turns with everything else that the process does. */
export class Turns implements Disposable {
  readonly #time: Pick<Time, "mono" | "after">;
  readonly #waits: (isWaiting: boolean) => void;
  readonly #queue: Work[] = [];
  #timer: Timer | undefined;

  /** `waits`: called when some work has to wait, and when none does any more. Nothing more should come meanwhile. */
  constructor(time: Pick<Time, "mono" | "after">, waits: (isWaiting: boolean) => void) {
    this.#time = time;
    this.#waits = waits;
  }

  /** Does work in steps; what is short, and comes when nothing waits, is done at once. `done`: with the last one's result. */
  add<T>(steps: Generator<unknown, T>, done: (result: T) => void): void {
    this.#queue.push((untilMs) => {
      let step = steps.next();
      while (!step.done && this.#time.mono() < untilMs) step = steps.next();
      if (step.done) done(step.value);
      return step.done === true;
    });
    if (!this.#timer) this.#turn();
  }

  /** What waits is not done any more. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#queue.length = 0;
  }

  #turn(): void {
    const untilMs = this.#time.mono() + TURN_MS;
    for (let [work] = this.#queue; work?.(untilMs); [work] = this.#queue) this.#queue.shift();
    const hadToWait = this.#timer !== undefined;
    this.#timer = this.#queue.length > 0 ? this.#time.after(0, () => this.#turn()) : undefined;
    if (hadToWait !== (this.#timer !== undefined)) this.#waits(!hadToWait);
  }
}

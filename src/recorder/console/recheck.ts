import type { Time, Timer } from "../../runtime/ports.ts";
import type { Fleet, Touched } from "./fleet.ts";
import type { Heard } from "./records.ts";

/**
 * Finds the emergencies whose ends were not seen while there was no connection. A broker sends its retained copies
 * after each subscription, and it keeps a copy of each open emergency (contract §2).
 */

/** No further retained message for this long, ms: the broker has sent all of them. */
export const SETTLED_MS = 10_000;

export class Recheck implements Disposable {
  readonly #fleet: Fleet;
  readonly #time: Time;
  readonly #touched: (touched: Touched) => void;
  /** Set while copies may come. */
  #timer: Timer | undefined;

  constructor(fleet: Fleet, time: Time, touched: (touched: Touched) => void) {
    this.#fleet = fleet;
    this.#time = time;
    this.#touched = touched;
  }

  /** The broker has accepted the subscription: it sends its retained copies. */
  begin(): void {
    this.#fleet.beginCheck();
    this.#restart();
  }

  hear({ retain }: Heard): void {
    if (this.#timer && retain) this.#restart();
  }

  /** The connection is lost: nothing follows from what has not come. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #restart(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#time.after(SETTLED_MS, () => {
      this.#timer = undefined;
      this.#touched(this.#fleet.endCheck());
    });
  }
}

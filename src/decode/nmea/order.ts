/** A receiver steps back by leap seconds when the almanac arrives: such a step is accepted at once. */
const LEAP_STEP_MS = 20_000;
/** A clock that went back further is accepted once it has advanced this many times. */
const BACKWARD_EPOCHS = 3;
/** How many fixes are remembered to recognise a repetition by time and place: 20 s at 10 Hz. */
const REMEMBERED_FIXES = 200;

/** Recognises fixes that were emitted before, and fixes that are older than the newest. */
export class FixOrder {
  #lastAt = -Infinity;
  #backward = { at: -Infinity, epochs: 0 };
  readonly #recent = new Map<number, string>();

  repeats(at: number, where: string): boolean {
    return at <= this.#lastAt && this.#recent.get(at) === where;
  }

  /** Whether a fix of `at` may follow. Asked once for each: it counts those that go back. */
  allows(at: number): boolean {
    if (at >= this.#lastAt - LEAP_STEP_MS) return true;
    const epochs = at > this.#backward.at ? this.#backward.epochs + 1 : 1;
    this.#backward = { at, epochs };
    return epochs >= BACKWARD_EPOCHS;
  }

  /** The fix is emitted. Forgets the oldest beyond 200. */
  remember(at: number, where: string): void {
    this.#lastAt = at;
    if (this.#backward.epochs > 0) this.#backward = { at: -Infinity, epochs: 0 };
    this.#recent.set(at, where);
    if (this.#recent.size > REMEMBERED_FIXES) this.#recent.delete(this.#recent.keys().next().value ?? at);
  }
}

import type { Time, Timer } from "../runtime/ports.ts";

/** With patience an attempt takes this long, counted from its beginning. */
const PATIENT_MS = 30_000;

/**
 * How long one attempt to connect may take: `limitMs`, and with patience PATIENT_MS as long as a socket with TCP open is
 * under way. A host that is away costs no more than without patience.
 */
export class AttemptLimit implements Disposable {
  readonly #end = new AbortController();
  readonly #timers: readonly Timer[];
  #underway = 0;
  #isLate = false;

  constructor(time: Time, limitMs: number, patient: boolean) {
    const end = () => this.#end.abort();
    const late = () => {
      this.#isLate = true;
      this.#look();
    };
    this.#timers = patient
      ? [time.after(limitMs, late), time.after(PATIENT_MS, end)]
      : [time.after(limitMs, end)];
  }

  /** Fires when the time is over. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** TCP is open on a socket. */
  entered(): void {
    this.#underway++;
  }

  /** That socket, or the connection over it, has failed. */
  left(): void {
    this.#underway--;
    this.#look();
  }

  #look(): void {
    if (this.#isLate && this.#underway === 0) this.#end.abort();
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
  }
}

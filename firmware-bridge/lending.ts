/**
 * Who has the board's port: this process, or another one to which it was lent. Visits of the port are made through
 * it.
 */
export class Lending {
  /** Ends the visit when the port is lent. */
  #leave = new AbortController();
  /** Aborted when the port is given back. Undefined: it is not lent. */
  #lent: AbortController | undefined;
  #visit: Promise<unknown> = Promise.resolve();

  /** Resolves when the port is closed. Lending it again while it is lent changes nothing. */
  async lend(): Promise<void> {
    this.#lent ??= new AbortController();
    this.#leave.abort();
    await this.#visit;
  }

  /** Returns whether it was lent. */
  takeBack(): boolean {
    const lent = this.#lent;
    if (!lent) return false;
    this.#lent = undefined;
    this.#leave = new AbortController();
    lent.abort();
    return true;
  }

  /**
   * Waits while the port is lent, and then makes a visit. Its signal fires when the visit must end: `stop` has
   * fired, or the port is lent. Undefined: `stop` has fired.
   */
  async visit<T>(stop: AbortSignal, visit: (leave: AbortSignal) => Promise<T>): Promise<T | undefined> {
    // oxlint-disable-next-line no-await-in-loop -- it may have been lent again
    while (this.#lent && !stop.aborted) await fired(AbortSignal.any([stop, this.#lent.signal]));
    if (stop.aborted) return undefined;
    const visiting = visit(AbortSignal.any([stop, this.#leave.signal]));
    this.#visit = visiting.catch(() => undefined); // the caller gets the error
    return visiting;
  }
}

const fired = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/**
 * The order of acknowledgements of one connection. MQTT 5 §4.6: PUBACKs go out in the order in which the
 * messages came, whatever was stored first. Its size is limited by the Receive Maximum. Pure.
 */
export class AckOrder {
  readonly #waiting: { readonly id: number; done: boolean }[] = [];

  get length(): number {
    return this.#waiting.length;
  }

  /** A message with this packet id has come. Returns what to call when it is stored: the ids to acknowledge. */
  received(id: number): () => number[] {
    const one = { id, done: false };
    this.#waiting.push(one);
    return () => {
      one.done = true;
      const open = this.#waiting.findIndex(({ done }) => !done);
      return this.#waiting.splice(0, open < 0 ? this.#waiting.length : open).map((each) => each.id);
    };
  }
}

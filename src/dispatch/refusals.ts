/**
 * Which brokers refuse which topics, over all connections: a refusal is over when the broker accepts a
 * message, or grants the subscription, on the same topic. Pure.
 */
export class Refusals {
  /** At most one entry for each configured broker, with the unit's channels and subscriptions. */
  readonly #topics = new Map<string, Set<string>>();

  refused(broker: string, topic: string): void {
    const topics = this.#topics.get(broker) ?? new Set<string>();
    this.#topics.set(broker, topics.add(topic));
  }

  /** The broker accepts a topic. Returns whether it has refused it before. */
  accepted(broker: string, topic: string): boolean {
    const topics = this.#topics.get(broker);
    if (!topics?.delete(topic)) return false;
    if (topics.size === 0) this.#topics.delete(broker);
    return true;
  }
}

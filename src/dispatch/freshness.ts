/**
 * Since when a message of dispatch may have waited in the session of a broker. A broker delivers what waits as soon as it
 * has accepted a connection, before its first answer; what comes later was written a moment ago. Pure: `now` is in
 * milliseconds.
 */
export class Freshness {
  /** The broker whose connection has answered. */
  #answering: string | undefined;
  /** When each broker last answered on a connection of the link: until then it had delivered everything. */
  readonly #heardAt = new Map<string, number>();

  answered(broker: string, now: number): void {
    this.#answering = broker;
    this.#heardAt.set(broker, now);
  }

  /** The connection has ended. */
  ended(): void {
    this.#answering = undefined;
  }

  /** For how long a message that comes now on the link may have waited: undefined if it did not, Infinity if not known. */
  waitedMs(broker: string, now: number): number | undefined {
    return this.#answering === broker ? undefined : this.longestMs(broker, now);
  }

  /** The same for any connection with the client id of the link that has not answered. */
  longestMs(broker: string, now: number): number {
    return now - (this.#heardAt.get(broker) ?? -Infinity);
  }
}

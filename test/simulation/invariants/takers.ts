import type { Fact } from "../facts.ts";
import { SinceEach } from "./invariant.ts";

const REFUSED = 0x80;

/**
 * The brokers that take emergencies: healthy ones that have not refused one on a connection that is still
 * open. Contract §4: after a refusal "that topic waits on that broker (30 s doubling to 1 h, and at each new
 * connection)". An emergency that it accepts there ends that.
 */
export class Takers {
  /** Since when each has been one. */
  readonly since = new SinceEach();
  readonly #healthy = new Set<string>();
  readonly #refusing = new Map<number, string>();

  see(fact: Fact): void {
    if (fact.what === "broker" && fact.healthy) this.#healthy.add(fact.broker);
    if (fact.what === "broker" && !fact.healthy) this.#healthy.delete(fact.broker);
    if (fact.what === "disconnected") this.#refusing.delete(fact.connection);
    if (fact.what === "puback" && fact.episode !== undefined) {
      if (fact.code >= REFUSED) this.#refusing.set(fact.connection, fact.broker);
      else this.#refusing.delete(fact.connection);
    }
    if (fact.what !== "broker" && fact.what !== "puback" && fact.what !== "disconnected") return;
    const refuses = [...this.#refusing.values()].includes(fact.broker);
    this.since.set(fact.broker, this.#healthy.has(fact.broker) && !refuses, fact.at);
  }
}

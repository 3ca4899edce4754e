import type { Fact } from "../facts.ts";
import { SinceEach } from "./invariant.ts";

const REFUSED = 0x80;
/** A refused emergency is tried again after 30 s, and on its way for a while. */
const AGAIN_MS = 35_000;

/** The name of a broker that has several hosts: `a` for `a'`. */
const nameOf = (host: string): string => host.replaceAll("'", "");

/**
 * The brokers that take emergencies: healthy ones of which no host has just refused one on a connection that is still
 * open. Contract §4: after a refusal "that topic waits on that broker"; emergencies wait 30 s each time (DECISIONS 51). An
 * emergency that it accepts there ends that.
 */
export class Takers {
  /** Since when each has been one. */
  readonly since = new SinceEach();
  readonly #healthy = new Set<string>();
  readonly #refusing = new Map<number, { readonly broker: string; readonly at: number }>();

  see(fact: Fact): void {
    if (fact.what === "broker" && fact.healthy) this.#healthy.add(fact.broker);
    if (fact.what === "broker" && !fact.healthy) this.#healthy.delete(fact.broker);
    if (fact.what === "disconnected") this.#refusing.delete(fact.connection);
    if (fact.what === "puback" && fact.episode !== undefined) {
      if (fact.code >= REFUSED) this.#refusing.set(fact.connection, fact);
      else this.#refusing.delete(fact.connection);
    }
    if (fact.what === "second") for (const broker of this.#healthy) this.#look(broker, fact.at);
    if (fact.what === "broker" || fact.what === "puback" || fact.what === "disconnected")
      this.#look(nameOf(fact.broker), fact.at);
  }

  #look(broker: string, now: number): void {
    const refuses = [...this.#refusing.values()].some(
      (one) => nameOf(one.broker) === broker && now - one.at < AGAIN_MS,
    );
    this.since.set(broker, this.#healthy.has(broker) && !refuses, now);
  }
}

import { isIP } from "node:net";
import type { Time } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";

/** Every address of a host name, in the resolver's order. Rejects with the system's error. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** A name server that has not answered by then is not waited for, if the addresses are known. */
const LOOKUP_MS = 1_500;

/**
 * Looks up host names. An answer is remembered, for a name server that fails or hangs later: an
 * emergency must not wait for it. A name is asked for once at a time: a hanging call occupies a thread
 * of the pool that the disk needs as well. It knows as many names as there are brokers.
 */
export class Addresses {
  readonly #lookup: Lookup;
  readonly #time: Time;
  readonly #known = new Map<string, readonly string[]>();
  readonly #asking = new Map<string, Promise<readonly string[]>>();

  constructor(lookup: Lookup, time: Time) {
    this.#lookup = lookup;
    this.#time = time;
  }

  /** Rejects with the system's error; empty if the signal fires before there is an answer. */
  async of(host: string, signal: AbortSignal): Promise<readonly string[]> {
    if (isIP(host) > 0) return [host];
    const known = this.#known.get(host);
    const asked = known ? this.#ask(host).catch(() => known) : this.#ask(host);
    const answered = new AbortController();
    const patience = AbortSignal.any([signal, answered.signal]);
    const late = pause(known ? LOOKUP_MS : NEVER_MS, patience, this.#time).then(() => known ?? []);
    try {
      return await Promise.race([asked, late]);
    } finally {
      answered.abort();
    }
  }

  #ask(host: string): Promise<readonly string[]> {
    const asking = this.#asking.get(host);
    if (asking) return asking;
    const answer = this.#lookup(host)
      .then((addresses) => {
        this.#known.set(host, addresses);
        return addresses;
      })
      .finally(() => this.#asking.delete(host));
    this.#asking.set(host, answer);
    // Whoever asked may have gone.
    answer.catch(() => undefined);
    return answer;
  }
}

/** The longest timer. */
const NEVER_MS = 2 ** 31 - 1;

import { isIP } from "node:net";
import type { Time } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";

/** Every address of a host name, in the resolver's order. Rejects with the system's error. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** How long the name server is awaited if an earlier answer is known. */
const LOOKUP_MS = 1_500;

/**
 * Looks up host names. Answers are remembered and used if the name server fails or hangs later, so that
 * an emergency need not wait for it. There is at most one pending lookup for each name: a hanging one
 * occupies a thread of the pool, which the disk needs too. At most one name for each broker is
 * remembered.
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

  /**
   * The addresses of a host. Rejects with the system's error. Empty if the signal fires before there is
   * an answer.
   */
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
    // The caller may have stopped waiting. Without this, a rejection would be unhandled.
    answer.catch(() => undefined);
    return answer;
  }
}

/** The longest timer. */
const NEVER_MS = 2 ** 31 - 1;

import { isIP } from "node:net";
import type { Time } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";

/** Every address of a host name, in the resolver's order. Rejects with the system's error. */
export type Lookup = (host: string) => Promise<readonly string[]>;

/** How long the name server is awaited if an earlier answer is known. */
const LOOKUP_MS = 1_500;
/**
 * The same without an earlier answer. The lookup goes on, so the next attempt to connect may have the answer;
 * meanwhile another broker is tried.
 */
const FIRST_LOOKUP_MS = 4_000;

const noAnswer = (host: string): Error =>
  Object.assign(new Error(`${host}: no answer from the name server`), { code: "EAI_AGAIN" });

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
   * The addresses of a host. Rejects with the system's error, and with EAI_AGAIN if there is no answer in
   * time. Empty if the signal fires before.
   */
  async of(host: string, signal: AbortSignal): Promise<readonly string[]> {
    if (isIP(host) > 0) return [host];
    const known = this.#known.get(host);
    const asked = known ? this.#ask(host).catch(() => known) : this.#ask(host);
    const answered = new AbortController();
    const patience = AbortSignal.any([signal, answered.signal]);
    const late = pause(known ? LOOKUP_MS : FIRST_LOOKUP_MS, patience, this.#time).then(() => {
      if (!known && !patience.aborted) throw noAnswer(host);
      return known ?? [];
    });
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

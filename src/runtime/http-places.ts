import { isLoopback } from "../domain/address.ts";
import { whoIs } from "./http-throttle.ts";

/**
 * Limits the connections of a server, so that who does not have the PIN can neither keep the event loop busy nor take
 * the places of those who have it. Pure: `nowMs` is in milliseconds on a clock that never jumps.
 *
 * A stranger is a peer on another machine that has not given the PIN. A stranger gets one answer for each connection,
 * so a limit of connections is a limit of requests too.
 */

/** Connections at once. */
const MOST = 32;
/** Of these, connections from other machines: the rest is for commands on this machine. */
const MOST_FAR = 24;
/** Of these, strangers: the rest is for who has given the PIN. */
const MOST_STRANGERS = 16;
/** Open connections of one stranger. A browser opens six. */
const MOST_OF_STRANGER = 8;
/** A stranger who has been connected for this long may lose the connection to another peer. */
const STALE_MS = 10_000;

type Limit = { readonly burst: number; readonly perSecond: number };
/** New connections of all strangers. The burst is for the files of a page. */
const ALL: Limit = { burst: 24, perSecond: 10 };
/** New connections of one stranger: half, so that one cannot keep the others out. */
const EACH: Limit = { burst: 12, perSecond: 5 };
/** Strangers whose connections are counted. Beyond that the one counted first is forgotten. */
const STRANGERS = 64;
/** Peers that have given the PIN. Beyond that the one that used it longest ago is a stranger again. */
const KNOWN = 16;
/** A peer is a stranger again when it did not use the PIN or its session for this long. */
const KNOWN_MS = 30 * 60_000;

/** What is left of a limit. */
type Left = { readonly tokens: number; readonly atMs: number };

const refilled = (left: Left | undefined, { burst, perSecond }: Limit, nowMs: number): number =>
  left ? Math.min(burst, left.tokens + ((nowMs - left.atMs) * perSecond) / 1_000) : burst;

/** Sets an entry as the newest of a map, and forgets the oldest beyond `most`. */
const setNewest = <Value>(map: Map<string, Value>, key: string, value: Value, most: number): void => {
  map.delete(key);
  map.set(key, value);
  for (const [oldest] of map) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
};

type Kind = "local" | "known" | "stranger";
type Place = { kind: Kind; readonly who: string; readonly sinceMs: number };

/** The connections that have a place. A connection is named by a key. */
export class Places {
  readonly #places = new Map<string, Place>();
  readonly #known = new Map<string, number>();
  readonly #each = new Map<string, Left>();
  #all: Left | undefined;

  /**
   * Whether a new connection gets a place. `stale`: connections that must be closed because it gets theirs; they have
   * no place any more.
   */
  take(
    connection: string,
    peer: string,
    nowMs: number,
  ): { readonly taken: boolean; readonly stale: readonly string[] } {
    const who = whoIs(peer);
    const kind = this.#kindOf(peer, who, nowMs);
    if (kind === "stranger" && !this.#spend(who, nowMs)) return { taken: false, stale: [] };
    const stale = this.#hasPlace(kind, who) ? [] : this.#leaveStale(nowMs);
    const taken = this.#hasPlace(kind, who);
    if (taken) this.#places.set(connection, { kind, who, sinceMs: nowMs });
    return { taken, stale };
  }

  /** The connection is closed. */
  leave(connection: string): void {
    this.#places.delete(connection);
  }

  /** The PIN, or a session, was given on this connection. */
  known(connection: string, nowMs: number): void {
    const place = this.#places.get(connection);
    if (!place || place.kind === "local") return;
    place.kind = "known";
    setNewest(this.#known, place.who, nowMs, KNOWN);
  }

  #kindOf(peer: string, who: string, nowMs: number): Kind {
    if (isLoopback(peer)) return "local";
    return nowMs - (this.#known.get(who) ?? -Infinity) < KNOWN_MS ? "known" : "stranger";
  }

  #spend(who: string, nowMs: number): boolean {
    const all = refilled(this.#all, ALL, nowMs);
    const each = refilled(this.#each.get(who), EACH, nowMs);
    if (all < 1 || each < 1) return false;
    this.#all = { tokens: all - 1, atMs: nowMs };
    setNewest(this.#each, who, { tokens: each - 1, atMs: nowMs }, STRANGERS);
    return true;
  }

  #hasPlace(kind: Kind, who: string): boolean {
    const all = [...this.#places.values()];
    if (all.length >= MOST) return false;
    if (kind === "local") return true;
    if (all.filter((place) => place.kind !== "local").length >= MOST_FAR) return false;
    if (kind === "known") return true;
    const strangers = all.filter((place) => place.kind === "stranger");
    return (
      strangers.length < MOST_STRANGERS &&
      strangers.filter((place) => place.who === who).length < MOST_OF_STRANGER
    );
  }

  #leaveStale(nowMs: number): string[] {
    const stale = [...this.#places].flatMap(([connection, { kind, sinceMs }]) =>
      kind === "stranger" && nowMs - sinceMs >= STALE_MS ? [connection] : [],
    );
    for (const connection of stale) this.#places.delete(connection);
    return stale;
  }
}

/**
 * Limits how often a PIN can be tried. Pure: `nowMs` is in milliseconds on a clock that never jumps.
 *
 * A peer may fail `PEER.free` times. The last of these failures, and each one after it, makes the peer wait: for a
 * minute, then twice as long each time, up to an hour. All peers together have a limit of their own, which stops
 * someone who has many addresses. While a wait lasts no PIN is checked, so a right one is refused too.
 */
type Limit = { readonly free: number; readonly firstMs: number; readonly mostMs: number };
type Count = { readonly failures: number; readonly lastMs: number; readonly untilMs: number };

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const PEER: Limit = { free: 5, firstMs: MINUTE_MS, mostMs: HOUR_MS };
const ALL: Limit = { free: 60, firstMs: MINUTE_MS, mostMs: HOUR_MS };
/** Failures are forgotten when there was none for this long. */
const FORGET_MS = 24 * HOUR_MS;
/** Peers whose failures are counted. Beyond that the one that failed longest ago is forgotten. */
const PEERS = 256;

const NONE: Count = { failures: 0, lastMs: -Infinity, untilMs: -Infinity };

const failed = (before: Count, { free, firstMs, mostMs }: Limit, nowMs: number): Count => {
  const failures = 1 + (nowMs - before.lastMs < FORGET_MS ? before.failures : 0);
  const waitMs = failures < free ? 0 : Math.min(mostMs, firstMs * 2 ** (failures - free));
  return { failures, lastMs: nowMs, untilMs: nowMs + waitMs };
};

/** The groups of an IPv6 address that a network is given as a whole: the first four, 64 bits. */
const networkOf = (address: string): string => {
  const [head = "", tail] = address.replace(/%.*$/, "").split("::", 2);
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - first.length - last.length }, () => "0");
  return [...first, ...zeros, ...last].slice(0, 4).join(":");
};

/** Who counts as one peer: an IPv4 address, or an IPv6 network of 64 bits. */
export const whoIs = (peer: string): string => {
  const v4 = peer.replace(/^::ffff:(?=\d+\.)/, "");
  return v4.includes(":") ? networkOf(v4) : v4;
};

export class PinThrottle {
  readonly #peers = new Map<string, Count>();
  #all = NONE;

  /** Seconds until this peer may try again. 0: it may try now. */
  waitS(peer: string, nowMs: number): number {
    const { untilMs } = this.#peers.get(whoIs(peer)) ?? NONE;
    return Math.max(0, Math.ceil((Math.max(untilMs, this.#all.untilMs) - nowMs) / 1_000));
  }

  /** The peer gave a wrong PIN. */
  failed(peer: string, nowMs: number): void {
    const who = whoIs(peer);
    const count = failed(this.#peers.get(who) ?? NONE, PEER, nowMs);
    // The newest is last: a Map keeps the order in which its keys were added.
    this.#peers.delete(who);
    this.#peers.set(who, count);
    for (const [oldest] of [...this.#peers].slice(0, -PEERS)) this.#peers.delete(oldest);
    this.#all = failed(this.#all, ALL, nowMs);
  }

  /** The peer gave the right PIN: its failures are forgotten, but not those of all. */
  passed(peer: string): void {
    this.#peers.delete(whoIs(peer));
  }
}

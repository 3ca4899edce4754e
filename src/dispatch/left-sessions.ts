import { RESENT_MS } from "./freshness.ts";
import type { LinkFault } from "./port.ts";

/** A broker keeps the session of a unit that is away for this long (contract §2). */
const SESSION_MS = 24 * 3_600_000;
/** After so many losses of the link in a row at that moment, without a reason, two brokers count as one cluster. */
const CHANCES = 3;
/** A node closes the connection at the other one when it accepts this one. */
const AT_ONCE_MS = 2_000;
/** No session is looked into before the link's connection has lasted so long: an earlier loss has another cause. */
const STEADY_MS = 5_000;
/** Losses further apart than this are not in a row. It is twice the longest pause between two attempts. */
const IN_A_ROW_MS = 600_000;
/**
 * After this long, brokers that share their sessions are tried again. If they do share them, that costs the link a
 * connection. If it was a mistake, what dispatch has said waited until then.
 */
const SHARING_MS = 6 * 3_600_000;
const RETRY_MS = { min: 5_000, max: 300_000 };
/** The least time between two visits to a session, however often the link is lost. */
const AGAIN_MS = 60_000;

/** A broker whose session is being looked into. `connectedAt`: absent until it has accepted the connection. */
export type Asked = { readonly broker: string; readonly connectedAt?: number | undefined };

/**
 * `since`: when the unit was there last. `usedAt`: when a connection ended that may have left something
 * unacknowledged. `dueAt`: Infinity if nothing waits there.
 */
type Left = {
  readonly since: number;
  readonly usedAt: number;
  readonly dueAt: number;
  readonly pauseMs: number;
  readonly collectedAt: number;
};

/** `times`: in a row. `at`: the last time. */
type Sign = {
  readonly linked: string;
  readonly times: number;
  readonly at: number;
  readonly isSaid: boolean;
};

/**
 * The brokers at which the unit may have a session that it does not use: what dispatch said while there was no
 * coverage waits there, and the link may have come back at another broker. Pure: `now` is in milliseconds.
 */
export class LeftSessions {
  readonly #left = new Map<string, Left>();
  /** The broker at which the link is, or was last. */
  #entered: string | undefined;
  #enteredAt = -Infinity;
  /** Brokers that share their sessions with another one, and since when that is known: nothing waits there alone. */
  readonly #sharing = new Map<string, number>();
  /** By broker: the link's connection to `linked` ended when this broker was asked, so the two may share their sessions. */
  readonly #signs = new Map<string, Sign>();
  /** When the link lost a connection last. */
  #lostAt = -Infinity;
  /** The link's connection to `linked` was lost while another broker had not yet accepted one. */
  #lost: { readonly linked: string; readonly at: number } | undefined;

  /** `kept`: those at which an earlier life had one. */
  constructor(kept: readonly string[], now: number) {
    for (const broker of kept) this.left(broker, now);
  }

  /** The brokers at which the unit has a session, as far as it knows: the next life must look into them. */
  brokers(now: number): readonly string[] {
    const entered = this.#entered;
    const all = new Set([...this.#left.keys(), ...(entered === undefined ? [] : [entered])]);
    return [...all].filter((broker) => !this.#isSharing(broker, now)).toSorted();
  }

  #isSteady(now: number): boolean {
    return now - this.#enteredAt >= STEADY_MS;
  }

  #isSharing(broker: string, now: number): boolean {
    return now - (this.#sharing.get(broker) ?? -Infinity) < SHARING_MS;
  }

  /** The link is connected to the broker: it gets what waits there. */
  entered(broker: string, now: number): void {
    this.#entered = broker;
    this.#enteredAt = now;
    this.#left.delete(broker);
  }

  /** The link has lost its connection to the broker. Until it has one, dispatch may say something at any broker. */
  left(broker: string, now: number): void {
    this.#lostAt = now;
    for (const [other, left] of this.#left) {
      if (left.dueAt === Infinity)
        this.#left.set(other, { ...left, dueAt: Math.max(now, left.collectedAt + AGAIN_MS) });
    }
    if (!this.#isSharing(broker, now)) this.#add(broker, now);
  }

  #add(broker: string, now: number): void {
    this.#left.set(broker, {
      since: now,
      usedAt: now,
      dueAt: now,
      pauseMs: RETRY_MS.min,
      collectedAt: -Infinity,
    });
  }

  /** A broker whose session should be looked into now. `isTaken`: somebody else gets what waits there. */
  due(now: number, isTaken: (broker: string) => boolean): string | undefined {
    if (!this.#isSteady(now)) return undefined;
    for (const [broker, at] of this.#sharing) {
      if (now - at < SHARING_MS) continue;
      this.#sharing.delete(broker);
      if (broker !== this.#entered) this.#add(broker, now);
    }
    for (const [broker, { since, dueAt }] of this.#left) {
      if (now - since >= SESSION_MS) this.#left.delete(broker);
      else if (now >= dueAt && !isTaken(broker)) return broker;
    }
    return undefined;
  }

  /**
   * The link's connection to `linked` has ended with this code while its client id was used at another broker: nodes of a
   * cluster allow one connection for both. Returns whether the broker says so. Without a reason it may be chance.
   */
  collided(linked: string, { broker, connectedAt }: Asked, code: LinkFault, now: number): boolean {
    const isSaid = code === "taken-over";
    const isSudden = code === "lost" && this.#isSteady(now);
    this.#lost = isSudden && connectedAt === undefined ? { linked, at: now } : undefined;
    if (isSaid || (isSudden && connectedAt !== undefined && now - connectedAt < AT_ONCE_MS))
      this.#sign(broker, { linked, at: now, isSaid });
    return isSaid;
  }

  /**
   * The broker has accepted the connection, so it keeps the session for another day. If it is a node of the link's cluster,
   * the link's own connection may have been closed a moment before.
   */
  connected(broker: string, now: number): void {
    const left = this.#left.get(broker);
    if (left) this.#left.set(broker, { ...left, since: now });
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost && now - lost.at < AT_ONCE_MS) this.#sign(broker, { ...lost, at: now, isSaid: false });
  }

  #sign(broker: string, sign: Omit<Sign, "times">): void {
    const before = this.#signs.get(broker);
    const times = before && sign.at - before.at < IN_A_ROW_MS ? before.times + 1 : 1;
    this.#signs.set(broker, { ...sign, times });
  }

  /**
   * The visit that began at `began` has found nothing more. There is one more visit if another connection ended shortly
   * before, or if the link was lost since. `hasSession`: something may wait there again.
   */
  collected(broker: string, began: number, now: number, hasSession: boolean): void {
    this.#signs.delete(broker);
    const left = this.#left.get(broker);
    if (!left) return;
    if (!hasSession) {
      this.#left.delete(broker);
      return;
    }
    // Until then a broker may send again what nobody acknowledged.
    const resentAt = left.usedAt + RESENT_MS;
    const again = [now < resentAt ? resentAt : Infinity, this.#lostAt < began ? Infinity : now + AGAIN_MS];
    const dueAt = Math.min(...again);
    this.#left.set(broker, { ...left, dueAt, pauseMs: RETRY_MS.min, collectedAt: now });
  }

  /**
   * The broker could not be reached, or the connection ended before everything had come. If there were signs, the cluster
   * closed the connection when the link came back.
   */
  failed(broker: string, now: number): void {
    const left = this.#left.get(broker);
    if (!left) return;
    const sign = this.#signs.get(broker);
    if (sign && now - sign.at < IN_A_ROW_MS && (sign.isSaid || sign.times >= CHANCES)) {
      for (const one of [sign.linked, broker]) {
        this.#sharing.set(one, now);
        this.#left.delete(one);
      }
      return;
    }
    const pauseMs = Math.min(2 * left.pauseMs, RETRY_MS.max);
    this.#left.set(broker, { ...left, usedAt: now, dueAt: now + left.pauseMs, pauseMs });
  }
}

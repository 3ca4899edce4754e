import type { Visit } from "./brokers.ts";
import { LinkError } from "./port.ts";
import { TRUST_MS } from "./standing.ts";

/**
 * Whether to close an open connection because the oldest emergency on it has waited for `urgentMs`: for its answer
 * longer than `deadMs`, or longer than TRUST_MS while one waits for a place on the wire (`blocked`).
 */
export const isStuck = (
  { urgentMs, blocked }: { readonly urgentMs: number; readonly blocked: boolean },
  deadMs: number,
): boolean => urgentMs > deadMs || (blocked && urgentMs > TRUST_MS);

/** How long the broker has owed answers, in milliseconds. See `Seen`. */
export type Overdue = { readonly silentMs: number; readonly urgentMs: number };

/**
 * How long answers are overdue while a packet arrives, of which a part came `arrivedMs` ago: they wait behind the rest of it.
 * An emergency that waits for a place on the wire is not excused by that: it needs another connection.
 */
export const behindArrival = (
  { silentMs, urgentMs, blocked }: Overdue & { readonly blocked: boolean },
  arrivedMs: number,
): Overdue => ({
  silentMs: Math.min(silentMs, arrivedMs),
  urgentMs: blocked ? urgentMs : Math.min(urgentMs, arrivedMs),
});

/** What the link sees of its open connection. Times are in milliseconds. */
export type Seen = {
  readonly broker: string;
  /** The broker has answered nothing for this long. */
  readonly silentMs: number;
  /** The oldest emergency or removal has waited for its answer, or for a place on the wire, for this long. */
  readonly urgentMs: number;
  /** An emergency or a removal waits for a place on the wire. */
  readonly blocked: boolean;
  /** The broker has passed over another message for this long: later ones are acknowledged. */
  readonly lostMs: number;
  /** Nobody listens at the broker, and there is another one, or another address of its name. */
  readonly deserted: boolean;
  /** The broker refuses what the unit publishes, or nobody listens to it, and there is another one. */
  readonly useless: boolean;
  /** A report has waited long that is too large for this broker, and perhaps not for another one. */
  readonly unfit: boolean;
  /** Dispatch does not get what the broker acknowledges, and there is another one. */
  readonly unconfirmed: boolean;
};

export type GivingUp = { readonly error: LinkError; readonly left: Visit["left"] };

/** Nobody has subscribed to what the unit publishes at a broker. */
export const noListener = (broker: string): LinkError =>
  new LinkError("no-listener", `${broker}: nobody listens to this unit there`);

const refusing = (broker: string): LinkError =>
  new LinkError("unauthorised", `${broker}: it refuses what this unit publishes`);

const smallPackets = (broker: string): LinkError =>
  new LinkError("small-packets", `${broker}: a report is larger than the packets that it accepts`);

const unconfirmed = (broker: string): LinkError =>
  new LinkError("unconfirmed", `${broker}: dispatch does not get what it acknowledges`);

/**
 * Why the link gives up an open connection. Undefined: the link keeps it. `deadMs`: without any answer for
 * this long, a connection is dead. Pure.
 */
export const whyGiveUp = (seen: Seen, deadMs: number): GivingUp | undefined => {
  const stalled = (what: string, ms: number): LinkError =>
    new LinkError("stalled", `${seen.broker}: ${what} for ${Math.floor(ms / 1_000)} s`);
  // The client sends no pings while it publishes, so a dead connection is noticed only here.
  if (seen.silentMs > deadMs) return { error: stalled("nothing acknowledged", deadMs), left: undefined };
  if (seen.lostMs > deadMs)
    return { error: stalled("a message was not acknowledged", seen.lostMs), left: undefined };
  // A lost acknowledgement is repeated only on another connection.
  if (isStuck(seen, deadMs))
    return { error: stalled("an emergency was not acknowledged", seen.urgentMs), left: "unanswered" };
  if (seen.deserted) return { error: noListener(seen.broker), left: "deserted" };
  if (seen.useless) return { error: refusing(seen.broker), left: "useless" };
  if (seen.unconfirmed) return { error: unconfirmed(seen.broker), left: "unconfirmed" };
  return seen.unfit ? { error: smallPackets(seen.broker), left: "unfit" } : undefined;
};

import { isStuck, type Visit } from "./brokers.ts";
import { LinkError } from "./port.ts";

/** What the link sees of its open connection. Times are in milliseconds. */
export type Seen = {
  readonly broker: string;
  /** The broker has answered nothing for this long. */
  readonly silentMs: number;
  /** The oldest emergency or removal in flight has had no answer for this long. */
  readonly urgentMs: number;
  /** An emergency or a removal waits for a place on the wire. */
  readonly blocked: boolean;
  /** Nobody listens at the broker, and there is another one. */
  readonly deserted: boolean;
};

export type GivingUp = { readonly error: LinkError; readonly left: Visit["left"] };

/**
 * Why the link gives up an open connection. Undefined: the link keeps it. `deadMs`: without any answer for
 * this long, a connection is dead. Pure.
 */
export const whyGiveUp = (seen: Seen, deadMs: number): GivingUp | undefined => {
  const stalled = (what: string, ms: number): LinkError =>
    new LinkError("stalled", `${seen.broker}: ${what} for ${Math.floor(ms / 1_000)} s`);
  // The client sends no pings while it publishes, so a dead connection is noticed only here.
  if (seen.silentMs > deadMs) return { error: stalled("nothing acknowledged", deadMs), left: undefined };
  // A lost acknowledgement is repeated only on another connection.
  if (isStuck(seen, deadMs))
    return { error: stalled("an emergency was not acknowledged", seen.urgentMs), left: "unanswered" };
  if (!seen.deserted) return undefined;
  const error = new LinkError("no-listener", `${seen.broker}: nobody listens to this unit there`);
  return { error, left: "deserted" };
};

import type { EmergencyUpdate } from "../domain/report.ts";

/** The state of the link's own connection, for the decisions about emergencies. */
export type LinkView =
  | { readonly kind: "down" }
  | {
      readonly kind: "open";
      readonly broker: string;
      /** The broker's name has other addresses, which can be other hosts. */
      readonly elsewhere: boolean;
      /** An emergency on it has had no answer for `TRUST_MS`. */
      readonly silent: boolean;
    };

/**
 * How far the report of an emergency got. `unheard`: the link's broker has answered that it has no
 * subscriber, or that it refuses the report. `sent`: a broker with a subscriber has acknowledged it.
 */
type Reach = "waiting" | "unheard" | "sent";

/** One emergency, for the decision who carries it. */
export type EmergencyView = {
  readonly reach: Reach;
  /** Dispatch has not said that it has the episode. */
  readonly awaited: boolean;
  /** Dispatch has not acknowledged the episode: it is published again, through all brokers in turn. */
  readonly repeats: boolean;
  readonly attempt: number;
  /** Brokers that may have a retained copy. */
  readonly copies: readonly string[];
};

/** After an emergency has had no answer for this long, its connection is no longer trusted (contract §5). */
export const TRUST_MS = 5_000;

/**
 * All addresses of a broker's name have their turn within this time, while one of them is untried: with
 * TRUST_MS before it, an emergency is at a healthy one within 10 s.
 */
export const ADDRESSES_MS = 4_500;

const FIRST_REPETITION = 2;

/**
 * The brokers to which couriers carry an emergency, besides the link: all of them if the link cannot deliver it; otherwise
 * the next one in turn, at the first repetition all others, and those that have an older copy. The link's own broker is
 * one of them if another address of its name may deliver the emergency, or if its connection is not trusted any more.
 */
export const couriersFor = (
  emergency: EmergencyView,
  link: LinkView,
  brokers: readonly string[],
): readonly string[] => {
  const { reach, awaited } = emergency;
  const isTrusted = link.kind === "open" && !link.silent;
  if (!isTrusted && (reach !== "sent" || awaited)) return brokers;
  if (link.kind === "down") return brokers.filter((broker) => emergency.copies.includes(broker));
  const others = brokers.filter((broker) => broker !== link.broker);
  if (reach === "unheard") return link.elsewhere ? brokers : others;
  // The first repetition goes to all: of several brokers only one may pass it on, and 10 s are allowed for that.
  if (emergency.repeats && emergency.attempt === FIRST_REPETITION) return others;
  const turn = emergency.repeats ? others[emergency.attempt % Math.max(1, others.length)] : undefined;
  return others.filter((broker) => broker === turn || emergency.copies.includes(broker));
};

/**
 * The current report of an emergency and how far it got. Pure: `now` is in milliseconds on the clock that
 * never jumps.
 */
export type Standing = {
  readonly report: EmergencyUpdate;
  /** Brokers that may have an older retained copy. */
  readonly copies: readonly string[];
  /**
   * Since when an answer is missing: when this report, or the oldest before it without an answer, was first published. A new
   * connection begins anew.
   */
  readonly since: number;
  readonly reach: Reach;
};

/** The link's own connection. */
export type LinkState = {
  readonly broker: string;
  readonly elsewhere: boolean;
  /** For how long its oldest emergency has had no answer. */
  readonly emergencyMs: number;
  /** See `Connection`. */
  readonly arrivedMs: number;
};

/** The unit publishes a report: a new, changed or repeated one. A repetition has the `seq` of `before`. */
export const published = (
  before: Standing | undefined,
  report: EmergencyUpdate,
  copies: readonly string[],
  now: number,
): Standing =>
  before?.report.seq === report.seq
    ? { ...before, report, copies }
    : // Presses that follow each other must not put off the moment at which the connection is no longer trusted.
      { report, copies, since: before && before.reach !== "sent" ? before.since : now, reach: "waiting" };

/**
 * The link has a new connection: its broker may have a subscriber. If its name has other addresses, the time that a report
 * has waited already is subtracted, but each address has at least its share of ADDRESSES_MS.
 */
export const reconnected = (standing: Standing, otherAddresses: number, now: number): Standing => {
  const waitedMs = standing.reach === "sent" || otherAddresses === 0 ? 0 : now - standing.since;
  const trustMs = Math.max(ADDRESSES_MS / (otherAddresses + 1), TRUST_MS - waitedMs);
  return {
    ...standing,
    since: now - TRUST_MS + trustMs,
    reach: standing.reach === "sent" ? "sent" : "waiting",
  };
};

/** The link's broker has no subscriber for the report, or refuses it. */
export const unheard = (standing: Standing): Standing =>
  standing.reach === "sent" ? standing : { ...standing, reach: "unheard" };

/**
 * The link, for the decision about one emergency. It is silent if this emergency, or an earlier one, has had
 * no answer for `TRUST_MS`, whether it is in flight, queued, refused, or too large.
 */
export const viewOf = ({ since, reach }: Standing, link: LinkState | undefined, now: number): LinkView => {
  if (!link) return { kind: "down" };
  const silent = link.emergencyMs >= TRUST_MS || (reach !== "sent" && now - since >= TRUST_MS);
  return { kind: "open", broker: link.broker, elsewhere: link.elsewhere, silent };
};

/** How often a courier may close a connection of the link that answers. */
const TAKE_OVER_MS = 5_000;

/**
 * Whether a courier may use the link's client id, which closes the link's connection to that broker. It may not while
 * something arrives there, because the broker would send that again from its beginning. It may if the link gets no answer.
 * If the broker answers but refuses an open emergency (`urgent`), it may only if the name has another host, and once in
 * TAKE_OVER_MS, because everything else goes over the link. `lastMs`: since a courier did so.
 */
export const mayTakeOver = (link: LinkState, urgent: boolean, lastMs: number): boolean =>
  link.arrivedMs >= TRUST_MS &&
  (link.emergencyMs >= TRUST_MS || (urgent && link.elsewhere && lastMs >= TAKE_OVER_MS));

/** Whether a report still has to be published: no broker has delivered it, or dispatch has not said that it has it. */
export const isAwaited = ({ report, reach }: Standing): boolean =>
  reach !== "sent" || report.data.state === "active";

/**
 * The brokers that should get a report by courier. `fresh`: the report was published just now. Otherwise
 * only a report that no broker has acknowledged needs couriers.
 */
export const carriedTo = (
  { report, copies, reach }: Standing,
  view: LinkView,
  brokers: readonly string[],
  fresh: boolean,
): readonly string[] => {
  const { state, attempt, presses } = report.data;
  const awaited = state === "active";
  // Dispatch does not say which presses it has, and a broker may acknowledge and drop: a further press of an episode
  // that dispatch has acknowledged goes to all brokers at once, because it is not repeated.
  if (fresh && presses > 1 && !awaited)
    return couriersFor({ reach, awaited, repeats: true, attempt: FIRST_REPETITION, copies }, view, brokers);
  const repeats = fresh && attempt > 1 && (awaited || state === "cleared");
  return couriersFor({ reach, awaited, repeats, attempt, copies: fresh ? copies : [] }, view, brokers);
};

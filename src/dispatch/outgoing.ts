import type { EmergencyUpdate, Report } from "../domain/report.ts";
import type { Channel, Route } from "../domain/wire.ts";
import type { Flight as Paced } from "./pace.ts";

/** A retained copy of an ended episode on a topic with an earlier prefix. */
export type OldCopy = { readonly episode: string; readonly prefix: string };

/** A message of the unit to a broker. */
export type Outgoing =
  /** Birth, or with `last` the farewell. */
  | { readonly kind: "state"; readonly payload: Buffer; readonly last: boolean }
  | { readonly kind: "emergency"; readonly report: EmergencyUpdate }
  /**
   * Removes the retained copy of an episode from the broker. `final`: its last report, delivered just
   * before.
   */
  | { readonly kind: "removal"; readonly episode: string; readonly final?: EmergencyUpdate }
  /** Removes the retained copy of an ended episode from a topic with an earlier prefix. */
  | { readonly kind: "old-removal"; readonly copy: OldCopy }
  | { readonly kind: "event" | "live"; readonly report: Report }
  | { readonly kind: "history"; readonly reports: readonly Report[]; readonly payload: Buffer }
  | { readonly kind: "reply"; readonly route: Route; readonly payload: Buffer };

/** A message in flight: sent and not acknowledged. */
export type Flight = { readonly outgoing: Outgoing; readonly sentAt: number; readonly paced: Paced };

/** What an acknowledgement means for the rest of the unit. */
export type Answer =
  /** The reports were delivered to a broker. `code`: the PUBACK reason code, 0 or one that counts as such. */
  | {
      readonly kind: "delivered";
      readonly outgoing: Outgoing;
      readonly reports: readonly Report[];
      readonly code: number;
      /** How long after it was published, milliseconds. */
      readonly afterMs: number;
    }
  /** The broker has answered the removal of a copy with this PUBACK reason code. */
  | {
      readonly kind: "old-removal";
      readonly outgoing: Outgoing & { readonly kind: "old-removal" };
      readonly code: number;
    }
  /** The broker has the message, but no subscriber for it. */
  | { readonly kind: "unheard"; readonly outgoing: Outgoing }
  /** The packet is too large for the broker. It is sent again in a smaller form, if there is one. */
  | { readonly kind: "too-large"; readonly outgoing: Outgoing }
  /** The broker refuses this channel. `first`: for the first time on this connection. `topic`: that dispatch has chosen. */
  | {
      readonly kind: "refused";
      readonly channel: Channel;
      readonly code: number;
      readonly first: boolean;
      readonly topic?: string;
    };

/** Kinds of messages that must not delay an emergency by more than one message. */
export const isOrdinary = ({ kind }: Outgoing): boolean =>
  kind === "event" || kind === "live" || kind === "history" || kind === "reply" || kind === "old-removal";

/** The channel on which a message is published. */
export const channelOf = (outgoing: Outgoing): Channel => {
  if (outgoing.kind === "removal" || outgoing.kind === "old-removal") return "emergency";
  return outgoing.kind === "live" ? outgoing.report.kind : outgoing.kind;
};

/** The reports that an acknowledgement of a message delivers. */
export const reportsOf = (outgoing: Outgoing): readonly Report[] => {
  switch (outgoing.kind) {
    case "emergency":
    case "event":
    case "live":
      return [outgoing.report];
    case "history":
      return outgoing.reports;
    case "removal":
      return outgoing.final ? [outgoing.final] : [];
    case "state":
    case "reply":
    case "old-removal":
      return [];
  }
};

import type { Time } from "../runtime/ports.ts";
import type { Freshness } from "./freshness.ts";
import type { LinkEvents } from "./link-events.ts";
import type { Connection, ConnectionEvents } from "./port.ts";

/** Passes on what one connection hears, with its age. For that, the connection's owner tells what happens to it. */
export type Hearing = {
  readonly events: ConnectionEvents;
  /** The broker has accepted the connection. */
  accepted(connection: Connection): void;
  /** The broker has answered a message of the unit, after `rttMs`. */
  answered(rttMs: number): void;
};

type HearingOptions = {
  readonly freshness: Freshness;
  readonly time: Time;
  readonly on: () => Pick<LinkEvents, "message" | "oversize">;
};

/** Call it before each connection. */
export const hearing = (
  { freshness, time, on }: HearingOptions,
  broker: string,
  clientId: string,
): Hearing => {
  const arrivals = freshness.connecting(`${clientId} ${broker}`);
  return {
    events: {
      message(message) {
        const waitedMs = arrivals.came(message.repeated === true, time.mono());
        return on()
          .message(message, broker, waitedMs)
          .finally(() => arrivals.settled(time.mono()));
      },
      oversize: (topic, bytes) => on().oversize(topic, bytes),
    },
    accepted: (connection) => arrivals.accepted(connection, time.mono()),
    answered: (rttMs) => arrivals.answered(time.mono() - rttMs),
  };
};

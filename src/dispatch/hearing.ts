import type { Time } from "../runtime/ports.ts";
import type { Freshness } from "./freshness.ts";
import type { Connection, ConnectionEvents, Incoming } from "./port.ts";

/** What a connection is to report, and what its owner has to tell so that the age of messages is known. */
export type Hearing = {
  readonly events: ConnectionEvents;
  /** The broker has accepted the connection. */
  accepted(connection: Connection): void;
  /** The broker has answered a message of the unit. */
  answered(): void;
};

type Heard = {
  /** `waitedMs`: see `Freshness`. */
  readonly message: (message: Incoming, broker: string, waitedMs: number | undefined) => Promise<void>;
  readonly oversize: ConnectionEvents["oversize"];
};

/** For one connection to a broker that is about to be made with a client id. */
export const hearing = (
  { freshness, time, on }: { readonly freshness: Freshness; readonly time: Time; readonly on: () => Heard },
  broker: string,
  clientId: string,
): Hearing => {
  const arrivals = freshness.connecting(`${clientId} ${broker}`, time.mono());
  return {
    events: {
      message(message) {
        const waitedMs = arrivals.came(time.mono());
        return on()
          .message(message, broker, waitedMs)
          .finally(() => arrivals.settled(time.mono()));
      },
      oversize: (topic, bytes) => on().oversize(topic, bytes),
    },
    accepted: ({ hadSession }) => arrivals.accepted(hadSession, time.mono()),
    answered: () => arrivals.answered(time.mono()),
  };
};

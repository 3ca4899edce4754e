import type { Time, Timer } from "../runtime/ports.ts";
import { LEFT_MS, type Freshness } from "./freshness.ts";
import type { LinkEvents } from "./link-events.ts";
import type { Connection, ConnectionEvents } from "./port.ts";

/** Passes on the messages of one connection, with how long each may have waited. */
export type Hearing = {
  readonly events: ConnectionEvents;
  /** The broker has answered a message of the unit, after `rttMs`. */
  answered(rttMs: number): void;
};

type HearingOptions = {
  readonly freshness: Freshness;
  readonly time: Time;
  readonly on: () => Pick<LinkEvents, "message" | "oversize">;
};

/** Timers may be early. */
const ASK_MS = LEFT_MS + 20;

/** Call it before each connection. */
export const hearing = (
  { freshness, time, on }: HearingOptions,
  broker: string,
  clientId: string,
): Hearing => {
  const arrivals = freshness.connecting(`${clientId} ${broker}`);
  let connected: Connection | undefined;
  let asking: Timer | undefined;
  // The unit may send nothing for a minute: until then the age of a `cleared` would not be known.
  const ask = (): void => {
    if (!arrivals.isDoubtful) return;
    const askedAt = time.mono();
    connected?.ask(() => arrivals.answered(askedAt));
  };
  const settled = (): void => {
    arrivals.settled(time.mono());
    asking?.[Symbol.dispose]();
    asking = arrivals.isDoubtful ? time.after(ASK_MS, ask) : undefined;
  };
  return {
    events: {
      accepted(connection) {
        connected = connection;
        arrivals.accepted(connection, time.mono());
      },
      message(message) {
        const waitedMs = arrivals.came(message, time.mono());
        return on().message(message, broker, waitedMs).finally(settled);
      },
      oversize(topic, bytes) {
        // It is cut out and acknowledged, and counts among those that the broker sends at once.
        arrivals.came({}, time.mono());
        on().oversize(topic, bytes);
        settled();
      },
    },
    answered: (rttMs) => arrivals.answered(time.mono() - rttMs),
  };
};

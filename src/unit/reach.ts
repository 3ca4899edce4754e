import type { LinkEvents } from "../dispatch/link.ts";

/** Whether dispatch is reached: a broker has acknowledged the unit's birth on the connection that is open. */
export class Reach {
  #broker: string | undefined;
  #refusing: string | undefined;

  get reached(): boolean {
    return this.#broker !== undefined && this.#broker !== this.#refusing;
  }

  /** The events of the link, with these watched. */
  watch(events: LinkEvents): LinkEvents {
    return {
      ...events,
      up: (broker, version) => {
        this.#broker = broker;
        events.up(broker, version);
      },
      down: (error, broker, silentMs) => {
        this.#broker = undefined;
        this.#refusing = undefined;
        events.down(error, broker, silentMs);
      },
      refused: (broker, topic, why) => {
        if (topic === "state") this.#refusing = broker;
        events.refused(broker, topic, why);
      },
      accepted: (broker, topic) => {
        if (topic === "state") this.#refusing = undefined;
        events.accepted(broker, topic);
      },
    };
  }
}

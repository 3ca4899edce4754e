import type { LinkEvents } from "../dispatch/link.ts";

/** Whether dispatch is reached: a broker has acknowledged the unit's birth on the connection that is open. */
export class Reach {
  #reached = false;

  get reached(): boolean {
    return this.#reached;
  }

  /** The events of the link, with these watched. */
  watch(events: LinkEvents): LinkEvents {
    return {
      ...events,
      born: (broker) => {
        this.#reached = true;
        events.born(broker);
      },
      down: (error, broker, silentMs) => {
        this.#reached = false;
        events.down(error, broker, silentMs);
      },
    };
  }
}

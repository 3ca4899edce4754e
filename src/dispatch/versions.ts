import type { LinkFault } from "./port.ts";

/**
 * After so many hang-ups on MQTT 5 a broker is asked with 3.1.1 as well. Something between may have hung up,
 * and 3.1.1 has no reason codes: that nobody has subscribed would not be seen.
 */
const HANG_UPS = 3;
/** After so many in a row, one that has spoken MQTT 5 may have been replaced by a broker that hangs up on it. */
const REPLACED = 12;

/** Which version of MQTT each broker is asked with. Pure. */
export class Versions {
  /** Brokers that are not here have neither accepted MQTT 5 nor refused it with a code. */
  readonly #known = new Map<string, "speaks-5" | "refuses-5" | "speaks-4">();
  /** Hang-ups on MQTT 5, over all connections; of a broker that speaks it, since it last accepted one. */
  readonly #hangUps = new Map<string, number>();

  /** The version to begin with. */
  of(broker: string): 4 | 5 {
    return this.#known.get(broker) === "speaks-4" ? 4 : 5;
  }

  accepted(broker: string, version: 4 | 5): void {
    if (version === 5) {
      this.#known.set(broker, "speaks-5");
      this.#hangUps.delete(broker);
    } else if (this.#known.get(broker) === "refuses-5") this.#known.set(broker, "speaks-4");
  }

  /** The first attempt has failed. Returns whether to try 3.1.1 now. */
  failed(broker: string, code: LinkFault): boolean {
    const known = this.#known.get(broker);
    if (known === "speaks-4") return false;
    if (code === "version") this.#known.set(broker, "refuses-5");
    if (code !== "lost") return code === "version";
    const hangUps = (this.#hangUps.get(broker) ?? 0) + 1;
    this.#hangUps.set(broker, hangUps);
    return hangUps >= (known === "speaks-5" ? REPLACED : HANG_UPS);
  }
}

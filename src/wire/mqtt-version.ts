/**
 * So many hang-ups on MQTT 5 make a broker suspect that does not know it: from then on each is followed by an attempt
 * with 3.1.1. Something between may have hung up, and 3.1.1 has no reason codes: that nobody has subscribed would not be seen.
 */
const HANG_UPS = 3;
/** So many in a row make one suspect that has spoken MQTT 5: another broker may have taken its place. */
const HANG_UPS_OF_KNOWN = 12;

/** How an attempt to connect failed. `version`: the broker refused the version of MQTT. `lost`: it hung up without a word. */
export type ConnectFailure = "version" | "lost" | "other";

/** Which version of MQTT one broker is asked with; 4 is 3.1.1. Pure. */
export class MqttVersion {
  /** `unknown`: the broker has neither accepted MQTT 5 nor refused it with a code. */
  #known: "unknown" | "speaks-5" | "refuses-5" | "speaks-4" = "unknown";
  /** On MQTT 5, since the broker last accepted it. */
  #hangUps = 0;

  /** The version to begin with. */
  get first(): 4 | 5 {
    return this.#known === "speaks-4" ? 4 : 5;
  }

  accepted(version: 4 | 5): void {
    if (version === 5) {
      this.#known = "speaks-5";
      this.#hangUps = 0;
    } else if (this.#known === "refuses-5") this.#known = "speaks-4";
  }

  /** The attempt with `first` has failed. Returns whether to try 3.1.1 at once. */
  failed(how: ConnectFailure): boolean {
    if (this.#known === "speaks-4") return false;
    const limit = this.#known === "speaks-5" ? HANG_UPS_OF_KNOWN : HANG_UPS;
    if (how === "version") this.#known = "refuses-5";
    if (how !== "lost") return how === "version";
    return ++this.#hangUps >= limit;
  }
}

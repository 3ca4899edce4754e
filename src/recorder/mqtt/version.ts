/** Which version of MQTT a broker is asked with. Pure. */

/** CONNACK codes that refuse the version: MQTT 5 §3.2.2.2, MQTT 3.1.1 table 3.1. */
const REFUSES_VERSION: ReadonlySet<number> = new Set([0x84, 0x01]);
/**
 * Some brokers refuse MQTT 5 by closing the connection without an answer. After so many of these, each is followed at once
 * by an attempt with 3.1.1, until the broker accepts 5.
 */
const HANG_UPS = 3;
/** After so many in a row, one that has spoken MQTT 5 may have been replaced by a broker that hangs up on it. */
const REPLACED = 12;

export class VersionChoice {
  /** `refuses-5`: its CONNACK said so. `try-4`: it closed MQTT 5 connections without an answer; this one uses 3.1.1. */
  #state: "unknown" | "speaks-5" | "refuses-5" | "try-4" = "unknown";
  #hangUps = 0;

  get version(): 4 | 5 {
    return this.#state === "refuses-5" || this.#state === "try-4" ? 4 : 5;
  }

  accepted(): void {
    if (this.version === 5) this.#hangUps = 0;
    if (this.#state === "unknown") this.#state = "speaks-5";
  }

  /** A connection that was accepted has ended. */
  ended(): void {
    if (this.#state === "try-4") this.#state = "unknown";
  }

  /**
   * The broker was reached, but the connection was not accepted. `code` is that of its CONNACK, or undefined if
   * there was none. Returns whether to connect again at once.
   */
  failed(code: number | undefined): boolean {
    if (code !== undefined && this.version === 5 && REFUSES_VERSION.has(code)) {
      this.#state = "refuses-5";
      return true;
    }
    if (this.#state === "try-4") {
      this.#state = "unknown";
      return false;
    }
    if (code !== undefined || this.version === 4) return false;
    if (++this.#hangUps < (this.#state === "speaks-5" ? REPLACED : HANG_UPS)) return false;
    this.#state = "try-4";
    return true;
  }
}

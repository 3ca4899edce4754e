import type { Time } from "../../src/runtime/ports.ts";
import type { Observe } from "./facts.ts";

/** What is true when the unit asks for its power to be cut. */
export type Circumstances = () => {
  readonly ignition: "on" | "off" | "unknown";
  readonly emergencies: number;
};

export type PowerEvents = {
  /** The service manager asks the unit to stop. */
  shutdown(): void;
  /** The power goes. */
  cut(): void;
};

/** From the request to the cut: the service manager stops the unit within it. */
const SHUTDOWN_MS = 10_000;

/**
 * The port to the computer's own power. `systemctl poweroff --when=` can be cancelled until the
 * shutdown begins: a request says how long it waits.
 */
export class Power {
  readonly #time: Time;
  readonly #observe: Observe;
  readonly #circumstances: Circumstances;
  readonly #on: PowerEvents;
  #scheduled: Disposable | undefined;

  constructor(time: Time, observe: Observe, circumstances: Circumstances, on: PowerEvents) {
    this.#time = time;
    this.#observe = observe;
    this.#circumstances = circumstances;
    this.#on = on;
  }

  get pending(): boolean {
    return this.#scheduled !== undefined;
  }

  /** Switches the computer off in `ms`. */
  async powerOff(ms: number): Promise<void> {
    this.cancel();
    this.#scheduled = this.#time.after(ms, () => {
      this.#observe({ what: "power-off", ...this.#circumstances() });
      this.#on.shutdown();
      this.#scheduled = this.#time.after(SHUTDOWN_MS, () => {
        this.#scheduled = undefined;
        this.#on.cut();
      });
    });
  }

  cancel(): void {
    this.#scheduled?.[Symbol.dispose]();
    this.#scheduled = undefined;
  }
}

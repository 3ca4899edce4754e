import type { EventData } from "../domain/report.ts";
import {
  advancePower,
  initialPower,
  type PowerCircumstances,
  type PowerEffect,
  type PowerInput,
  type PowerSettings,
} from "../policy/power.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { PowerSwitch } from "../runtime/power-off.ts";
import type { Faults } from "./faults.ts";

export type PowerOptions = {
  /** Undefined: the computer is never switched off. */
  readonly settings: PowerSettings | undefined;
  readonly circumstances: () => PowerCircumstances;
  readonly mono: () => number;
  readonly event: (data: EventData) => void;
  readonly log: Log;
  readonly faults: Faults;
  readonly power: PowerSwitch;
};

/** Reports the ignition, and switches the computer off after it. */
export class PowerPart implements AsyncDisposable {
  readonly #options: PowerOptions;
  #state = initialPower;
  /** The requests to the service manager, one after another: a cancel must not overtake its schedule. */
  #asking = Promise.resolve();

  constructor(options: PowerOptions) {
    this.#options = options;
  }

  /** Gives the circumstances to the policy. Called about once a second. */
  look(): void {
    const { circumstances, mono } = this.#options;
    this.#give({ type: "look", circumstances: circumstances(), mono: mono() });
  }

  /** A button was pressed. Called at once, even if the press could not be stored. */
  pressed(): void {
    this.#give({ type: "press", mono: this.#options.mono() });
  }

  /** Cancels a power-off that is still to come, and waits until the service manager has answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#give({ type: "stop", mono: this.#options.mono() });
    await this.#asking;
  }

  #give(input: PowerInput): void {
    const { state, effects } = advancePower(this.#state, input, this.#options.settings);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: PowerEffect): void {
    if (effect.type !== "report") {
      this.#asking = this.#asking.then(() =>
        effect.type === "cancel" ? this.#cancel() : this.#schedule(effect.inS),
      );
      return;
    }
    this.#options.log.info(`power: ${effect.news.what}`, { part: "power" });
    this.#options.event({ type: "power", ...effect.news });
  }

  async #schedule(inS: number): Promise<void> {
    const { power, faults } = this.#options;
    try {
      await power.schedule(inS);
      faults.clear({ part: "power", code: "not-scheduled" }, "a power-off is scheduled");
    } catch (cause) {
      const why = `the computer cannot be switched off: ${reasonOf(cause).trim()}`;
      faults.raise({ part: "power", code: "not-scheduled" }, why);
    }
  }

  async #cancel(): Promise<void> {
    const { power, faults, mono } = this.#options;
    try {
      await power.cancel();
      faults.clear({ part: "power", code: "not-cancelled" }, "the power-off is cancelled");
      this.#give({ type: "cancelled", mono: mono() });
    } catch (cause) {
      const why = `a power-off cannot be cancelled: ${reasonOf(cause).trim()}`;
      faults.raise({ part: "power", code: "not-cancelled" }, why);
      this.#give({ type: "not-cancelled", mono: mono() });
    }
  }
}

import type { EventData } from "./domain/report.ts";
import {
  advancePower,
  initialPower,
  type PowerCircumstances,
  type PowerEffect,
  type PowerInput,
  type PowerSettings,
} from "./policy/power.ts";
import { reasonOf, type Log } from "./runtime/log.ts";
import type { PowerSwitch } from "./runtime/power-off.ts";

/** Reports the ignition, and has the computer switched off behind it. */
export type PowerDesk = {
  /** Looks at the circumstances; to be called about once a second. */
  look(): void;
  /** A button was pressed: to be called at once, whether or not the press could be stored. */
  pressed(): void;
};

export type PowerDeskOptions = {
  readonly settings: PowerSettings | undefined;
  readonly circumstances: () => PowerCircumstances;
  readonly mono: () => number;
  readonly event: (data: EventData) => void;
  readonly log: Log;
  readonly power: PowerSwitch;
};

const NOT_CANCELLED = "a power-off cannot be cancelled";
const NOT_OFF = "the computer cannot be switched off";

export const createPowerDesk = (options: PowerDeskOptions): PowerDesk => {
  const { event, log, mono, power, settings } = options;
  let state = initialPower;
  /** What the service manager is asked goes one after another: a cancel must not overtake its schedule. */
  let asking = Promise.resolve();

  /** What could not be done the last time it was tried: reported once, until it succeeds. */
  const failing = new Set<string>();
  const fail = (what: string, cause: unknown): void => {
    if (failing.has(what)) return;
    failing.add(what);
    const detail = `${what}: ${reasonOf(cause).trim()}`;
    log.error(detail, { part: "power" });
    event({ type: "fault", part: "power", detail });
  };
  const cancel = (): Promise<void> =>
    power.cancel().then(
      () => {
        failing.delete(NOT_CANCELLED);
        give({ type: "cancelled", mono: mono() });
      },
      (cause: unknown) => {
        fail(NOT_CANCELLED, cause);
        give({ type: "not-cancelled", mono: mono() });
      },
    );
  const schedule = (): Promise<void> =>
    power.schedule().then(
      () => void failing.delete(NOT_OFF),
      (cause: unknown) => fail(NOT_OFF, cause),
    );

  const perform = (effect: PowerEffect): void => {
    if (effect.type === "report") {
      log.info(`power: ${effect.news.what}`, { part: "power" });
      event({ type: "power", ...effect.news });
    } else asking = asking.then(effect.type === "cancel" ? cancel : schedule);
  };
  const give = (input: PowerInput): void => {
    const advanced = advancePower(state, input, settings);
    ({ state } = advanced);
    for (const effect of advanced.effects) perform(effect);
  };

  return {
    look: () => give({ type: "look", circumstances: options.circumstances(), mono: mono() }),
    pressed: () => give({ type: "press", mono: mono() }),
  };
};

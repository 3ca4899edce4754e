import type { Fitted, Power } from "../../commissioning/plan.ts";
import type { CanMapping } from "../../decode/can/mapping.ts";
import type { UnitSettings } from "../../settings/load.ts";

/** A configuration, as the list needs it. `faults`: each as a sentence. */
export type Configured = {
  readonly settings: UnitSettings;
  readonly mapping: CanMapping | undefined;
  readonly faults: Fitted["faults"];
};

const powerOf = ({ settings, faults }: Configured, tried: boolean): Power => {
  if (settings.power) return { kind: "declared", offAfterS: settings.power.offAfterS, tried };
  const fault = faults.find(({ part }) => part === "power");
  return fault ? { kind: "faulty", reason: fault.says } : { kind: "never" };
};

/** What the configuration says that the car has. */
export const fittedOf = (configured: Configured, triesPowerOff: boolean): Fitted => {
  const { settings, mapping, faults } = configured;
  const { panic, can, dispatch } = settings;
  const triable = can?.signals ?? {};
  return {
    signals: mapping?.signals.map(({ path }) => ({ path, triable: triable[path]?.triable })),
    buttons: panic === undefined ? "missing" : panic === "none" ? "none" : Object.keys(panic.buttons),
    brokers: dispatch.brokers,
    power: powerOf(configured, triesPowerOff),
    faults,
  };
};

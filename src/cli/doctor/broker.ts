import { createConnect } from "../../dispatch/mqtt.ts";
import { systemTime } from "../../runtime/time.ts";
import type { UnitSettings } from "../../settings/load.ts";
import { tryBroker } from "../../unit/try-broker.ts";
import { sound, trouble, type Finding } from "./finding.ts";

/** Whether a broker can be used. `takesBundles`: the unit has a root. */
export const findBroker = async (
  broker: string,
  settings: UnitSettings,
  takesBundles: boolean,
): Promise<Finding> => {
  const part = `broker ${broker}`;
  const { says, cure, isAbsent } = await tryBroker(broker, settings, createConnect(systemTime), takesBundles);
  return cure === undefined ? sound(part, says) : trouble(part, says, cure, isAbsent);
};

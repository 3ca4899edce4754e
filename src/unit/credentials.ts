import type { ConnectOptions } from "../dispatch/port.ts";
import { clientId, unitName } from "../domain/identity.ts";
import type { UnitSettings } from "../settings/load.ts";

/** How a unit identifies itself to its brokers. Keys that are not configured are absent. */
export const credentialsOf = ({ dispatch, unit }: UnitSettings): Omit<ConnectOptions, "will"> => ({
  clientId: clientId(unit),
  username: dispatch.username ?? unitName(unit),
  ...(dispatch.password === undefined ? {} : { password: dispatch.password }),
  ...(dispatch.ca === undefined ? {} : { ca: dispatch.ca }),
  ...(dispatch.cert === undefined ? {} : { cert: dispatch.cert }),
  ...(dispatch.key === undefined ? {} : { key: dispatch.key }),
  keepaliveS: dispatch.keepaliveS,
});

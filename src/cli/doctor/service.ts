import type * as z from "zod";
import { Snapshot } from "../../domain/snapshot.ts";
import { reasonOf } from "../../runtime/log.ts";
import type { UnitSettings } from "../../settings/load.ts";
import { addressOf, addressText, askStatus, isNobodyThere } from "../lib/ask-unit.ts";
import { sound, trouble, warning, type Finding } from "./finding.ts";

/**
 * What doctor uses of the snapshot. `link.broker`: it is connected; `link.fault`: why the last connection failed or
 * ended.
 */
const { link, gps, can, panicBoard } = Snapshot.shape;
const Service = Snapshot.pick({
  uptimeS: true,
  writtenMiB: true,
  config: true,
  at: true,
  clock: true,
  faults: true,
}).extend({
  link: link.pick({ broker: true, fault: true }).optional(),
  gps: gps.pick({ fix: true, sentences: true, fault: true }),
  can: can.unwrap().pick({ frames: true, dropped: true, state: true }).optional(),
  panicBoard: panicBoard.unwrap().pick({ connected: true, degraded: true, loops: true }).optional(),
});
export type Service = z.infer<typeof Service>;

/**
 * `service`: this unit's service runs. `none`: nothing listens at its status address. `findings`: a line on
 * the service, and what is wrong at its status address.
 */
export type Asked = {
  readonly service?: Service;
  readonly none?: true;
  readonly findings: readonly Finding[];
};

const LOOK = "systemctl status patrol-unit";
const UNKNOWN = warning("service", "it is not known whether a service runs with this configuration", LOOK);

/** `sha256`: of the configuration file as it is now. */
const serviceFindings = ({ uptimeS, config }: Service, sha256: string): Finding[] => [
  sound("service", `runs, up ${uptimeS} s`),
  ...(config === undefined || config === sha256
    ? []
    : [warning("config", "the service runs with an older file", "systemctl restart patrol-unit")]),
];

/**
 * Asks the service of the configuration for its status. If nothing listens at its status address, no
 * service runs, and the devices can be tried. A status page that is off, or has port 0, cannot be asked.
 */
export const askService = async (settings: UnitSettings, sha256: string): Promise<Asked> => {
  const { listen } = settings.status;
  if (listen === undefined || listen.endsWith(":0")) return { findings: [UNKNOWN] };
  try {
    const address = addressOf(settings);
    const { data, error } = Service.safeParse(await askStatus(address));
    if (data) return { service: data, findings: serviceFindings(data, sha256) };
    const says = `the status of ${addressText(address)} has another format (${error.issues[0]?.path.join(".")})`;
    return { findings: [trouble("status", says, "use the doctor of the service's own release"), UNKNOWN] };
  } catch (cause) {
    if (isNobodyThere(cause))
      return {
        none: true,
        findings: [warning("service", "no service runs with this configuration", LOOK)],
      };
    const cure = "stop the other program (`ss -ltnp` names it), or correct status.listen and status.pin";
    return { findings: [trouble("status", reasonOf(cause), cure), UNKNOWN] };
  }
};

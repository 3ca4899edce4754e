import type { UnitOptions } from "../../unit/start.ts";
import { createConnect } from "../../dispatch/mqtt.ts";
import { openDisk } from "../../outbox/disk.ts";
import { createClock } from "../../runtime/clock.ts";
import { compress } from "../../runtime/compress.ts";
import type { Log } from "../../runtime/log.ts";
import { createPowerSwitch } from "../../runtime/power-off.ts";
import { systemTime } from "../../runtime/time.ts";
import { configFaults, type SettingsFault } from "../../settings/fault.ts";
import type { UnitSettings } from "../../settings/load.ts";
import { openStatusServer } from "../../status/server.ts";
import { createMachineProbe } from "../../status/machine.ts";
import { certificateAt, watchExpiry } from "./expiry.ts";
import { panicBoard } from "./board.ts";

/** What a command adds to the system's own ports. */
export type Wiring = {
  readonly settings: UnitSettings;
  /** sha256 of the configuration. */
  readonly config: string;
  readonly faults: readonly SettingsFault[];
  readonly log: Log;
  readonly gps: UnitOptions["ports"]["gps"];
  readonly can: UnitOptions["ports"]["can"];
  /** The sources are recordings. */
  readonly recorded: boolean;
  readonly bundle?: UnitOptions["bundle"];
  readonly installed?: UnitOptions["installed"];
  readonly root?: UnitOptions["root"];
};

/** The options of a unit that uses the real devices, disk and network of this machine. */
export const onThisMachine = async (wiring: Wiring): Promise<UnitOptions> => {
  const { settings, config, faults, log, gps, can, recorded, bundle, installed, root } = wiring;
  const { outbox, status } = settings;
  return {
    settings,
    config,
    configFaults: configFaults(faults),
    recorded,
    ...(bundle ? { bundle } : {}),
    ...(installed ? { installed } : {}),
    ...(root ? { root } : {}),
    certificateExpiresAt: watchExpiry(settings.dispatch.cert, () => systemTime.mono()),
    certificate: () => certificateAt(settings.dispatch.cert),
    ports: {
      time: systemTime,
      random: Math.random,
      clock: createClock(),
      log,
      disk: openDisk(outbox.path),
      connect: createConnect(systemTime),
      compress,
      gps,
      board: await panicBoard(settings.panic),
      can,
      power: createPowerSwitch(process.env),
      machine: createMachineProbe(outbox.path),
      page: (on) => openStatusServer({ ...status, listen: status.listen ?? "" }, on),
    },
  };
};

import type { X509Certificate } from "node:crypto";
import type { CanMapping } from "../decode/can/mapping.ts";
import type { Connect } from "../dispatch/port.ts";
import type { ByteSource } from "../domain/bytes.ts";
import type { CanSource } from "../domain/can.ts";
import type { BoardListener, PanicBoard } from "../domain/panic.ts";
import type { InstalledSnapshot } from "../domain/snapshot.ts";
import type { Disk } from "../outbox/port.ts";
import type { DisciplinedClock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Random, Time } from "../runtime/ports.ts";
import type { PowerSwitch } from "../runtime/power-off.ts";
import type { ConfigFault } from "../settings/fault.ts";
import type { UnitSettings } from "../settings/load.ts";
import type { MachineProbe } from "../status/machine.ts";
import type { StatusActions, StatusServer } from "../status/server.ts";
import type { Compress } from "../wire/encode.ts";
import type { Place } from "./commissioning/finish.ts";

/** Everything that a unit needs from outside: the service passes the real parts, the simulation its own. */
type UnitPorts = {
  readonly time: Time;
  readonly random: Random;
  readonly clock: DisciplinedClock;
  readonly log: Log;
  readonly disk: Disk;
  readonly connect: Connect;
  readonly compress: Compress;
  readonly gps: ByteSource;
  /** Opens the panic board; undefined: there is none. */
  readonly board: ((on: BoardListener) => PanicBoard) | undefined;
  /** The vehicle's bus; undefined: there is none, or it cannot be read. */
  readonly can: { readonly source: CanSource; readonly mapping: CanMapping } | undefined;
  readonly power: PowerSwitch;
  readonly machine: MachineProbe;
  /** Rejects if the address cannot be used. */
  readonly page: (on: StatusActions) => Promise<StatusServer>;
};

export type UnitOptions = {
  readonly settings: UnitSettings;
  /** sha256 of the configuration. */
  readonly config: string;
  /** Faults of the configuration that the unit runs with. */
  readonly configFaults: readonly ConfigFault[];
  /** When the certificate in use expires, UTC milliseconds; undefined: none can be read. Absent: the unit has none. */
  readonly certificateExpiresAt?: () => number | undefined;
  /** The certificate in use. Undefined: none can be read. Absent: the unit has none. */
  readonly certificate?: () => X509Certificate | undefined;
  /** Takes a bundle from dispatch. Absent: the unit has no root to install it in, and does not ask for any. */
  readonly bundle?: (bytes: Buffer) => void;
  /** What is installed on the root. Absent: the unit does not run on one. */
  readonly installed?: () => Promise<InstalledSnapshot>;
  /** The root on which it runs, where reports of commissioning are kept. Absent: the unit does not run on one. */
  readonly root?: Place;
  /** The sources are recordings: they end, and their times are in the past. */
  readonly recorded: boolean;
  readonly ports: UnitPorts;
};

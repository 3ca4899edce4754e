import * as z from "zod";
import { HealthData } from "./report.ts";
import { ListSnapshot } from "./snapshot/commissioning.ts";
import { PastEvent, TrailHistory } from "./snapshot/histories.ts";
import {
  ActiveFault,
  BoardSnapshot,
  CanSnapshot,
  EmergencySnapshot,
  InstalledSnapshot,
  LinkSnapshot,
  OutboxSnapshot,
} from "./snapshot/parts.ts";

/**
 * What `GET /status.json` gives, and each event `snapshot` of the unit's page: the unit as it is now. The server is
 * typed by it; `status`, `doctor`, `drill` and the page read it. A unit of another release may lack what is optional
 * here and have more keys, which are ignored. It never has a password, a PIN or a key.
 */

/** The newest fix, while it is recent. */
const PositionSnapshot = z.object({
  at: z.number().optional().describe("the receiver's own time, UTC milliseconds"),
  lat: z.number(),
  lon: z.number(),
  fix: z.string().optional().describe("2d or 3d"),
  altM: z.number().optional(),
  speedKmh: z.number().optional(),
  courseDeg: z.number().optional(),
  quality: z
    .number()
    .optional()
    .describe("GGA fix quality: 1 autonomous, 2 differential, 6 dead reckoning, …"),
  satellites: z.number().optional().describe("satellites used"),
  hdop: z.number().optional(),
  accuracyM: z.number().optional().describe("metres, horizontal, 1σ"),
});

const SatelliteSnapshot = z.object({
  constellation: z.string().describe("gps, sbas, glonass, galileo, beidou, qzss or navic"),
  prn: z.number().describe("the receiver's own number for it"),
  elevationDeg: z.number().optional(),
  azimuthDeg: z.number().optional(),
  signalDbHz: z.number().optional().describe("C/N0; absent: it is not tracked"),
});

const { uptimeS, version, config, cpuPercent, rssMiB, writtenMiB, diskFreeMiB, temperatureC, gps } =
  HealthData.shape;

export const Snapshot = z.object({
  state: z.string().optional().describe("online or offline"),
  unit: z.string().describe("directorate/unit"),
  store: z.string().optional().describe("the outbox in use"),
  boot: z.number().describe("+1 at each start of the service"),
  at: z.iso.datetime().optional().describe("UTC, the unit's time"),
  clock: z.string().describe("how far to trust `at`: gnss, ntp or unset"),
  mono: z.number().optional().describe("milliseconds since the service started, as in reports"),
  version,
  vss: z.string().optional().describe("the VSS release that signals follow"),
  uptimeS,
  config: config.optional(),
  cpuPercent,
  rssMiB: rssMiB.optional(),
  writtenMiB,
  diskFreeMiB,
  temperatureC,
  certificateExpiresAt: z.string().optional(),
  installed: InstalledSnapshot.optional().describe("absent: the unit does not run on a root"),
  outbox: OutboxSnapshot,
  link: LinkSnapshot,
  gps: gps.extend({ configured: z.boolean().optional() }),
  position: PositionSnapshot.optional().describe("absent: there is no fix"),
  trail: TrailHistory.optional(),
  satellites: z.array(SatelliteSnapshot).readonly().optional().describe("in view"),
  can: CanSnapshot.optional().describe("absent: none is configured, or it cannot be read"),
  panicBoard: BoardSnapshot.optional().describe("absent: none is configured"),
  emergency: EmergencySnapshot,
  commissioning: ListSnapshot.optional().describe("absent: no list is open on the page"),
  faults: z.array(ActiveFault).readonly().default([]).describe("active now"),
  events: z.array(PastEvent).readonly().optional().describe("the last 200 of this boot, oldest first"),
});
export type Snapshot = z.infer<typeof Snapshot>;
export type {
  ActiveFault,
  BoardSnapshot,
  BrokerSnapshot,
  InstalledSnapshot,
  SignalSnapshot,
} from "./snapshot/parts.ts";

/** The event `lamp` of the unit's page: the pattern has changed. `t`: wall clock, UTC milliseconds. */
export const LampEvent = z.object({
  t: z.number(),
  lamp: z.string(),
  drill: z.boolean(),
  sounder: z.boolean().optional().describe("false: the pattern is shown without the sounder"),
});
export type LampEvent = z.infer<typeof LampEvent>;

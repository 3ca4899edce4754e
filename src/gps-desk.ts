import type { ByteSource, SourceFault } from "./domain/bytes.ts";
import type { Arrival, Fix } from "./domain/fix.ts";
import type { Satellite } from "./domain/satellite.ts";
import type { Draft, EmergencyData, EventData, HealthData, PositionData } from "./domain/report.ts";
import type { NmeaTally } from "./decode/nmea/decoder.ts";
import { readSatellites } from "./decode/nmea/people.ts";
import { SatelliteGroups } from "./decode/nmea/satellites.ts";
import {
  createPositionPolicy,
  START_KMH,
  type Circumstances,
  type PositionPolicySettings,
} from "./policy/position.ts";
import { stampFix } from "./policy/stamp.ts";
import { createScene } from "./policy/scene.ts";
import { createBackoff } from "./runtime/backoff.ts";
import type { DisciplinedClock } from "./runtime/clock.ts";
import type { Log } from "./runtime/log.ts";
import { readGps, type GpsListener, type GpsOptions } from "./sources/gps.ts";

type Otherwise = { readonly [K in keyof PositionPolicySettings]?: PositionPolicySettings[K] | undefined };

/** Reads the receiver, disciplines the clock by it, and makes reports of its fixes. */
export type GpsDesk = AsyncDisposable & {
  /** Resolves when the source has ended, which only a recording does. */
  readonly ended: Promise<void>;
  /** The newest fix, as long as it says something about now. */
  fix(): Fix | undefined;
  /** Whether the receiver sees the car move. */
  moving(): boolean;
  health(): HealthData["gps"];
  /** What is in view now, for people to look at; empty if the receiver does not say. */
  satellites(): Promise<readonly Satellite[]>;
  /** Where the car is, for an emergency. */
  scene(): Pick<EmergencyData, "position" | "track">;
  /** The next fix is reported, whatever the policy says. */
  locate(): void;
  /** Reports otherwise than configured, for a while. */
  reportFor(seconds: number, settings: Otherwise): void;
};

export type GpsDeskOptions = {
  readonly source: ByteSource;
  /** The source is a recording: it ends, and its times say nothing about now. */
  readonly recorded: boolean;
  readonly policy: PositionPolicySettings;
  readonly clock: DisciplinedClock;
  readonly log: Log;
  readonly report: (draft: Draft) => void;
  readonly event: (data: EventData) => void;
  readonly pressure: () => Promise<void> | undefined;
  readonly circumstances: () => Circumstances;
  readonly on: {
    /** The clock may know the time now. */
    fix(): void;
    /** Something that `health` shows has changed. */
    changed(): void;
  };
};

const REOPEN_MS = { min: 500, max: 15_000 };
/** No fix for this long, or three of the receiver's own intervals, is no fix. */
const FIX_LOST_MS = 5_000;
const FIX_LOST_LATEST_MS = 30_000;
const WEEK_MS = 604_800_000;

/** The configured settings, or others for a while. */
const createSettings = ({ policy, clock }: Pick<GpsDeskOptions, "policy" | "clock">) => {
  let otherwise: { settings: PositionPolicySettings; until: number } | undefined;
  return {
    current: () => (otherwise && clock.mono() < otherwise.until ? otherwise.settings : policy),
    replaceFor(this: void, seconds: number, settings: Otherwise): void {
      const given = Object.entries(settings).filter(([, value]) => value !== undefined);
      otherwise = {
        settings: { ...policy, ...Object.fromEntries(given) },
        until: clock.mono() + seconds * 1000,
      };
    },
  };
};

/** Reports what becomes of the receiver, and keeps its present fault. */
const createFaultReporter = ({ log, event, on }: Pick<GpsDeskOptions, "log" | "event" | "on">) => {
  let fault: SourceFault | undefined;
  const listener: Pick<GpsListener, "fault" | "heard" | "rollover"> = {
    fault(code, detail) {
      fault = code;
      on.changed();
      log.warn(detail, { part: "gps", fault: code });
      event({ type: "fault", part: "gps", detail });
    },
    heard(afterFault) {
      log.info("the receiver is heard", { part: "gps" });
      if (!afterFault) return;
      fault = undefined;
      on.changed();
      event({ type: "recovered", part: "gps", detail: "the receiver is heard again" });
    },
    rollover(correctionMs) {
      const weeks = correctionMs / WEEK_MS;
      const detail = `the receiver's dates are ${weeks} weeks back (week rollover) and are corrected`;
      log.warn(detail, { part: "gps" });
      event({ type: "fault", part: "gps", detail });
    },
  };
  return {
    listener,
    get fault() {
      return fault;
    },
  };
};

const readerOptions = (
  { source, clock, recorded }: GpsDeskOptions,
  tally: NmeaTally,
  sky: SatelliteGroups,
): GpsOptions => ({
  source,
  tally,
  backoff: createBackoff(REOPEN_MS.min, REOPEN_MS.max),
  now: () => clock.now().at,
  mono: () => clock.mono(),
  sentence: (sentence, mono) => sky.push(sentence, mono),
  // A recording's times say nothing about now.
  judge: recorded ? undefined : (at, mono, dated) => clock.discipline(at, mono, dated),
  once: recorded,
});

export const openGpsDesk = (options: GpsDeskOptions): GpsDesk => {
  const { clock, on } = options;
  const stop = new AbortController();
  const settings = createSettings(options);
  const policy = createPositionPolicy(settings.current);
  const scene = createScene();
  const tally: NmeaTally = { sentences: 0, fixes: 0, rejected: {} };
  let newest: { fix: Fix; mono: number } | undefined;
  let intervalMs = 1_000;
  const sky = new SatelliteGroups();
  const faults = createFaultReporter(options);
  let requested = false;

  const fix = (): Fix | undefined => {
    const patienceMs = Math.min(FIX_LOST_LATEST_MS, Math.max(FIX_LOST_MS, intervalMs * 3));
    return newest && clock.mono() - newest.mono <= patienceMs ? newest.fix : undefined;
  };

  const receive = (received: Fix, { mono, time }: Arrival): void => {
    on.fix();
    if (newest) intervalMs = mono - newest.mono;
    newest = { fix: received, mono };
    scene.see(received, mono);
    const decided = policy.decide(received, options.circumstances());
    const reason: PositionData["reason"] | undefined = decided ?? (requested ? "request" : undefined);
    if (reason === undefined) return;
    requested = false;
    scene.mark(received, mono);
    const { at, ...data } = received;
    const instant = stampFix(at, time, clock.when(mono));
    options.report({ kind: "position", data: { ...data, reason }, ...instant, mono });
  };

  const ended = readGps(
    readerOptions(options, tally, sky),
    { fix: receive, pressure: options.pressure, ...faults.listener },
    stop.signal,
  );

  return {
    ended,
    fix,
    moving: () => (fix()?.speedKmh ?? 0) >= START_KMH,
    health() {
      const now = fix();
      return {
        fix: now?.fix ?? "none",
        ...(now?.satellites === undefined ? {} : { satellites: now.satellites }),
        sentences: tally.sentences,
        rejected: { ...tally.rejected },
        ...(faults.fault === undefined ? {} : { fault: faults.fault }),
      };
    },
    satellites: () => readSatellites(sky.at(clock.mono())),
    scene: () => scene.at(clock.mono()),
    locate() {
      requested = true;
    },
    reportFor: settings.replaceFor,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
};

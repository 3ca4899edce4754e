import type { CanSource } from "./domain/can.ts";
import type { Draft, EmergencyData, EventData, HealthData } from "./domain/report.ts";
import { SourceError, type SourceFault } from "./domain/bytes.ts";
import type { CanMapping } from "./decode/can/mapping.ts";
import { createRecorder } from "./policy/recorder.ts";
import {
  createVehiclePolicy,
  type VehicleMotion,
  type VehicleReport,
  type VehicleValue,
} from "./policy/vehicle.ts";
import type { Backoff } from "./runtime/backoff.ts";
import type { DisciplinedClock } from "./runtime/clock.ts";
import { reasonOf, type Log } from "./runtime/log.ts";
import { pause } from "./runtime/wait.ts";

/** Listens to the vehicle's bus and makes reports of what it says. */
export type CanDesk = AsyncDisposable & {
  /** Resolves when the source has ended, which only a recording does. */
  readonly ended: Promise<void>;
  health(): NonNullable<HealthData["can"]>;
  /** What the car says now, for an emergency. */
  snapshot(): Pick<EmergencyData, "vehicle">;
  /** What the car says of its own movement. */
  motion(): VehicleMotion;
  /** Every value of the half minute before now, as reports that belong to an episode. */
  evidence(episode: string, test: boolean): Draft[];
  /** Dispatch may have missed something: the next report is a snapshot. */
  refresh(): void;
};

export type CanDeskOptions = {
  readonly source: CanSource;
  /** The source is a recording: it ends, and its own times count. */
  readonly recorded: boolean;
  readonly mapping: CanMapping;
  readonly backoff: Backoff;
  readonly clock: DisciplinedClock;
  readonly log: Log;
  readonly report: (draft: Draft) => void;
  readonly event: (data: EventData) => void;
  readonly pressure: () => Promise<void> | undefined;
  readonly changed: () => void;
  /** Called for each second of a recording's own time; never for a live bus. */
  readonly second: () => void;
  /** An airbag says that it has fired, or has not. */
  readonly airbag: (path: string, deployed: boolean) => void;
};

const AIRBAG = /\.Airbag\.IsDeployed$/;
/** How often a silent bus is looked at: stale signals, the ignition. */
const LOOK_MS = 1_000;
/** A longer gap in a recording is looked at only this often: everything is stale after it. */
const MOST_SECONDS = 120;

export const openCanDesk = (options: CanDeskOptions): CanDesk => {
  const { clock, log, event, mapping } = options;
  const stop = new AbortController();
  const policy = createVehiclePolicy(mapping.signals);
  const recorder = createRecorder();
  let frames = 0;
  let fault: SourceFault | undefined;
  let heard = false;
  /** The recorded time of the newest frame, seconds. */
  let recordedS = 0;

  const nowMs = (): number => (options.recorded ? recordedS * 1000 : clock.mono());

  const draft = (report: VehicleReport & { evidence?: string }, atMs: number): Draft => {
    const instant = options.recorded
      ? { at: Math.round(atMs), clock: "ntp" as const }
      : { ...clock.when(atMs), mono: Math.floor(atMs) };
    return { kind: "vehicle", data: { ...report, signals: { ...report.signals } }, ...instant };
  };
  const say = (report: VehicleReport): void => options.report(draft(report, nowMs()));
  const hear = (path: string, value: VehicleValue): void => {
    policy.hear(path, value, nowMs());
    recorder.hear(path, value, nowMs());
    if (typeof value === "boolean" && AIRBAG.test(path)) options.airbag(path, value);
  };
  const look = (last = false): void => {
    const report = policy.due(nowMs(), last);
    if (report) say(report);
  };

  let lookedS: number | undefined;
  /** What a live bus has done each second, a recording does by its own time, however fast it plays. */
  const passSeconds = (untilS: number): void => {
    if (!options.recorded) return;
    // Recordings that were put together may step back in time.
    if (lookedS === undefined || untilS < lookedS) lookedS = untilS;
    for (let n = 0; n < MOST_SECONDS && untilS - lookedS >= 1; n++) {
      lookedS++;
      recordedS = lookedS;
      look();
      options.second();
    }
    if (untilS - lookedS >= 1) lookedS = untilS;
  };

  const listen = async (): Promise<void> => {
    for await (const batch of options.source.listen(mapping.filters, stop.signal)) {
      for (const frame of batch) {
        frames++;
        passSeconds(frame.t);
        recordedS = frame.t;
        policy.alive(nowMs());
        for (const [path, value] of mapping.read(frame) ?? []) hear(path, value);
      }
      if (batch.length > 0 && !heard) {
        heard = true;
        log.info("the bus is heard", { part: "can" });
        if (fault !== undefined) event({ type: "recovered", part: "can", detail: "the bus is heard again" });
        fault = undefined;
        options.backoff.reset();
        options.changed();
      }
      look();
      // oxlint-disable-next-line no-await-in-loop -- asked again until there is room
      for (let full = options.pressure(); full; full = options.pressure()) await full;
    }
    if (!options.recorded) return;
    look(true);
    options.second();
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        heard = false;
        // oxlint-disable-next-line no-await-in-loop -- one bus, one channel at a time
        await listen();
      } catch (cause) {
        if (stop.signal.aborted) return;
        const error =
          cause instanceof SourceError ? cause : new SourceError("failed", reasonOf(cause), cause);
        if (fault !== error.code) {
          log.warn(error.message, { part: "can", fault: error.code });
          event({ type: "fault", part: "can", detail: error.message });
          options.changed();
        }
        fault = error.code;
        policy.lost();
      }
      if (options.recorded) return;
      // oxlint-disable-next-line no-await-in-loop
      await pause(options.backoff.next(), stop.signal);
    }
  };
  const ended = run();
  const timer = options.recorded ? undefined : setInterval(() => look(), LOOK_MS);

  return {
    ended,
    health: () => ({
      frames,
      dropped: options.source.dropped,
      errors: options.source.errors,
      state: fault ?? (heard ? "heard" : "silent"),
    }),
    snapshot() {
      const report = policy.snapshot(nowMs());
      return report ? { vehicle: { ...report, signals: { ...report.signals } } } : {};
    },
    // A bus that cannot be listened to is no bus that sleeps.
    motion: () => (fault === undefined ? policy.motion(nowMs()) : {}),
    evidence: (episode, test) =>
      recorder
        .take(nowMs(), test ? "drill" : "real")
        .map(({ atMs, signals }) => draft({ signals, evidence: episode }, atMs)),
    refresh: () => policy.refresh(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      clearInterval(timer);
      await ended;
    },
  };
};

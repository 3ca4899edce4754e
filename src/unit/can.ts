import type { CanMapping } from "../decode/can/mapping.ts";
import { SourceError } from "../domain/bytes.ts";
import type { CanFrame, CanSource } from "../domain/can.ts";
import { codeFor } from "../domain/faults.ts";
import type { Draft, EmergencyData, HealthData } from "../domain/report.ts";
import type { Clock } from "../domain/time.ts";
import type { SignalSnapshot } from "../domain/snapshot.ts";
import { isAirbag } from "../domain/vss.ts";
import { AirbagWatch } from "../policy/airbag.ts";
import { createRecorder } from "../policy/recorder.ts";
import {
  createVehiclePolicy,
  type VehicleMotion,
  type VehicleReport,
  type VehicleValue,
} from "../policy/vehicle.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { Random, Time, Timer } from "../runtime/ports.ts";
import { reopening, type Reopening, type Verdict } from "../runtime/reopening.ts";
import { Signal } from "../runtime/signal.ts";
import type { Faults } from "./faults.ts";

export type CanOptions = {
  readonly source: CanSource;
  readonly mapping: CanMapping;
  /** The source is a recording: it ends, and its own times are used. */
  readonly recorded: boolean;
  readonly clock: Clock;
  readonly time: Time;
  readonly random: Random;
  readonly log: Log;
  readonly faults: Faults;
  readonly report: (draft: Draft) => void;
  /** A promise to wait for before the next frames; undefined: there is room. */
  readonly pressure: () => Promise<void> | undefined;
};

/** `mono`: when the frame that says so was on the bus. */
type Airbag = { readonly path: string; readonly what: "fired" | "rearmed"; readonly mono: number };

const REOPEN_MS = { min: 500, max: 15_000 };
/** How often stale signals and the ignition are checked while the bus is silent. */
const LOOK_MS = 1_000;
/** The most seconds that are checked in one gap of a recording: after that, everything is stale. */
const MOST_SECONDS = 120;

/** Reads the vehicle's bus and makes reports of its signals. */
export class CanPart implements AsyncDisposable {
  /** Resolves when the source has ended. Only a recording ends. */
  readonly ended: Promise<void>;
  /** A second of a recording has passed. */
  readonly second = new Signal<void>();
  readonly airbag = new Signal<Airbag>();
  readonly #options: CanOptions;
  readonly #stop = new AbortController();
  readonly #policy;
  readonly #recorder = createRecorder();
  readonly #airbags = new AirbagWatch();
  readonly #running: Reopening;
  readonly #looking: Timer | undefined;
  #frames = 0;
  #state: "silent" | "heard" | { readonly fault: string } = "silent";
  /** The recorded time of the newest frame, seconds. */
  #recordedS = 0;
  #lookedS: number | undefined;
  /** When the newest frame was on the bus, on the clock of `#now`. */
  #framedAt = 0;
  /** Whether an airbag counts as fired. */
  readonly #fired: (path: string) => boolean;

  constructor(options: CanOptions, fired: (path: string) => boolean) {
    this.#options = options;
    this.#fired = fired;
    this.#policy = createVehiclePolicy(options.mapping.signals);
    const { time, random, recorded } = options;
    this.#running = reopening({
      time,
      random,
      minMs: REOPEN_MS.min,
      maxMs: REOPEN_MS.max,
      signal: this.#stop.signal,
      visit: () => this.#visit(),
    });
    this.ended = this.#running.ended;
    this.#looking = recorded ? undefined : time.every(LOOK_MS, () => this.#look());
  }

  health(): NonNullable<HealthData["can"]> {
    const { dropped, errors } = this.#options.source;
    const heard = this.#policy.awake(this.#now()) ? "heard" : "silent";
    const state = typeof this.#state === "string" ? heard : this.#state.fault;
    return { frames: this.#frames, dropped, errors, state };
  }

  /** The vehicle's signals now, for the report of an emergency. */
  snapshot(): Pick<EmergencyData, "vehicle"> {
    const report = this.#policy.snapshot(this.#now());
    return report ? { vehicle: { ...report, signals: { ...report.signals } } } : {};
  }

  /** Every mapped signal, for people. */
  signals(): readonly SignalSnapshot[] {
    const now = this.#now();
    return this.#options.mapping.signals.map(({ path, unit, source }) => ({
      path,
      ...this.#policy.look(path, now),
      ...(unit === undefined ? {} : { unit }),
      ...source,
    }));
  }

  /** The vehicle's own ignition and speed. Empty while the bus cannot be read. */
  motion(): VehicleMotion {
    return typeof this.#state === "string" ? this.#policy.motion(this.#now()) : {};
  }

  /** Every value of the last half minute, as reports that belong to an episode. */
  evidence(episode: string, test: boolean): Draft[] {
    return this.#recorder
      .take(this.#now(), test ? "drill" : "real")
      .map(({ atMs, signals }) => this.#draft({ signals, evidence: episode }, atMs));
  }

  /** Dispatch may have missed something: the next report is a snapshot. */
  refresh(): void {
    this.#policy.refresh();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#looking?.[Symbol.dispose]();
    await this.#running.ended;
  }

  #now(): number {
    return this.#options.recorded ? this.#recordedS * 1_000 : this.#options.clock.mono();
  }

  async #visit(): Promise<Verdict> {
    const { recorded, faults } = this.#options;
    let worked = false;
    try {
      worked = await this.#listen();
    } catch (cause) {
      if (this.#stop.signal.aborted) return "done";
      const error = cause instanceof SourceError ? cause : new SourceError("failed", reasonOf(cause), cause);
      worked = this.#state === "heard";
      this.#state = { fault: error.code };
      faults.raise({ part: "can", code: codeFor("can", error.code) }, error.message);
      this.#policy.lost();
    }
    if (recorded) return "done";
    return worked ? "worked" : "failed";
  }

  /** Reads until the source ends. Returns whether a frame was received. */
  async #listen(): Promise<boolean> {
    const { source, mapping, pressure, recorded } = this.#options;
    let opened = false;
    let heard = false;
    for await (const batch of source.listen(mapping.filters, this.#stop.signal)) {
      // The clocks are read once: they cost a call of the system each where the machine has no vDSO.
      const read = { mono: this.#options.clock.mono(), host: this.#options.time.host() };
      for (const frame of batch) this.#frame(frame, read);
      if (!opened) this.#opened();
      opened = true;
      if (batch.length > 0 && !heard) this.#heard();
      heard ||= batch.length > 0;
      this.#look();
      // oxlint-disable-next-line no-await-in-loop -- asked again until there is room
      for (let full = pressure(); full; full = pressure()) await full;
    }
    if (recorded) this.#look(true);
    return heard;
  }

  /** The interface is there, although the bus may be silent. Whether it is off the bus only a frame shows. */
  #opened(): void {
    if (typeof this.#state === "string" || this.#state.fault === "bus-off") return;
    this.#state = "silent";
    this.#options.faults.clear({ part: "can" }, "the interface can be read again");
  }

  #heard(): void {
    const { log, faults } = this.#options;
    if (this.#state !== "heard") log.info("frames arrive from the bus", { part: "can" });
    this.#state = "heard";
    faults.clear({ part: "can" }, "frames arrive from the bus again");
  }

  /**
   * When a frame was on the bus, on the clock of `#now`. If the process stood still, the frame waited in the
   * socket. The kernel's stamp shows how long, unless the host's clock has jumped since: then the frame would
   * be older than the one before it, or from the future.
   */
  #frameAt({ t }: CanFrame, now: number, host: number): number {
    const stamped = now - (host - t * 1_000);
    this.#framedAt = !this.#options.recorded && stamped >= this.#framedAt && stamped <= now ? stamped : now;
    return this.#framedAt;
  }

  /** `read`: when its batch was read, on both clocks. */
  #frame(frame: CanFrame, read: { readonly mono: number; readonly host: number }): void {
    this.#frames++;
    this.#passSeconds(frame.t);
    this.#recordedS = frame.t;
    const now = this.#options.recorded ? this.#now() : read.mono;
    this.#policy.alive(now);
    const framedAt = this.#frameAt(frame, now, read.host);
    for (const [path, value] of this.#options.mapping.read(frame) ?? []) {
      this.#policy.receive(path, value, now, frame.id);
      if (value !== undefined) this.#receive(path, value, framedAt);
    }
  }

  #receive(path: string, value: VehicleValue, framedAt: number): void {
    this.#recorder.add(path, value, framedAt);
    if (typeof value !== "boolean" || !isAirbag(path)) return;
    const what = this.#airbags.see(path, value, this.#fired(path));
    if (what) this.airbag.emit({ path, what, mono: Math.floor(framedAt) });
  }

  /** Does the work of each second by the recording's own time, however fast it plays. */
  #passSeconds(untilS: number): void {
    if (!this.#options.recorded) return;
    // Recordings that were put together may step back in time.
    if (this.#lookedS === undefined || untilS < this.#lookedS) this.#lookedS = untilS;
    for (let n = 0; n < MOST_SECONDS && untilS - this.#lookedS >= 1; n++) {
      this.#lookedS++;
      this.#recordedS = this.#lookedS;
      this.#look();
      this.second.emit();
    }
    if (untilS - this.#lookedS >= 1) this.#lookedS = untilS;
  }

  #look(last = false): void {
    const now = this.#now();
    const report = this.#policy.due(now, last);
    if (report) this.#options.report(this.#draft(report, now));
  }

  #draft(report: VehicleReport & { evidence?: string }, atMs: number): Draft {
    const instant = this.#options.recorded
      ? { at: Math.round(atMs), clock: "ntp" as const }
      : { ...this.#options.clock.when(atMs), mono: Math.floor(atMs) };
    return { kind: "vehicle", data: { ...report, signals: { ...report.signals } }, ...instant };
  }
}

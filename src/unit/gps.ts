import { readSatellites } from "../decode/nmea/gsv.ts";
import { SatelliteGroups } from "../decode/nmea/satellites.ts";
import type { NmeaTally } from "../decode/nmea/decoder.ts";
import type { ByteSource } from "../domain/bytes.ts";
import { codeFor } from "../domain/faults.ts";
import type { Arrival, Fix } from "../domain/fix.ts";
import type { Draft, EmergencyData, HealthData, PositionData } from "../domain/report.ts";
import type { Satellite } from "../domain/satellite.ts";
import {
  createPositionPolicy,
  START_KMH,
  type Circumstances,
  type PositionPolicySettings,
} from "../policy/position.ts";
import { createScene } from "../policy/scene.ts";
import { stampFix } from "../policy/stamp.ts";
import type { DisciplinedClock } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import type { Random, Time } from "../runtime/ports.ts";
import { Signal } from "../runtime/signal.ts";
import { readGps, type GpsListener } from "./receiver.ts";
import type { Faults } from "./faults.ts";

type Override = { readonly [K in keyof PositionPolicySettings]?: PositionPolicySettings[K] | undefined };

export type GpsOptions = {
  readonly source: ByteSource;
  /** The source is a recording: it ends, and its times are in the past. */
  readonly recorded: boolean;
  readonly policy: PositionPolicySettings;
  readonly clock: DisciplinedClock;
  readonly time: Time;
  readonly random: Random;
  readonly log: Log;
  readonly faults: Faults;
  readonly report: (draft: Draft) => void;
  /** A promise to wait for before the next chunk; undefined: there is room. */
  readonly pressure: () => Promise<void> | undefined;
  readonly circumstances: () => Circumstances;
};

/**
 * The fix is lost after this long without a new one. If three of the receiver's own intervals are longer,
 * they count instead, up to FIX_LOST_LATEST_MS.
 */
const FIX_LOST_MS = 5_000;
const FIX_LOST_LATEST_MS = 30_000;
const WEEK_MS = 604_800_000;

/** Reads the receiver, sets the clock by it, and makes reports of its fixes. */
export class GpsPart implements AsyncDisposable {
  /** Resolves when the source has ended. Only a recording ends. */
  readonly ended: Promise<void>;
  /** A fix was received: the clock may know the time now. */
  readonly fixed = new Signal<void>();
  readonly #options: GpsOptions;
  readonly #stop = new AbortController();
  readonly #policy = createPositionPolicy(() => this.#settings());
  readonly #scene = createScene();
  readonly #sky = new SatelliteGroups();
  readonly #tally: NmeaTally = { sentences: 0, fixes: 0, rejected: {} };
  #newest: { readonly fix: Fix; readonly mono: number } | undefined;
  #intervalMs = 1_000;
  #fault: string | undefined;
  #requested = false;
  #override: { readonly settings: PositionPolicySettings; readonly until: number } | undefined;

  constructor(options: GpsOptions) {
    this.#options = options;
    const { source, clock, time, random, recorded } = options;
    this.ended = readGps(
      {
        source,
        tally: this.#tally,
        time,
        random,
        now: () => clock.now().at,
        mono: () => clock.mono(),
        sentence: (sentence, mono) => this.#sky.push(sentence, mono),
        // The times of a recording must not set the clock.
        judge: recorded ? undefined : (at, mono, dated) => clock.discipline(at, mono, dated),
        once: recorded,
      },
      this.#listener(),
      this.#stop.signal,
    );
  }

  /** The newest fix, while it is recent enough. */
  fix(): Fix | undefined {
    const patienceMs = Math.min(FIX_LOST_LATEST_MS, Math.max(FIX_LOST_MS, this.#intervalMs * 3));
    const newest = this.#newest;
    return newest && this.#options.clock.mono() - newest.mono <= patienceMs ? newest.fix : undefined;
  }

  /** Whether the receiver sees the car move. */
  moving(): boolean {
    return (this.fix()?.speedKmh ?? 0) >= START_KMH;
  }

  health(): HealthData["gps"] {
    const now = this.fix();
    return {
      fix: now?.fix ?? "none",
      ...(now?.satellites === undefined ? {} : { satellites: now.satellites }),
      sentences: this.#tally.sentences,
      rejected: { ...this.#tally.rejected },
      ...(this.#fault === undefined ? {} : { fault: this.#fault }),
    };
  }

  /** The satellites in view now, for people. Empty if the receiver does not report them. */
  satellites(): Promise<readonly Satellite[]> {
    return readSatellites(this.#sky.at(this.#options.clock.mono()));
  }

  /** The car's position and track, for the report of an emergency. */
  scene(): Pick<EmergencyData, "position" | "track"> {
    return this.#scene.at(this.#options.clock.mono());
  }

  /** Reports the next fix, whatever the policy decides. */
  locate(): void {
    this.#requested = true;
  }

  /** Reports with other settings than the configured ones, for so many seconds. */
  reportFor(seconds: number, settings: Override): void {
    const given = Object.entries(settings).filter(([, value]) => value !== undefined);
    this.#override = {
      settings: { ...this.#options.policy, ...Object.fromEntries(given) },
      until: this.#options.clock.mono() + seconds * 1_000,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }

  #settings(): PositionPolicySettings {
    const override = this.#override;
    return override && this.#options.clock.mono() < override.until ? override.settings : this.#options.policy;
  }

  #listener(): GpsListener {
    const { log, faults, pressure } = this.#options;
    return {
      fix: (fix, arrival) => this.#receive(fix, arrival),
      pressure,
      fault: (code, detail) => {
        this.#fault = code;
        faults.raise({ part: "gps", code: codeFor("gps", code) }, detail);
      },
      heard: (afterFault) => {
        this.#fault = undefined;
        log.info("the receiver sends valid sentences", { part: "gps" });
        if (afterFault) faults.clear({ part: "gps" }, "the receiver sends valid sentences again");
      },
      rollover: (correctionMs) => {
        const weeks = correctionMs / WEEK_MS;
        const detail = `the receiver's dates are ${weeks} weeks in the past (week rollover) and are corrected`;
        faults.note({ part: "gps", code: "rollover" }, detail);
      },
    };
  }

  /**
   * When a fix was made, on the clock that never jumps. If the process stood still, it was read later than
   * that; its own time shows how much, if both it and the clock are trusted.
   */
  #madeAt({ at }: Fix, { mono, time }: Arrival): number {
    const read = this.#options.clock.when(mono);
    return time === "trusted" && read.clock === "gnss" ? mono - Math.max(0, read.at - at) : mono;
  }

  #receive(received: Fix, arrival: Arrival): void {
    const { clock, circumstances, report, recorded } = this.#options;
    const { mono, time } = arrival;
    const madeAt = recorded ? mono : this.#madeAt(received, arrival);
    this.fixed.emit();
    if (this.#newest) this.#intervalMs = mono - this.#newest.mono;
    this.#newest = { fix: received, mono };
    this.#scene.see(received, madeAt);
    const decided = this.#policy.decide(received, circumstances());
    const reason: PositionData["reason"] | undefined = decided ?? (this.#requested ? "request" : undefined);
    if (reason === undefined) return;
    this.#requested = false;
    this.#scene.mark(received, madeAt);
    const { at, ...data } = received;
    const instant = stampFix(at, time, clock.when(mono));
    report({ kind: "position", data: { ...data, reason }, ...instant, mono });
  }
}

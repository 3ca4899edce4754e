import { IGNITION } from "../domain/vss.ts";

/** Decides which values of the vehicle's signals become a report. Pure: time is an argument, in milliseconds. */
export type VehicleValue = number | boolean | string;

export type VehicleSignal = {
  readonly path: string;
  readonly deadband: number;
  readonly minIntervalMs: number;
  readonly staleMs: number | undefined;
};

export type VehicleReport = {
  readonly signals: Readonly<Record<string, VehicleValue>>;
  readonly stale?: string[];
};

/** A mapped signal as it stands, for people. */
type SignalNow = {
  /** The newest, even if it is stale; absent: never received, or received as unknown. */
  readonly value?: VehicleValue;
  /** Since it was received; absent: never. */
  readonly ageMs?: number;
  readonly stale: boolean;
};

/** The vehicle's own ignition and speed. Absent: unknown, or no longer current. */
export type VehicleMotion = {
  readonly ignition?: "on" | "off";
  readonly speedKmh?: number;
};

export type VehiclePolicy = {
  /**
   * A frame carried a mapped signal. `value` undefined: the frame says that the value is unknown, so an
   * earlier one is forgotten. `sender`: the id of the frame. Several control units may send one J1939 group,
   * and those that lack a signal say "not available": that does not end the value of another.
   */
  receive(path: string, value: VehicleValue | undefined, nowMs: number, sender?: number): void;
  /** A frame was received, whatever it carried. */
  alive(nowMs: number): void;
  /** Whether the bus carries frames, by the newest one. */
  awake(nowMs: number): boolean;
  /** The bus cannot be read: until the next frame nothing is known. */
  lost(): void;
  /**
   * What to report now: the values that have changed, or all values if a snapshot is due. `last`: there
   * will be no later call.
   */
  due(nowMs: number, last?: boolean): VehicleReport | undefined;
  /** Makes the next report a snapshot: dispatch may have missed something. */
  refresh(): void;
  /** Everything known now, for an emergency. */
  snapshot(nowMs: number): VehicleReport | undefined;
  motion(nowMs: number): VehicleMotion;
  /** A mapped signal, for people. */
  look(path: string, nowMs: number): SignalNow;
};

/** The shortest time between two reports, however often a signal changes. */
const BETWEEN_MS = 200;
const SNAPSHOT_MS = 600_000;
/** A bus that has been silent for this long is asleep, or not connected. */
const ASLEEP_MS = 5_000;
/** Control units fall asleep one after another: the others may send for this long after the ignition's. */
const AFTERRUN_MS = 60_000;
const SPEED = "Vehicle.Speed";
/**
 * A signal that has just lost its value is reported as stale when it has had none for this long. A value
 * at the edge of its range would otherwise make a report each time that it crosses the edge.
 */
const UNKNOWN_MS = 1_000;
/** An older speed is out of date, whatever the cycle of its signal is. */
const SPEED_MS = 5_000;
const IGNITION_ON: ReadonlySet<VehicleValue> = new Set(["ACC", "ON", "START"]);
const IGNITION_OFF: ReadonlySet<VehicleValue> = new Set(["OFF", "LOCK"]);

type Received = {
  readonly signal: VehicleSignal;
  /** Undefined: the newest frame said that the value is unknown. */
  value: VehicleValue | undefined;
  sender: number;
  receivedAt: number;
  /** When `value` became undefined. */
  unknownSince: number;
  reported: VehicleValue | undefined;
  reportedAt: number;
  staleReported: boolean;
};

/** `sinceMs`: the first frame after a silence; `lastMs`: the newest frame. */
type Bus =
  | { readonly state: "never-heard" }
  | { readonly state: "heard"; readonly sinceMs: number; readonly lastMs: number }
  | { readonly state: "lost"; readonly sinceMs: number };

const lostJustNow = ({ value, unknownSince }: Received, nowMs: number): boolean =>
  value === undefined && Math.abs(nowMs - unknownSince) < UNKNOWN_MS;

const differs = ({ signal, value, reported }: Received): boolean => {
  if (typeof value === "number" && typeof reported === "number") {
    const change = Math.abs(value - reported);
    // A value that reaches 0 is reported, however small the last step was.
    return change > 0 && (change >= signal.deadband || value === 0);
  }
  return value !== reported;
};

class VehicleSignals implements VehiclePolicy {
  readonly #signals: readonly VehicleSignal[];
  readonly #byPath: ReadonlyMap<string, VehicleSignal>;
  /** At most one entry for each mapped signal. */
  readonly #received = new Map<string, Received>();
  /** Signals that were never received, and were reported as stale. */
  readonly #missed = new Set<string>();
  #bus: Bus = { state: "never-heard" };
  #snapshotAt = -Infinity;
  #reportedAt = -Infinity;
  #wantsSnapshot = true;

  constructor(signals: readonly VehicleSignal[]) {
    this.#signals = signals;
    this.#byPath = new Map(signals.map((signal) => [signal.path, signal]));
  }

  receive(path: string, value: VehicleValue | undefined, nowMs: number, sender = 0): void {
    const known = this.#received.get(path);
    if (known) {
      if (value === undefined && sender !== known.sender) return;
      if (value === undefined && known.value !== undefined) known.unknownSince = nowMs;
      known.value = value;
      known.sender = sender;
      known.receivedAt = nowMs;
      return;
    }
    const signal = this.#byPath.get(path);
    if (!signal || value === undefined) return;
    const never = { unknownSince: nowMs, reported: undefined, reportedAt: -Infinity, staleReported: false };
    this.#received.set(path, { signal, value, sender, receivedAt: nowMs, ...never });
  }

  alive(nowMs: number): void {
    const sinceMs = this.awake(nowMs) && this.#bus.state === "heard" ? this.#bus.sinceMs : nowMs;
    this.#bus = { state: "heard", sinceMs, lastMs: nowMs };
  }

  awake(nowMs: number): boolean {
    return this.#bus.state === "heard" && nowMs - this.#bus.lastMs <= ASLEEP_MS;
  }

  lost(): void {
    if (this.#bus.state === "heard") this.#bus = { state: "lost", sinceMs: this.#bus.sinceMs };
  }

  due(nowMs: number, last = false): VehicleReport | undefined {
    // Recordings that were put together may step back in time.
    const settled = (sinceMs: number, leastMs: number) => last || Math.abs(sinceMs) >= leastMs;
    if (this.#bus.state === "never-heard" || !settled(nowMs - this.#reportedAt, BETWEEN_MS)) return undefined;
    const all = [...this.#received.values()];
    for (const one of all) {
      // A signal that has returned is reported, even if its value is the same.
      if (one.staleReported && !this.#isStale(one, nowMs)) {
        one.staleReported = false;
        one.reported = undefined;
      }
    }
    const whole = this.#wantsSnapshot || nowMs - this.#snapshotAt >= SNAPSHOT_MS;
    const fresh = all.filter((one) => !this.#isStale(one, nowMs));
    const chosen = whole
      ? fresh
      : fresh.filter((one) => differs(one) && settled(nowMs - one.reportedAt, one.signal.minIntervalMs));
    const absent = this.#neverReceived(nowMs).filter((path) => !this.#missed.has(path));
    const newlyStale =
      absent.length > 0 ||
      all.some((one) => !one.staleReported && this.#isStale(one, nowMs) && !lostJustNow(one, nowMs));
    if (chosen.length === 0 && !newlyStale) return undefined;
    this.#remember(chosen, absent, whole, nowMs);
    return this.#report(chosen, nowMs);
  }

  refresh(): void {
    this.#wantsSnapshot = true;
  }

  snapshot(nowMs: number): VehicleReport | undefined {
    const fresh = [...this.#received.values()].filter((one) => !this.#isStale(one, nowMs));
    return this.#received.size === 0 ? undefined : this.#report(fresh, nowMs);
  }

  motion(nowMs: number): VehicleMotion {
    const ignition = this.#ignition(nowMs);
    const speed = this.#received.get(SPEED);
    const speedKmh =
      speed && nowMs - speed.receivedAt <= SPEED_MS && !this.#isStale(speed, nowMs) ? speed.value : undefined;
    return {
      ...(ignition === undefined ? {} : { ignition }),
      ...(typeof speedKmh === "number" ? { speedKmh } : {}),
    };
  }

  look(path: string, nowMs: number): SignalNow {
    const known = this.#received.get(path);
    if (!known) return { stale: true };
    return {
      ...(known.value === undefined ? {} : { value: known.value }),
      ageMs: Math.max(0, Math.round(nowMs - known.receivedAt)),
      stale: this.#isStale(known, nowMs),
    };
  }

  /**
   * Silence does not mean "off": the bus may be asleep, or a plug may be pulled. If the ignition's last
   * value before the silence was OFF, it is still off, as in any parked car. While the bus carries frames
   * without the ignition's signal, the ignition is unknown. If that lasts longer than an afterrun, or the
   * signal says that it is unknown, it stays unknown through a silence.
   */
  #ignition(nowMs: number): "on" | "off" | undefined {
    const known = this.#received.get(IGNITION);
    const bus = this.#bus;
    if (known?.value === undefined || bus.state !== "heard") return undefined;
    const fresh = !this.#isStale(known, nowMs);
    if (IGNITION_ON.has(known.value)) return fresh ? "on" : undefined;
    if (!IGNITION_OFF.has(known.value)) return undefined;
    const inTime = bus.lastMs - known.receivedAt <= Math.max(known.signal.staleMs ?? Infinity, AFTERRUN_MS);
    const lastWord = !this.awake(nowMs) && known.receivedAt >= bus.sinceMs && inTime;
    return fresh || lastWord ? "off" : undefined;
  }

  /**
   * A signal whose value is unknown is stale. A signal without a cycle is stale when the bus is silent, and
   * until it is received again.
   */
  #isStale({ signal, value, receivedAt }: Received, nowMs: number): boolean {
    if (value === undefined) return true;
    if (signal.staleMs !== undefined) return nowMs - receivedAt > signal.staleMs;
    return !this.awake(nowMs) || this.#bus.state !== "heard" || receivedAt < this.#bus.sinceMs;
  }

  /** Signals that have not been received within their time since the bus was first heard. */
  #neverReceived(nowMs: number): string[] {
    const sinceMs = this.#bus.state === "never-heard" ? nowMs : this.#bus.sinceMs;
    return this.#signals
      .filter(({ path, staleMs }) => !this.#received.has(path) && nowMs - sinceMs > (staleMs ?? Infinity))
      .map(({ path }) => path);
  }

  #report(of: readonly Received[], nowMs: number): VehicleReport {
    const stale = [...this.#received.values()]
      .filter((one) => this.#isStale(one, nowMs))
      .map(({ signal }) => signal.path)
      .concat(this.#neverReceived(nowMs));
    return {
      signals: Object.fromEntries(
        of.flatMap(({ signal, value }) => (value === undefined ? [] : [[signal.path, value]])),
      ),
      ...(stale.length > 0 ? { stale } : {}),
    };
  }

  /** A signal that became stale is reported once. Its return is reported by its value. */
  #remember(chosen: readonly Received[], absent: readonly string[], whole: boolean, nowMs: number): void {
    this.#reportedAt = nowMs;
    if (whole) {
      this.#wantsSnapshot = false;
      this.#snapshotAt = nowMs;
    }
    for (const path of absent) this.#missed.add(path);
    for (const one of this.#received.values()) one.staleReported = this.#isStale(one, nowMs);
    for (const one of chosen) {
      one.reported = one.value;
      one.reportedAt = nowMs;
    }
  }
}

/** A policy for the mapped signals. It knows nothing yet, so its first report is a snapshot. */
export const createVehiclePolicy = (signals: readonly VehicleSignal[]): VehiclePolicy =>
  new VehicleSignals(signals);

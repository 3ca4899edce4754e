/** Which values of the vehicle's signals become a report. Pure: time is an argument, milliseconds. */
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

/** What the vehicle says of its own movement; absent where it does not, or no longer. */
export type VehicleMotion = {
  readonly ignition?: "on" | "off";
  readonly speedKmh?: number;
};

export type VehiclePolicy = {
  hear(path: string, value: VehicleValue, nowMs: number): void;
  /** The bus carries anything at all. */
  alive(nowMs: number): void;
  /** The bus cannot be listened to: its silence says nothing. */
  lost(): void;
  /** What is worth a report now: what has changed, or everything when a snapshot is due; `last`: nothing comes after. */
  due(nowMs: number, last?: boolean): VehicleReport | undefined;
  /** The next report is a snapshot: dispatch may have missed something. */
  refresh(): void;
  /** Everything known now, for an emergency. */
  snapshot(nowMs: number): VehicleReport | undefined;
  motion(nowMs: number): VehicleMotion;
};

/** A door that bangs makes no more reports than this. */
const BETWEEN_MS = 200;
const SNAPSHOT_MS = 600_000;
/** A bus that is silent for this long belongs to a car that is switched off. */
const ASLEEP_MS = 5_000;
const IGNITION = "Vehicle.LowVoltageSystemState";
const SPEED = "Vehicle.Speed";
/** A speed that is older says nothing about now, whatever its signal's own time is. */
const SPEED_MS = 5_000;

type Heard = {
  readonly signal: VehicleSignal;
  value: VehicleValue;
  heardAt: number;
  reported: VehicleValue | undefined;
  reportedAt: number;
  staleReported: boolean;
};

const differs = ({ signal, value, reported }: Heard): boolean => {
  if (typeof value === "number" && typeof reported === "number") {
    const change = Math.abs(value - reported);
    // That something has come to rest is news however small the step.
    return change > 0 && (change >= signal.deadband || value === 0);
  }
  return value !== reported;
};

export const createVehiclePolicy = (signals: readonly VehicleSignal[]): VehiclePolicy => {
  const byPath = new Map(signals.map((signal) => [signal.path, signal]));
  const heard = new Map<string, Heard>();
  let snapshotAt = -Infinity;
  let saidAt = -Infinity;
  let aliveAt = -Infinity;
  /** Since when the bus is heard without a pause: what it has not brought since then in its time is stale. */
  let heardSince: number | undefined;
  const missed = new Set<string>();
  let wantsSnapshot = true;
  // Where the car does not say it, a bus that is awake says that the ignition is on.
  const ignitionSignal = { path: IGNITION, deadband: 0, minIntervalMs: 0, staleMs: Infinity };
  const derivesIgnition = !byPath.has(IGNITION);

  const hear = (signal: VehicleSignal, value: VehicleValue, nowMs: number): void => {
    const known = heard.get(signal.path);
    if (known) {
      known.value = value;
      known.heardAt = nowMs;
    } else {
      const never = { reported: undefined, reportedAt: -Infinity, staleReported: false };
      heard.set(signal.path, { signal, value, heardAt: nowMs, ...never });
    }
  };

  /** A signal without a time of its own is as fresh as the bus. */
  const isStale = ({ signal, heardAt }: Heard, nowMs: number): boolean =>
    signal.staleMs === undefined
      ? nowMs - aliveAt > ASLEEP_MS || heardAt < (heardSince ?? 0)
      : nowMs - heardAt > signal.staleMs;

  const neverHeard = (nowMs: number): string[] =>
    signals
      .filter(
        ({ path, staleMs }) => !heard.has(path) && nowMs - (heardSince ?? nowMs) > (staleMs ?? Infinity),
      )
      .map(({ path }) => path);
  const stalePaths = (nowMs: number): string[] => [
    ...[...heard.values()].filter((one) => isStale(one, nowMs)).map(({ signal }) => signal.path),
    ...neverHeard(nowMs),
  ];

  const report = (of: readonly Heard[], nowMs: number): VehicleReport => {
    const stale = stalePaths(nowMs);
    return {
      signals: Object.fromEntries(of.map(({ signal, value }) => [signal.path, value])),
      ...(stale.length > 0 ? { stale } : {}),
    };
  };

  const deriveIgnition = (nowMs: number): void => {
    if (!derivesIgnition || aliveAt === -Infinity) return;
    hear(ignitionSignal, nowMs - aliveAt <= ASLEEP_MS ? "ON" : "OFF", nowMs);
  };

  return {
    hear(path, value, nowMs) {
      const signal = byPath.get(path);
      if (signal) hear(signal, value, nowMs);
    },
    alive(nowMs) {
      if (heardSince === undefined || nowMs - aliveAt > ASLEEP_MS) heardSince = nowMs;
      aliveAt = nowMs;
    },
    lost() {
      aliveAt = -Infinity;
      if (derivesIgnition) heard.delete(IGNITION);
    },
    due(nowMs, last = false) {
      deriveIgnition(nowMs);
      // Recordings that were put together may step back in time.
      const settled = (sinceMs: number, leastMs: number) => last || Math.abs(sinceMs) >= leastMs;
      if (heardSince === undefined || !settled(nowMs - saidAt, BETWEEN_MS)) return undefined;
      const all = [...heard.values()];
      for (const one of all) {
        if (!one.staleReported || isStale(one, nowMs)) continue;
        one.staleReported = false;
        one.reported = undefined;
      }
      const whole = wantsSnapshot || nowMs - snapshotAt >= SNAPSHOT_MS;
      const fresh = all.filter((one) => !isStale(one, nowMs));
      const chosen = whole
        ? fresh
        : fresh.filter((one) => differs(one) && settled(nowMs - one.reportedAt, one.signal.minIntervalMs));
      // That a signal has fallen silent is news, once; so is its return, by its value.
      const absent = neverHeard(nowMs).filter((path) => !missed.has(path));
      const newlyStale = absent.length > 0 || all.some((one) => isStale(one, nowMs) && !one.staleReported);
      if (chosen.length === 0 && !newlyStale) return undefined;
      saidAt = nowMs;
      if (whole) {
        wantsSnapshot = false;
        snapshotAt = nowMs;
      }
      for (const path of absent) missed.add(path);
      for (const one of all) one.staleReported = isStale(one, nowMs);
      for (const one of chosen) {
        one.reported = one.value;
        one.reportedAt = nowMs;
      }
      return report(chosen, nowMs);
    },
    refresh() {
      wantsSnapshot = true;
    },
    snapshot(nowMs) {
      deriveIgnition(nowMs);
      const fresh = [...heard.values()].filter((one) => !isStale(one, nowMs));
      return heard.size === 0 ? undefined : report(fresh, nowMs);
    },
    motion(nowMs) {
      deriveIgnition(nowMs);
      const ignition = heard.get(IGNITION);
      const speed = heard.get(SPEED);
      // A bus that has gone to sleep behind a mapped ignition says no more than its last word was.
      const known =
        ignition && (!isStale(ignition, nowMs) || ignition.value === "OFF" || ignition.value === "LOCK");
      return {
        ...(known ? { ignition: ignition.value === "OFF" || ignition.value === "LOCK" ? "off" : "on" } : {}),
        ...(speed &&
        nowMs - speed.heardAt <= SPEED_MS &&
        !isStale(speed, nowMs) &&
        typeof speed.value === "number"
          ? { speedKmh: speed.value }
          : {}),
      };
    },
  };
};

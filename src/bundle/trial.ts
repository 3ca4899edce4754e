import * as z from "zod";

/**
 * Trial and rollback of a configuration (contract 1.1 §8), decided from what is on disk, what was reached,
 * how often the service was started, and the time that counted. Pure.
 */

/** Crashes of the service that a new configuration may cause. */
const MAX_CRASHES = 3;
/** Configurations that stay on disk, those in use included. */
const MAX_KEPT = 5;
const MAX_FAILED = 16;
/** Results that wait to be reported. Beyond that the oldest are dropped. */
const MAX_RESULTS = 8;
/** Refused bundles that are recognised when they come again. */
const MAX_REFUSED = 8;

const version = z.int().nonnegative();

const Trial = z.object({
  version,
  /** The version to go back to: the newest that has passed its trial or was never tried. Absent: there is none. */
  previous: version.optional(),
  /** The version to go back to from `previous`, if that one was never tried. */
  beyond: version.optional(),
  /** Who signed it. */
  signer: z.string().optional(),
  crashes: z.int().nonnegative(),
  /** The service runs with it: if this is found at a start, the service has crashed or the power was cut. */
  running: z.boolean(),
  /** Of the machine, so that a power cut does not count as a crash of the service. */
  machineBoot: z.string(),
  /** Milliseconds in which dispatch could have been reached. */
  countedMs: z.number().nonnegative(),
});
export type Trial = z.infer<typeof Trial>;

/** What dispatch is told about a configuration. */
const Result = z.object({
  /** Absent: nothing in the bundle can be trusted. */
  version: version.optional(),
  ok: z.boolean(),
  error: z.string().optional(),
  signer: z.string().optional(),
  /** The version that was in force before, or to which the unit went back. */
  other: version.optional(),
});
export type Result = z.infer<typeof Result>;

/** What survives a restart, beside the configurations themselves. */
export const State = z.object({
  v: z.literal(1),
  trial: Trial.optional(),
  /** The trial that was interrupted by the one above: it goes on if the power is cut before the switch. */
  before: Trial.optional(),
  /** The previous version, if it was never tried, and where the unit goes back to from there. */
  untried: z.object({ version, previous: version }).optional(),
  /** The unit has decided to go back, and may not have done it yet. */
  going: z.object({ from: version, to: version, why: z.string() }).optional(),
  /** Versions that failed their trial or were taken back, the newest last. */
  failed: z.array(version),
  results: z.array(Result),
  /** sha256 of bundles from dispatch that were refused: the same one again is no event. */
  refused: z.array(z.string()).optional(),
});
export type State = z.infer<typeof State>;
export const NO_STATE: State = { v: 1, failed: [], results: [] };

/** The configurations of a root. Versions that are not complete are left out. */
export type Disk = {
  /** The version in force. Undefined: there is none, or what the link names is not there. */
  readonly current: number | undefined;
  /** Undefined: there is none, or it is the version in force. */
  readonly previous: number | undefined;
  readonly versions: readonly number[];
};

const withoutTrial = (state: State): State => {
  const { trial: _, ...rest } = state;
  return rest;
};
const withoutGoing = (state: State): State => {
  const { going: _, ...rest } = state;
  return rest;
};

/**
 * The state as it is for the version to which `current` points: a switch, or a way back, that was interrupted is written
 * already and not done.
 */
export const forCurrent = ({ trial, before, ...rest }: State, current: number | undefined): State => {
  const { going } = rest;
  const next = going && going.from === current ? going.to : current;
  const own = [trial, before].find((one) => one !== undefined && one.version === next);
  return own ? { ...rest, trial: own } : rest;
};

/** The trial of the version in force. */
export const trialOf = ({ current }: Disk, { trial }: State): Trial | undefined =>
  trial?.version === current ? trial : undefined;

/** The version to which a unit would go back. */
export const wayBack = (disk: Disk, state: State): number | undefined => {
  const to = trialOf(disk, state)?.previous ?? disk.previous;
  return to !== undefined && to !== disk.current && disk.versions.includes(to) ? to : undefined;
};

const reported = (state: State, result: Result): State => ({
  ...state,
  results: [...state.results, result].slice(-MAX_RESULTS),
});

/** The state with which the switch to a new version begins. `signer`: of its bundle. */
export const beginTrial = (
  disk: Disk,
  state: State,
  next: { readonly version: number; readonly signer?: string },
  machineBoot: string,
): State => {
  // If this is interrupted, everything is as before.
  const { trial: before, going } = state;
  return {
    ...(going?.from === disk.current ? state : withoutGoing(state)),
    ...(before ? { before } : {}),
    failed: state.failed.filter((one) => one !== next.version),
    trial: {
      ...next,
      ...wayBackOfNext(disk, state),
      crashes: 0,
      running: false,
      machineBoot,
      countedMs: 0,
    },
  };
};

const isTried = ({ running, crashes, countedMs }: Trial): boolean => running || crashes > 0 || countedMs > 0;

/** Where a version goes back to, and from there if that one was never tried. */
type WayBack = Pick<Trial, "previous" | "beyond">;

const way = (previous: number, beyond: number | undefined): WayBack => ({
  previous,
  ...(beyond === undefined ? {} : { beyond }),
});

/**
 * Where the next version goes back to. A version that a service tries at the moment is not one to go back to, if
 * there is another, nor is one that the unit is leaving. One that was installed and never tried is, and has its own
 * trial then.
 */
const wayBackOfNext = (disk: Disk, state: State): WayBack => {
  const { going, trial } = state;
  if (going !== undefined && going.from === disk.current && disk.versions.includes(going.to))
    return way(going.to, trial?.previous);
  const onTrial = trialOf(disk, state);
  if (onTrial?.previous !== undefined && isTried(onTrial)) return way(onTrial.previous, onTrial.beyond);
  return disk.current === undefined ? {} : way(disk.current, onTrial?.beyond ?? onTrial?.previous);
};

/** The trial of the version to which the unit goes back, if that one was never tried. */
const trialAgain = (to: number, left: Trial | undefined, { untried }: State): Pick<State, "trial"> => {
  const previous = left?.beyond ?? (untried?.version === to ? untried.previous : undefined);
  if (previous === undefined) return {};
  const machineBoot = left?.machineBoot ?? "";
  return { trial: { version: to, previous, crashes: 0, running: false, machineBoot, countedMs: 0 } };
};

/** The state with which the way back begins. Undefined: there is no version to go back to. */
export const beginGoingBack = (disk: Disk, state: State, why: string): State | undefined => {
  const to = wayBack(disk, state);
  if (to === undefined || disk.current === undefined) return undefined;
  const left = trialOf(disk, state);
  const signer = left?.signer;
  const result: Result = {
    version: disk.current,
    ok: false,
    error: why,
    other: to,
    ...(signer === undefined ? {} : { signer }),
  };
  return {
    ...reported(withoutTrial(state), result),
    ...trialAgain(to, left, state),
    going: { from: disk.current, to, why },
    failed: [...state.failed.filter((one) => one !== disk.current), disk.current].slice(-MAX_FAILED),
  };
};

/** The state after a bundle was refused, which is to be reported. `sha256`: of its bytes; undefined: it will not come again. */
export const refuseBundle = (state: State, result: Result, sha256: string | undefined): State => ({
  ...reported(state, result),
  ...(sha256 === undefined
    ? {}
    : { refused: [...(state.refused ?? []).filter((one) => one !== sha256), sha256].slice(-MAX_REFUSED) }),
});

export type Start =
  /** There is no configuration. */
  | { readonly kind: "none" }
  /** `state`: to be written before the unit starts; undefined: nothing has changed. */
  | { readonly kind: "run"; readonly state: State | undefined }
  /** `state`: to be written before the links are switched. */
  | { readonly kind: "back"; readonly to: number; readonly state: State };

const CRASHED = `the service crashed ${MAX_CRASHES} times with it`;

/** The state of a trial when the service starts with it: whether the last run with it has crashed. */
const startedAgain = (trial: Trial, machineBoot: string): Trial => ({
  ...trial,
  crashes: trial.crashes + (trial.running && trial.machineBoot === machineBoot ? 1 : 0),
  running: true,
  machineBoot,
});

/** What the service does first. `machineBoot`: an id that changes when the machine is started. */
export const atStart = (disk: Disk, state: State, machineBoot: string): Start => {
  const { going } = state;
  if (going && going.from === disk.current && disk.versions.includes(going.to))
    return { kind: "back", to: going.to, state };
  if (disk.current === undefined) {
    const { previous } = disk;
    if (previous === undefined) return { kind: "none" };
    return { kind: "back", to: previous, state: withoutTrial(withoutGoing(state)) };
  }
  const trial = trialOf(disk, state);
  if (!trial) {
    const isClean = state.trial === undefined && going === undefined;
    return { kind: "run", state: isClean ? undefined : withoutTrial(withoutGoing(state)) };
  }
  const next = { ...state, trial: startedAgain(trial, machineBoot) };
  const back = next.trial.crashes >= MAX_CRASHES ? beginGoingBack(disk, next, CRASHED) : undefined;
  return back?.going
    ? { kind: "back", to: back.going.to, state: back }
    : { kind: "run", state: withoutGoing(next) };
};

/** The trial after the service has stopped cleanly: that run has not crashed. */
export const stoppedCleanly = (state: State): State =>
  state.trial ? { ...state, trial: { ...state.trial, running: false } } : state;

/** The trial after `ms` in which dispatch could have been reached, and was not. */
export const countTime = (state: State, ms: number): State =>
  state.trial ? { ...state, trial: { ...state.trial, countedMs: state.trial.countedMs + ms } } : state;

/** Whether a trial has failed because dispatch was not reached in time. `trialMs`: how long it may take. */
export const isOverdue = (trial: Trial, trialMs: number): boolean => trial.countedMs >= trialMs;

export const notReached = (trialMs: number): string =>
  `dispatch was not reached with it within ${Math.round(trialMs / 1000)} s`;

/** The state after dispatch was reached: the configuration counts. */
export const pass = (disk: Disk, state: State): State => {
  const trial = trialOf(disk, state);
  if (!trial) return state;
  const { version: passed, previous, beyond, signer } = trial;
  const untried =
    previous === undefined || beyond === undefined
      ? {}
      : { untried: { version: previous, previous: beyond } };
  return reported(
    { ...withoutTrial(state), ...untried },
    {
      version: passed,
      ok: true,
      ...(previous === undefined ? {} : { other: previous }),
      ...(signer === undefined ? {} : { signer }),
    },
  );
};

/**
 * The results that are not among `told`, which were in the state at an earlier time. Since then the oldest may have been
 * dropped, and others were added behind them. One that is added may equal one that was told: it counts by its place.
 */
export const untold = (results: readonly Result[], told: readonly Result[]): Result[] => {
  const isSame = (one: Result, other: Result | undefined) => JSON.stringify(one) === JSON.stringify(other);
  let common = Math.min(results.length, told.length);
  while (!told.slice(told.length - common).every((one, place) => isSame(one, results[place]))) common--;
  return results.slice(common);
};

/** The state after these results were reported. */
export const withoutResults = (state: State, told: readonly Result[]): State => ({
  ...state,
  results: untold(state.results, told),
});

/** The versions to remove from the disk: all but those in use and the newest others. */
export const superfluous = ({ current, previous, versions }: Disk, state: State): number[] => {
  const { trial, untried, going } = state;
  const used = new Set([current, previous, trial?.previous, trial?.beyond, untried?.previous, going?.to]);
  const others = versions.filter((one) => !used.has(one)).toSorted((a, b) => b - a);
  const inUse = versions.length - others.length;
  return others.slice(Math.max(0, MAX_KEPT - inUse));
};

/**
 * Whether the network could have carried a report: a broker on this machine, or an interface with an address
 * of more than its own link. A broker that refuses or does not answer then counts against a configuration;
 * a modem without coverage does not.
 */
export const couldCarry = (
  brokers: readonly string[],
  addresses: readonly { readonly address: string; readonly internal: boolean }[],
): boolean =>
  brokers.some((broker) => /^mqtts?:\/\/(localhost|127\.|\[::1\])/.test(broker)) ||
  addresses.some(
    ({ address, internal }) => !internal && !address.startsWith("169.254.") && !/^fe80:/i.test(address),
  );

import { BUILT_MS, isPlausible } from "./built.ts";
import type { TimeVerdict } from "./fix.ts";
import type { Instant } from "./time.ts";

/**
 * What is known of UTC, from the receiver's fixes and the host's clock. Pure: a clock that never
 * jumps (`mono`) and the host's clock are arguments. All times are milliseconds; an offset is UTC
 * minus `mono`.
 */

/** A receiver's time this close to ours agrees with it: the rest is latency. */
const AGREE_MS = 2_000;
/**
 * A time that differs by more is wild. Receivers do make smaller steps: leap seconds when the almanac
 * arrives (18 s), or the drift of their own clock in a garage.
 */
const WILD_MS = 60_000;
/** Consistent times in a row that outvote what was known. At 1 Hz: two seconds. */
const CONFIRMATIONS = 3;
/** Against a trusted clock they must arrive over this long. Those that arrive at once have waited in a buffer. */
const CONFIRM_MS = 500;
/**
 * A time behind a trusted clock may have waited while the process stood still. A real step back goes on
 * for this long; what has waited is read in less.
 */
const STEP_BACK_MS = 5_000;
/** How fast an estimate that is too far ahead is lowered, milliseconds per millisecond. */
const RELAX = 0.0001;
/** How long the clock is trusted without the receiver: at 50 ppm it is 4 s off by then. */
export const HOLDOVER_MS = 24 * 3_600_000;

type Anchor = { readonly offset: number; readonly mono: number };

export type Timekeeping = {
  /**
   * When the receiver's time was first and last accepted. `newestAt`: the time of the newest fix that was
   * accepted, UTC. A fix is sent after it, so it cannot be older.
   */
  readonly estimate?:
    | { readonly first: Anchor; readonly last: Anchor; readonly newestAt: number }
    | undefined;
  /**
   * A time that disagrees with the estimate, or that nothing has confirmed yet: its first offset, and when
   * that arrived.
   */
  readonly rival?: (Anchor & { readonly times: number }) | undefined;
};

/** The time of a live fix. `at`: UTC; `mono`: when it was read; `dated`: a sentence since the last fix gave the date. */
export type Sighting = { readonly at: number; readonly mono: number; readonly dated: boolean };

/** One reading of the host's clock: `at` UTC at `mono`; `synchronised`: NTP disciplines it. */
export type HostReading = {
  readonly at: number;
  readonly mono: number;
  readonly synchronised: boolean;
};

export const NO_TIME: Timekeeping = {};

const fixed = ({ at, mono }: Sighting): Timekeeping => {
  const anchor = { offset: at - mono, mono };
  return { estimate: { first: anchor, last: anchor, newestAt: at } };
};

/** Between its anchors the offset is interpolated: over days the two clocks drift apart. */
const offsetAt = ({ first, last }: NonNullable<Timekeeping["estimate"]>, mono: number): number => {
  if (mono >= last.mono) return last.offset;
  if (mono <= first.mono) return first.offset;
  const part = (mono - first.mono) / (last.mono - first.mono);
  return first.offset + part * (last.offset - first.offset);
};

/**
 * UTC at `mono`, which may lie before the newest reading: from the receiver while it is trusted,
 * else from a synchronised host, else the best guess there is, marked `unset`. After the trust has
 * expired, the receiver's last time is still better than that of an unsynchronised host.
 */
export const instantAt = (
  { estimate }: Timekeeping,
  mono: number,
  host: HostReading,
  builtMs: number = BUILT_MS,
): Instant => {
  const disciplined = estimate && Math.round(offsetAt(estimate, mono) + mono);
  if (estimate && disciplined !== undefined) {
    const alone = Math.max(estimate.first.mono - mono, mono - estimate.last.mono);
    if (alone <= HOLDOVER_MS) return { at: disciplined, clock: "gnss" };
  }
  const at = Math.round(host.at - host.mono + mono);
  if (host.synchronised && isPlausible(host.at, builtMs)) return { at, clock: "ntp" };
  return { at: disciplined ?? at, clock: "unset" };
};

const agreed = (last: Anchor, sample: number, mono: number): Anchor => {
  // A fix arrives later than its instant, never earlier: the largest recent offset is the best.
  const relaxed = last.offset - Math.max(0, mono - last.mono) * RELAX;
  return { offset: Math.max(sample, relaxed), mono: Math.max(mono, last.mono) };
};

/** The verdict on a time that nothing confirms. */
const unconfirmed = (
  clock: Instant["clock"],
  offMs: number,
  plausible: boolean,
  times: number,
): TimeVerdict => {
  if (clock === "gnss" && offMs <= WILD_MS && plausible) return "trusted";
  // A time that is repeated is no glitch: the receiver has a wrong date. Only its time is ignored.
  if (clock === "unset" || offMs <= WILD_MS || times >= CONFIRMATIONS) {
    return plausible ? "unconfirmed" : "misdated";
  }
  return plausible ? "disputed" : "implausible";
};

/** The rival after a time that disagrees. A different time begins a new one. */
const rivalAfter = ({ rival }: Timekeeping, { at, mono, dated }: Sighting) => {
  const offset = at - mono;
  const times = dated ? 1 : 0;
  return rival && Math.abs(offset - rival.offset) <= AGREE_MS
    ? { ...rival, times: Math.min(rival.times + times, CONFIRMATIONS) }
    : { offset, mono, times };
};

/**
 * A live fix has been read. Returns what is known now, and how far the fix's own time can be
 * trusted.
 *
 * A time is trusted if it agrees with what is known already: the estimate, or a synchronised
 * host. Any other must come three times in a row, and be plausible, before it counts. So no
 * single wild fix sets the clock, not even the first. While the clock is trusted, a wild fix is
 * refused. While it is not, or if the receiver insists, only the time is ignored: the place
 * still counts.
 *
 * After the process stood still, the fixes of that time are read at once. Each of them is later than the
 * newest fix before it, and not in the future: it has its own time, and the clock does not follow it.
 */
export const observe = (
  state: Timekeeping,
  sighting: Sighting,
  host: HostReading,
  builtMs: number = BUILT_MS,
): { readonly state: Timekeeping; readonly verdict: TimeVerdict } => {
  const { at, mono } = sighting;
  const sample = at - mono;
  const plausible = isPlausible(at, builtMs);
  const known = instantAt(state, mono, host, builtMs);
  const { estimate } = state;
  if (plausible && estimate && Math.abs(sample - estimate.last.offset) <= AGREE_MS) {
    const last = agreed(estimate.last, sample, mono);
    return { state: { estimate: { first: estimate.first, last, newestAt: at } }, verdict: "trusted" };
  }
  const off = Math.abs(at - known.at);
  if (plausible && known.clock === "ntp" && off <= AGREE_MS)
    return { state: fixed(sighting), verdict: "trusted" };
  const rival = rivalAfter(state, sighting);
  const isBehind = known.clock === "gnss" && at < known.at;
  const lastsMs = known.clock !== "gnss" ? 0 : isBehind ? STEP_BACK_MS : CONFIRM_MS;
  if (plausible && rival.times >= CONFIRMATIONS && mono - rival.mono >= lastsMs)
    return { state: fixed(sighting), verdict: "trusted" };
  if (estimate && isBehind && at > estimate.newestAt)
    return { state: { estimate: { ...estimate, newestAt: at }, rival }, verdict: "trusted" };
  return { state: { estimate, rival }, verdict: unconfirmed(known.clock, off, plausible, rival.times) };
};

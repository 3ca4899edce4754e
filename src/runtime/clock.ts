import { existsSync } from "node:fs";
import type { Clock, Instant } from "../domain/time.ts";

/** Present while systemd-timesyncd or chrony's wait service holds the host's clock. */
const NTP_MARKERS = ["/run/systemd/timesync/synchronized", "/run/chrony/synchronized"];
/** A receiver's time further from ours than this is a step, not latency. */
const STEP_MS = 2_000;
/** Times in a row that must agree on a step. */
const STEP_SAMPLES = 3;
/** How fast an estimate that was too far ahead is given up: milliseconds a millisecond. */
const RELAX = 0.0001;

export type DisciplinedClock = Clock & {
  /** A fix of `at` has just arrived. */
  discipline(at: number): void;
};

const ntpSynchronised = (): boolean => NTP_MARKERS.some((path) => existsSync(path));

/**
 * Time from the receiver where there is one, else from NTP, else the host's, marked `unset`.
 * A fix arrives later than its instant by the receiver's and the wire's delay, never earlier: so
 * the largest recent `at - mono` is the best estimate of the offset.
 */
export const createClock = (host: () => number = Date.now): DisciplinedClock => {
  const startedAt = performance.now();
  const exact = () => performance.now() - startedAt;
  let steps = 0;
  let stepTo = Number.NaN;
  let gnss: { offset: number; mono: number } | undefined;

  const when = (mono: number): Instant => {
    if (gnss) return { at: Math.round(gnss.offset + mono), clock: "gnss" };
    const at = Math.round(host() - exact() + mono);
    return { at, clock: ntpSynchronised() ? "ntp" : "unset" };
  };

  return {
    mono: () => Math.floor(exact()),
    now: () => when(exact()),
    when,
    discipline(at) {
      const mono = exact();
      const sample = at - mono;
      if (!gnss) gnss = { offset: sample, mono };
      else if (Math.abs(sample - gnss.offset) > STEP_MS) {
        // One odd time must not move the clock; a true step says the same again.
        steps = Math.abs(sample - stepTo) <= STEP_MS ? steps + 1 : 1;
        stepTo = sample;
        if (steps >= STEP_SAMPLES) gnss = { offset: sample, mono };
      } else {
        steps = 0;
        const relaxed = gnss.offset - (mono - gnss.mono) * RELAX;
        gnss = { offset: Math.max(sample, relaxed), mono };
      }
    },
  };
};

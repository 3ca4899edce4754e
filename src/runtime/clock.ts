import { existsSync } from "node:fs";
import { BUILT_MS } from "../domain/built.ts";
import type { TimeVerdict } from "../domain/fix.ts";
import { instantAt, NO_TIME, observe, type HostReading } from "../domain/timekeeping.ts";
import type { Clock } from "../domain/time.ts";

/** These files exist while systemd-timesyncd or chrony disciplines the host's clock. */
const NTP_MARKERS = ["/run/systemd/timesync/synchronized", "/run/chrony/synchronized"];
/** The state of NTP is read at most this often, because `now()` is called for every report. */
const NTP_LOOK_MS = 1_000;

export type DisciplinedClock = Clock & {
  /**
   * A live fix with the time `at` (UTC milliseconds) arrived at `mono`. If its time is trusted, the clock
   * follows it. `dated`: a sentence since the last fix gave the date. Returns how far the time can be
   * trusted.
   */
  discipline(at: number, mono: number, dated: boolean): TimeVerdict;
};

/** The sources of time. */
export type ClockPorts = {
  /** Milliseconds that never jump, with fractions. */
  mono(): number;
  /** The host's wall clock, UTC milliseconds. */
  hostNow(): number;
  /** Whether NTP disciplines the host's clock. */
  ntpSynchronised(): boolean;
  /** Earlier times are implausible: UTC milliseconds. */
  readonly builtMs: number;
};

/** Whether NTP disciplines the host's clock. */
export const isNtpSynchronised = (): boolean => NTP_MARKERS.some((path) => existsSync(path));

const hostPorts = (): ClockPorts => {
  const startedAt = performance.now();
  return {
    mono: () => performance.now() - startedAt,
    hostNow: Date.now,
    ntpSynchronised: isNtpSynchronised,
    builtMs: BUILT_MS,
  };
};

/** The unit's clock: the decisions are those of `domain/timekeeping`. */
export const createClock = (ports: ClockPorts = hostPorts()): DisciplinedClock => {
  let known = NO_TIME;
  let ntp = { synchronised: false, lookAgain: -Infinity };

  const host = (mono: number): HostReading => {
    if (mono >= ntp.lookAgain) {
      ntp = { synchronised: ports.ntpSynchronised(), lookAgain: mono + NTP_LOOK_MS };
    }
    return { at: ports.hostNow(), mono, synchronised: ntp.synchronised };
  };
  const when = (mono: number) => instantAt(known, mono, host(ports.mono()), ports.builtMs);

  return {
    mono: () => Math.floor(ports.mono()),
    now: () => when(ports.mono()),
    when,
    discipline(at, mono, dated) {
      const sighting = { at, mono, dated };
      const { state, verdict } = observe(known, sighting, host(ports.mono()), ports.builtMs);
      known = state;
      return verdict;
    },
  };
};

import type { HealthData } from "../domain/report.ts";

export type HealthReporterOptions = {
  readonly intervalS: number;
  /** Milliseconds on a clock that never jumps. */
  readonly mono: () => number;
  readonly read: () => Promise<HealthData>;
  /** The kind of fix now: a change is reported at once. */
  readonly fix: () => HealthData["gps"]["fix"];
  readonly report: (data: HealthData) => void;
  readonly onError: (cause: unknown) => void;
};

/** Decides when `health` is reported: each interval, when it is due, and when the fix changes. */
export type HealthReporter = {
  /** Reports health at the next tick. */
  due(): void;
  /** Called about once a second. */
  tick(): void;
};

/** How early a report may be: ticks do not match the interval exactly. */
const EARLY_MS = 500;

/** A reporter whose first tick reports. */
export const createHealthReporter = (options: HealthReporterOptions): HealthReporter => {
  let due = true;
  let busy = false;
  let reportedAt = -Infinity;
  let reportedFix: HealthData["gps"]["fix"] = "none";

  const readAndReport = async (): Promise<void> => {
    busy = true;
    due = false;
    reportedAt = options.mono();
    try {
      const data = await options.read();
      reportedFix = data.gps.fix;
      options.report(data);
    } catch (cause) {
      options.onError(cause);
    } finally {
      busy = false;
    }
  };

  return {
    due() {
      due = true;
    },
    tick() {
      const late = options.mono() - reportedAt >= options.intervalS * 1000 - EARLY_MS;
      if (!busy && (due || late || options.fix() !== reportedFix)) void readAndReport();
    },
  };
};

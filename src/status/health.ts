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
  /** Something has changed: report with the next tick. */
  due(): void;
  /** Called about once a second. */
  tick(): void;
};

/** A report may be this early: ticks do not meet the interval exactly. */
const EARLY_MS = 500;

export const createHealthReporter = (options: HealthReporterOptions): HealthReporter => {
  let due = true;
  let busy = false;
  let toldAt = -Infinity;
  let toldFix: HealthData["gps"]["fix"] = "none";

  const tell = async (): Promise<void> => {
    busy = true;
    due = false;
    toldAt = options.mono();
    try {
      const data = await options.read();
      toldFix = data.gps.fix;
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
      const late = options.mono() - toldAt >= options.intervalS * 1000 - EARLY_MS;
      if (!busy && (due || late || options.fix() !== toldFix)) void tell();
    },
  };
};

import { passes, type CanFrame, type CanSource } from "../domain/can.ts";
import { parseCandumpLine } from "../decode/can/candump.ts";
import { pause } from "../runtime/wait.ts";

/** Frames of this much recorded time are given out together. */
const STEP_S = 0.01;
/** A hole in a recording is not waited out. */
const LONGEST_PAUSE_S = 10;

/**
 * A candump log in place of a bus, at `speed` times its own pace (Infinity: at once). Of a log that
 * has frames of `interface` only those are played: other buses use the same ids for other things.
 */
export const canRecordingSource = (text: string, speed: number, name: string): CanSource => ({
  dropped: 0,
  errors: 0,
  async *listen(filters, signal) {
    const begun = performance.now();
    let playedS = 0;
    let last: number | undefined;
    let batch: CanFrame[] = [];
    const several = text.includes(`) ${name} `);
    for (const line of text.split("\n")) {
      const frame = parseCandumpLine(line.trimEnd());
      if (typeof frame === "string" || (several && frame.bus !== name)) continue;
      last ??= frame.t;
      const stepS = frame.t - last;
      if (stepS >= STEP_S) {
        yield batch;
        batch = [];
        last = frame.t;
        playedS += Math.min(stepS, LONGEST_PAUSE_S) / speed;
        const aheadMs = playedS * 1000 - (performance.now() - begun);
        // oxlint-disable-next-line no-await-in-loop -- a recording plays in order
        if (aheadMs > 1) await pause(aheadMs, signal);
        if (signal.aborted) return;
      }
      if (passes(filters, frame)) batch.push(frame);
    }
    yield batch;
  },
});

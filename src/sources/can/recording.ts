import { passes, type CanFilter, type CanFrame, type CanSource } from "../../domain/can.ts";
import { parseCandumpLine } from "../../decode/can/candump.ts";
import type { Time } from "../../runtime/ports.ts";
import { pause } from "../../runtime/wait.ts";

/** Frames within this much recorded time are yielded together. */
const STEP_S = 0.01;
/** Longer gaps in a recording are shortened to this. */
const LONGEST_PAUSE_S = 10;

/** Opens a log from its beginning; each call reads it anew. */
export type OpenLines = () => AsyncIterable<readonly string[]>;

/**
 * A recording as a bus. `malformed`: the number of lines so far that are not candump lines, and the
 * number of the first one.
 */
export type CanRecording = CanSource & {
  readonly malformed: { readonly lines: number; readonly first: number | undefined };
};

/** Whether a log has frames of an interface. Reads it until the first one. */
const hasFramesOf = async (lines: AsyncIterable<readonly string[]>, name: string): Promise<boolean> => {
  const mark = `) ${name} `;
  for await (const some of lines) if (some.some((line) => line.includes(mark))) return true;
  return false;
};

/** Whether a log has any candump line. Reads it until the first one. */
export const hasCandumpLine = async (lines: AsyncIterable<readonly string[]>): Promise<boolean> => {
  for await (const some of lines)
    if (some.some((line) => parseCandumpLine(line) !== "malformed")) return true;
  return false;
};

/** Waits until a frame is due: the time between frames, divided by the speed. */
const createPacer = (speed: number, signal: AbortSignal, time: Time) => {
  const begun = time.mono();
  let playedS = 0;
  return async (stepS: number): Promise<void> => {
    playedS += Math.min(stepS, LONGEST_PAUSE_S) / speed;
    const aheadMs = playedS * 1_000 - (time.mono() - begun);
    if (aheadMs > 1) await pause(aheadMs, signal, time);
  };
};

/**
 * A candump log instead of a bus, at `speed` times its own pace (Infinity: at once). If the log has
 * frames of the interface `name`, only those are played: other buses use the same ids for other things.
 */
export const canRecordingSource = (
  open: OpenLines,
  speed: number,
  name: string,
  time: Time,
): CanRecording => {
  const malformed = { lines: 0, first: undefined as number | undefined };
  let lineNumber = 0;
  const frameOf = (line: string): CanFrame | undefined => {
    lineNumber++;
    if (line === "") return undefined;
    const frame = parseCandumpLine(line);
    if (frame === "malformed") {
      malformed.lines++;
      malformed.first ??= lineNumber;
    }
    return typeof frame === "string" ? undefined : frame;
  };
  const listen = async function* (filters: readonly CanFilter[], signal: AbortSignal) {
    const onlyNamed = await hasFramesOf(open(), name);
    const paced = createPacer(speed, signal, time);
    let last: number | undefined;
    let batch: CanFrame[] = [];
    for await (const lines of open()) {
      for (const line of lines) {
        const frame = frameOf(line);
        if (!frame || (onlyNamed && frame.bus !== name)) continue;
        last ??= frame.t;
        if (frame.t - last >= STEP_S) {
          yield batch;
          batch = [];
          // oxlint-disable-next-line no-await-in-loop -- a recording plays in order
          await paced(frame.t - last);
          last = frame.t;
          if (signal.aborted) return;
        }
        if (passes(filters, frame)) batch.push(frame);
      }
    }
    yield batch;
  };
  return { dropped: 0, errors: 0, malformed, listen };
};

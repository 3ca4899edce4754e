import type { VehicleValue } from "./vehicle.ts";

/**
 * The last half minute of the mapped signals, every value of them: what led up to a press. Pure:
 * time is an argument, milliseconds.
 */
export type Recorder = {
  hear(path: string, value: VehicleValue, nowMs: number): void;
  /** What was heard, oldest first; each value is handed out once to each taker. */
  take(nowMs: number, taker: string): Moment[];
};

/** Values of different signals that came within this time are told together, at the time of the first. */
type Moment = { readonly atMs: number; readonly signals: Readonly<Record<string, VehicleValue>> };

const KEPT_MS = 30_000;
const TOGETHER_MS = 50;
/** Values; on a bus that brings more in half a minute the oldest go. */
const LIMIT = 65_536;

type Sample = { readonly path: string; readonly value: VehicleValue; readonly atMs: number };

export const createRecorder = (): Recorder => {
  let samples: Sample[] = [];
  let head = 0;
  /** Samples before the first that is still in `samples`. */
  let gone = 0;
  const handedOut = new Map<string, number>();
  const trim = (nowMs: number): void => {
    while (head < samples.length && (samples.length - head > LIMIT || nowMs - samples[head]!.atMs > KEPT_MS))
      head++;
    if (head < LIMIT / 8 || head < samples.length / 2) return;
    samples = samples.slice(head);
    gone += head;
    head = 0;
  };
  return {
    hear(path, value, nowMs) {
      samples.push({ path, value, atMs: nowMs });
      trim(nowMs);
    },
    take(nowMs, taker) {
      trim(nowMs);
      const from = Math.max(head, (handedOut.get(taker) ?? 0) - gone);
      handedOut.set(taker, gone + samples.length);
      const moments: { atMs: number; signals: Record<string, VehicleValue> }[] = [];
      for (const { path, value, atMs } of samples.slice(from)) {
        const last = moments.at(-1);
        if (last && atMs - last.atMs < TOGETHER_MS && !Object.hasOwn(last.signals, path))
          last.signals[path] = value;
        else moments.push({ atMs, signals: { [path]: value } });
      }
      return moments;
    },
  };
};

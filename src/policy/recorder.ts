import type { VehicleValue } from "./vehicle.ts";

/**
 * Keeps every value of the mapped signals for half a minute: what led up to a press. Pure: time is
 * an argument, in milliseconds.
 */
export type Recorder = {
  add(path: string, value: VehicleValue, nowMs: number): void;
  /** The values kept, oldest first. Each `taker` gets each value once. */
  take(nowMs: number, taker: string): Moment[];
};

/** Values of different signals that came within 50 ms, at the time of the first. */
type Moment = { readonly atMs: number; readonly signals: Readonly<Record<string, VehicleValue>> };

const KEPT_MS = 30_000;
const TOGETHER_MS = 50;
/** The most values kept. If a bus brings more in half a minute, the oldest are dropped. */
const LIMIT = 65_536;

type Sample = { readonly path: string; readonly value: VehicleValue; readonly atMs: number };

/** An empty recorder. */
export const createRecorder = (): Recorder => {
  let samples: Sample[] = [];
  let head = 0;
  /** The number of samples before the first one in `samples`. */
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
    add(path, value, nowMs) {
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

import { BUILT_MS } from "../../domain/built.ts";

/**
 * GPS week numbers have ten bits on the air: a receiver with old firmware gives dates 1,024 weeks
 * (19.6 years) back. IS-GPS-200 §20.3.3.3.1.1.
 */
const ROLLOVER_MS = 1024 * 7 * 86_400_000;

/** How far our clock and a corrected date may differ for one to confirm the other. */
const CONFIRMED_MS = 7 * 86_400_000;

/**
 * The number of milliseconds to add to a receiver's time: whole rollovers, or 0.
 *
 * If our own clock can be right (it is past the build), a date is moved only if that brings it to
 * the same week: an old recording stays what it is. If our clock is in 1970, a date before the
 * build is moved past it.
 */
export const rolloverCorrectionMs = (at: number, hostAt: number, builtMs: number = BUILT_MS): number => {
  if (at >= builtMs) return 0;
  if (hostAt >= builtMs) {
    const shift = Math.max(0, Math.round((hostAt - at) / ROLLOVER_MS)) * ROLLOVER_MS;
    return Math.abs(at + shift - hostAt) <= CONFIRMED_MS ? shift : 0;
  }
  return Math.ceil((builtMs - at) / ROLLOVER_MS) * ROLLOVER_MS;
};

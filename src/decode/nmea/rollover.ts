/**
 * GPS week numbers have ten bits on the air: a receiver with old firmware gives dates 1,024 weeks
 * (19.6 years) back. IS-GPS-200 §20.3.3.3.1.1.
 */
const ROLLOVER_MS = 1024 * 7 * 86_400_000;

/** This software did not exist before: no true fix is older. */
export const FLOOR_MS = Date.UTC(2026, 10, 1);

/** How far the host's clock and a corrected date may differ for one to confirm the other. */
const CONFIRMED_MS = 7 * 86_400_000;

/**
 * The number of milliseconds to add to a receiver's time: whole rollovers, or 0.
 *
 * With a host clock that can be true (past the floor), a date is moved only if that brings it to
 * the host's own week: an old recording stays what it is. With a host clock in 1970 a date that
 * cannot be true is moved past the floor.
 */
export const rolloverCorrectionMs = (at: number, hostAt: number): number => {
  if (at >= FLOOR_MS) return 0;
  if (hostAt >= FLOOR_MS) {
    const shift = Math.max(0, Math.round((hostAt - at) / ROLLOVER_MS)) * ROLLOVER_MS;
    return Math.abs(at + shift - hostAt) <= CONFIRMED_MS ? shift : 0;
  }
  return Math.ceil((FLOOR_MS - at) / ROLLOVER_MS) * ROLLOVER_MS;
};

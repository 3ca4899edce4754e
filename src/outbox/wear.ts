/**
 * How long a memory card lasts at a rate of writing. Consumer cards bear about 1,000 erasures of
 * each cell, and write a small synced block as a much larger one of their own: both are assumptions,
 * on the careful side, and said with the figure.
 */
export const ERASURES = 1_000;
export const CARD_AMPLIFICATION = 10;

/** Years; `cardBytes`: the size of the card, `bytesPerDay`: what the host writes to it. */
export const cardYears = (cardBytes: number, bytesPerDay: number): number =>
  (cardBytes * ERASURES) / (Math.max(1, bytesPerDay) * CARD_AMPLIFICATION * 365.25);

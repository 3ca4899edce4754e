/** The stages that a press goes through, in their order. */
export const STAGES = ["stored", "sent", "received", "accepted", "cleared"] as const;

export const isStage = (name: string): name is (typeof STAGES)[number] =>
  (STAGES as readonly string[]).includes(name);

/** The scale of the bars: a thousandth of a second to two minutes, logarithmic. */
const LEAST_MS = 1;
const MOST_MS = 120_000;

/** How far along the scale a time is, 0 to 1. */
export const along = (ms: number): number => {
  const bounded = Math.max(LEAST_MS, Math.min(MOST_MS, ms));
  return Math.log(bounded / LEAST_MS) / Math.log(MOST_MS / LEAST_MS);
};

/** Marks of the scale. */
export const MARKS_MS = [1, 10, 100, 1_000, 10_000, 60_000] as const;

/** A mark of the scale: `10 ms`, `1 s`, `1 min`. */
export const shownMark = (ms: number): string => {
  if (ms < 1_000) return `${ms} ms`;
  return ms < 60_000 ? `${ms / 1_000} s` : `${ms / 60_000} min`;
};

/** `3.2 ms`, `1.4 s`. `number`: writes a number with so many decimals. */
export const shownLeg = (ms: number, number: (value: number, digits: number) => string): string => {
  if (ms < 10) return `${number(ms, 1)} ms`;
  if (ms < 1_000) return `${number(ms, 0)} ms`;
  return ms < 100_000 ? `${number(ms / 1_000, 1)} s` : `${number(ms / 1_000, 0)} s`;
};

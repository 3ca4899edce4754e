import { LAMP_LOOKS } from "../../domain/lamp-looks.ts";

export type LampName = keyof typeof LAMP_LOOKS;

/** The pattern that the lamp shows. `since`: when it began, on the page's clock that never jumps. */
export type ShownLamp = { readonly name: string; readonly drill: boolean; readonly since: number };

/** A pattern lasts 32 steps of a tenth of a second. */
export const STEP_MS = 100;

export const isLampName = (name: string): name is LampName => Object.hasOwn(LAMP_LOOKS, name);

/** Whether a lamp that began its pattern `ms` ago is lit. */
export const isLit = (lamp: LampName, ms: number): boolean => {
  const look = LAMP_LOOKS[lamp];
  return look[Math.floor(Math.max(0, ms) / STEP_MS) % look.length] === "#";
};

/**
 * How often a pattern lights up within its busiest second. WCAG 2.3.1 allows at most three flashes a second;
 * a faster pattern is shown slower.
 */
export const flashesPerSecond = (lamp: LampName): number => {
  const look = LAMP_LOOKS[lamp];
  const starts = Array.from(look, (step, n) => step === "#" && look.at(n - 1) !== "#");
  const busiest = starts.map(
    (_, from) =>
      Array.from({ length: 10 }, (__, n) => starts[(from + n) % starts.length]).filter(Boolean).length,
  );
  return Math.max(...busiest);
};

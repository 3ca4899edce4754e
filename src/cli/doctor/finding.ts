/** The result for one part. `cure`: what to do; absent if nothing is wrong. */
export type Finding = {
  readonly part: string;
  readonly says: string;
  readonly cure?: string;
  /** The device or broker is missing: exit 69, not 1. */
  readonly absent?: boolean;
};

/** A part that works. `says`: what was found. */
export const sound = (part: string, says: string): Finding => ({ part, says });

/** A part that does not work. `says`: what was found; `cure`: what to do. */
export const trouble = (part: string, says: string, cure: string, absent = false): Finding => ({
  part,
  says,
  cure,
  absent,
});

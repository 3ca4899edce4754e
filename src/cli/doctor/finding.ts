/** The result for one part. `cure`: what to do; absent if nothing has to be done. */
export type Finding = {
  readonly part: string;
  readonly says: string;
  readonly cure?: string;
  /** The device or broker is missing: exit 69, not 1. */
  readonly absent?: boolean;
  /** The configuration wants it so, but a reader should know. It does not change the exit code. */
  readonly warning?: true;
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

/** A part that the configuration leaves out. `says`: what the car lacks because of it. */
export const warning = (part: string, says: string): Finding => ({ part, says, warning: true });

/** A finding for a person to read: one line, and a second one if something has to be done. */
export const findingText = ({ part, says, cure, warning: isWarning }: Finding): string => {
  if (cure !== undefined) return `FAIL  ${part}: ${says}\n      → ${cure}\n`;
  return `${isWarning ? "warn" : "ok  "}  ${part}: ${says}\n`;
};

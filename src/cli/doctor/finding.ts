/** The result for one part. `cure`: what to do; absent if nothing has to be done. */
export type Finding = {
  readonly part: string;
  readonly says: string;
  readonly cure?: string;
  /** The device or broker is missing: exit 69, not 1. */
  readonly absent?: boolean;
  /** Nothing has failed, but a reader should know. It does not change the exit code. */
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

/** Something that a reader should know. `cure`: what to do, unless the configuration wants it so. */
export const warning = (part: string, says: string, cure?: string): Finding => ({
  part,
  says,
  ...(cure === undefined ? {} : { cure }),
  warning: true,
});

/** Whether the part does not work. */
export const isFailed = ({ cure, warning: isWarning }: Finding): boolean =>
  cure !== undefined && isWarning !== true;

/** A finding for a person to read: one line, and a second one if something has to be done. */
export const findingText = (finding: Finding): string => {
  const { part, says, cure } = finding;
  const word = isFailed(finding) ? "FAIL" : finding.warning ? "warn" : "ok  ";
  return `${word}  ${part}: ${says}\n${cure === undefined ? "" : `      → ${cure}\n`}`;
};

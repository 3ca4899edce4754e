/** What was found about one part; `cure`: what to do about it, absent if nothing is wrong. */
export type Finding = {
  readonly part: string;
  readonly says: string;
  readonly cure?: string;
  /** A device or a broker is not there, as against one that is there and does not work well. */
  readonly absent?: boolean;
};

export const sound = (part: string, says: string): Finding => ({ part, says });

export const trouble = (part: string, says: string, cure: string, absent = false): Finding => ({
  part,
  says,
  cure,
  absent,
});

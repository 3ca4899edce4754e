/** What a technician reads of a version on trial, and when its trial has ended. Pure. */

type OnTrial = {
  readonly version: number;
  readonly recipient: string;
  readonly signer: string;
  readonly trialS: number;
};

/** What is said of a version that begins its trial. */
export const onTrialPhrase = ({ version, recipient, signer, trialS }: OnTrial): string =>
  `version ${version} for ${recipient}, signed by ${signer}, is installed, on trial for ${trialS} s`;

/** How a trial ended. `why`, `to`: of a version that was taken back, and the version that is in force again. */
export type Ending =
  | { readonly kind: "passed" }
  | { readonly kind: "back"; readonly why: string; readonly to: number };

const ON_TRIAL = /^(version (\d+) .*), is installed, on trial for \d+ s$/;

/** The phrase of a version whose trial has ended. Undefined: `phrase` is not that of this version on trial. */
export const endedPhrase = (phrase: string, version: number, ending: Ending): string | undefined => {
  const [, what, digits] = ON_TRIAL.exec(phrase) ?? [];
  if (what === undefined || Number(digits) !== version) return undefined;
  return ending.kind === "passed"
    ? `${what}, is in force: dispatch was reached with it`
    : `${what}, was taken back: ${ending.why}`;
};

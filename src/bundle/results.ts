import { join } from "node:path";
import { replaceFile, type Files } from "./port.ts";

/** The results of bundles from a stick: one line beside each, for a technician (contract §8). */

export const RESULT = ".result";
/** Files of the inbox that are looked at. */
const MAX_RESULTS = 256;
/** A result is one line. What is longer is none. */
const MAX_RESULT_BYTES = 4096;

const ON_TRIAL = /^done: (version (\d+) .*), is installed, on trial for \d+ s$/;

/** The line for a version that begins its trial. `what`: version, recipient and signer. */
export const onTrialLine = (what: string, trialS: number): string =>
  `done: ${what}, is installed, on trial for ${trialS} s`;

/** How a trial ended. `why`: a version that was taken back. */
export type Ending = { readonly kind: "passed" } | { readonly kind: "back"; readonly why: string };

/** The line of a version whose trial has ended. Undefined: `line` is not that of this version on trial. */
const endedLine = (line: string, version: number, ending: Ending): string | undefined => {
  const [, what, digits] = ON_TRIAL.exec(line) ?? [];
  if (what === undefined || Number(digits) !== version) return undefined;
  return ending.kind === "passed"
    ? `done: ${what}, is in force: dispatch was reached with it`
    : `refused: ${what}, was taken back: ${ending.why}`;
};

/** Writes how the trial of a version ended into its results. Done twice, it has the same result. */
export const endResults = async (
  files: Files,
  inbox: string,
  version: number,
  ending: Ending,
): Promise<void> => {
  const results = (await files.list(inbox)).filter(
    ({ name, kind }) => kind === "file" && name.endsWith(RESULT),
  );
  for (const { name } of results.slice(0, MAX_RESULTS)) {
    const path = join(inbox, name);
    // oxlint-disable-next-line no-await-in-loop -- one file after the other
    if (((await files.size(path)) ?? Infinity) > MAX_RESULT_BYTES) continue;
    // oxlint-disable-next-line no-await-in-loop
    const line = (await files.read(path))?.toString("utf8").trimEnd();
    const ended = line === undefined ? undefined : endedLine(line, version, ending);
    // oxlint-disable-next-line no-await-in-loop
    if (ended !== undefined) await replaceFile(files, path, Buffer.from(`${ended}\n`));
  }
};

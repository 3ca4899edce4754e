import { join } from "node:path";
import { doEach } from "./attempts.ts";
import { endedPhrase, onTrialPhrase, type Ending } from "./ending.ts";
import { MAX_BUNDLE_BYTES } from "./format.ts";
import type { Outcome } from "./install.ts";
import { replaceFile, type Files } from "./port.ts";
import { endedText } from "./stick.ts";

/** The results of bundles in the inbox: what a technician reads (contract §8). */

/** The result of `NAME.patrol`, one line, is `NAME.patrol.result`. */
export const RESULT = ".result";
/** That of a stick is a text. */
const STICK_RESULT = /^RESULT-.*\.txt$/;
export const isStickResult = (name: string): boolean => STICK_RESULT.test(name);
/** Files of the inbox that are looked at. */
const MAX_RESULTS = 256;
/** What is longer is no result. */
const MAX_RESULT_BYTES = 16_384;

/** The line of a version whose trial has ended. Undefined: `line` is not that of this version on trial. */
const endedLine = (line: string, version: number, ending: Ending): string | undefined => {
  const ended = endedPhrase(line.trimEnd().replace(/^done: /, ""), version, ending);
  return ended === undefined ? undefined : `${ending.kind === "passed" ? "done" : "refused"}: ${ended}\n`;
};

/** An outcome in one line, for a technician. */
export const outcomeLine = (outcome: Outcome): string => {
  switch (outcome.kind) {
    case "installed":
      return `done: ${onTrialPhrase(outcome)}`;
    case "ignore":
      return "done: it is in force already";
    case "wait":
      return `waiting: ${outcome.says}`;
    case "refuse":
      return `refused: ${outcome.says}`;
  }
};

/** What becomes of a file that is not read: it may be larger than the memory. `bytes`: its size. */
export const tooLarge = (bytes: number): Extract<Outcome, { kind: "refuse" }> => ({
  kind: "refuse",
  code: "too-large",
  says: `it has ${bytes} bytes, more than ${MAX_BUNDLE_BYTES}`,
});

type ResultFile = { readonly path: string; readonly isOfStick: boolean; readonly text: string };

const resultsIn = async (files: Files, inbox: string): Promise<ResultFile[]> => {
  const names = (await files.list(inbox)).flatMap(({ name, kind }) =>
    kind === "file" && (name.endsWith(RESULT) || isStickResult(name)) ? [name] : [],
  );
  const found: ResultFile[] = [];
  for (const name of names.slice(0, MAX_RESULTS)) {
    const path = join(inbox, name);
    // oxlint-disable-next-line no-await-in-loop -- one file after the other
    if (((await files.size(path)) ?? Infinity) > MAX_RESULT_BYTES) continue;
    // One that cannot be read must not keep the others from being ended.
    // oxlint-disable-next-line no-await-in-loop
    const bytes = await files.read(path).catch(() => undefined);
    if (bytes) found.push({ path, isOfStick: isStickResult(name), text: bytes.toString("utf8") });
  }
  return found;
};

/**
 * Writes how the trial of a version ended into its results. Done twice, it has the same result. Rejects after all were
 * tried, if some cannot be written.
 */
export const endResults = async (
  files: Files,
  inbox: string,
  version: number,
  ending: Ending,
): Promise<void> => {
  const found = await resultsIn(files, inbox);
  await doEach(
    found.map(({ path, isOfStick, text }) => async () => {
      const ended = (isOfStick ? endedText : endedLine)(text, version, ending);
      if (ended !== undefined) await replaceFile(files, path, Buffer.from(ended));
    }),
  );
};

/** Whether a version came through the inbox and was taken back, as its result says. */
export const wasTakenBack = async (files: Files, inbox: string, version: number): Promise<boolean> => {
  const taken = new RegExp(String.raw`(^|: )version ${version} .*, was taken back: `, "m");
  return (await resultsIn(files, inbox)).some(({ text }) => taken.test(text));
};

import { endedPhrase, onTrialPhrase, type Ending } from "./ending.ts";
import type { Opened } from "./envelope.ts";
import { isForOne, isMeant } from "./format.ts";
import type { Outcome } from "./install.ts";

/** The bundles of a USB stick: which of them is for this car, and what the technician reads about it. Pure. */

/** A file of the stick. `opened`: with the trusted keys. */
export type StickFile = { readonly name: string; readonly opened: Opened };

export type Choice =
  | { readonly kind: "none"; readonly says: string; readonly unused: readonly Unused[] }
  | { readonly kind: "chosen"; readonly name: string; readonly unused: readonly Unused[] };
type Unused = { readonly name: string; readonly why: string };

/** Names on a stick are anybody's: what a terminal could act on is not written, nor the colon that ends a name here. */
export const shown = (name: string): string => name.replaceAll(/[^\x20-\x39\x3b-\x7e]/g, "?").slice(0, 80);

const whyUnused = ({ opened }: StickFile, unit: string): string => {
  if (opened.kind === "invalid") return opened.says;
  const { version, for: recipient } = opened.content;
  return isMeant(recipient, unit)
    ? `version ${version} is not the newest on the stick`
    : `it is for ${recipient}`;
};

/**
 * The bundle that this unit takes of a stick: the highest version that is meant for it; of two, the one for it alone. A
 * stick with a single file is taken as it is, so that the refusal says what is wrong with it.
 */
export const choose = (files: readonly StickFile[], unit: string): Choice => {
  const meant = files.flatMap((file) => {
    const { opened } = file;
    if (opened.kind === "invalid" || !isMeant(opened.content.for, unit)) return [];
    const { version, for: recipient } = opened.content;
    return [{ file, version, rank: isForOne(recipient) ? 2 : recipient === "*" ? 0 : 1 }];
  });
  const [best] = meant.toSorted((a, b) => b.version - a.version || b.rank - a.rank);
  const [only] = files;
  const chosen = best?.file ?? (files.length === 1 ? only : undefined);
  const unused = files
    .filter((file) => file !== chosen)
    .map((file) => ({ name: shown(file.name), why: whyUnused(file, unit) }));
  if (chosen) return { kind: "chosen", name: chosen.name, unused };
  const says =
    files.length === 0
      ? "there is no bundle (*.patrol) on the stick"
      : `none of the ${files.length} bundles on the stick is for ${unit}`;
  return { kind: "none", says, unused };
};

/** The line of each other file; further ones are counted. */
const MAX_UNUSED = 8;

const DO_NOTHING = "nothing.";
const TO_HEADQUARTERS = "give this file to headquarters. The car works as before.";
const CALL_HEADQUARTERS = "ask headquarters for the right bundle. The car works as before.";

type RefusalCode = Extract<Outcome, { kind: "refuse" }>["code"];
const REMEDIES: Readonly<Record<RefusalCode, string>> = {
  "too-large": "copy the bundle onto the stick again, and nothing else that ends in .patrol.",
  unreadable: "copy the bundle onto the stick again. The car works as before.",
  "not-a-bundle": "copy the bundle onto the stick again. The car works as before.",
  signature: "copy the bundle onto the stick again. The car works as before.",
  "unknown-key": CALL_HEADQUARTERS,
  content: "update the software of this car, then try again. The car works as before.",
  recipient: CALL_HEADQUARTERS,
  version: CALL_HEADQUARTERS,
  failed: CALL_HEADQUARTERS,
  expired: CALL_HEADQUARTERS,
  trust: TO_HEADQUARTERS,
  renames: TO_HEADQUARTERS,
  "moves-outbox": TO_HEADQUARTERS,
  invalid: TO_HEADQUARTERS,
};

const WORDS = { done: "DONE", refused: "REFUSED", waiting: "WAITING" } as const;

export type StickOutcome = {
  readonly unit: string;
  /** The file that was chosen. Undefined: none was. */
  readonly name: string | undefined;
  readonly outcome: Outcome;
  /** The versions in force before and after it. */
  readonly before: number | undefined;
  readonly now: number | undefined;
  readonly unused: readonly Unused[];
};

/** What to do, and the word that the text begins with. */
const adviceOf = (
  outcome: Outcome,
): { readonly word: string; readonly what: string; readonly todo: string } => {
  switch (outcome.kind) {
    case "installed":
      return {
        word: WORDS.done,
        what: onTrialPhrase(outcome),
        todo:
          outcome.previous === undefined
            ? "leave the ignition on until dispatch sees the car."
            : `leave the ignition on until dispatch sees the car. If it does not, version ${outcome.previous} returns by itself.`,
      };
    case "ignore":
      return { word: WORDS.done, what: "it is in force already", todo: DO_NOTHING };
    case "wait":
      return {
        word: WORDS.waiting,
        // Nobody has to try: the car does.
        what: outcome.says.replace(/: try again .*/, ""),
        todo: "nothing: the car takes it by itself as soon as it can.",
      };
    case "refuse":
      return { word: WORDS.refused, what: outcome.says, todo: REMEDIES[outcome.code] };
  }
};

const versionText = (version: number | undefined): string =>
  version === undefined ? "none" : `version ${version}`;
const inForceText = (now: number | undefined, before: number | undefined): string =>
  `In force: ${versionText(now)} (before: ${versionText(before)})`;

/** Old editors of Windows want both. */
const LINE_END = "\r\n";

/** The text of `RESULT-UNIT.txt`: what became of the stick, the versions, what to do, and the files that were not used. */
export const stickText = ({ unit, name, outcome, before, now, unused }: StickOutcome): string => {
  const { word, what, todo } = adviceOf(outcome);
  const more = unused.length - MAX_UNUSED;
  return [
    `${word}: ${unit}`,
    name === undefined ? what : `${shown(name)}: ${what}`,
    inForceText(now, before),
    `What to do: ${todo}`,
    ...unused.slice(0, MAX_UNUSED).map((file) => `Not used: ${file.name}: ${file.why}`),
    ...(more > 0 ? [`Not used: ${more} more`] : []),
    "",
  ].join(LINE_END);
};

/** The text after the trial of a version has ended. Undefined: `text` is not about that version on trial. */
export const endedText = (text: string, version: number, ending: Ending): string | undefined => {
  const [first, second = "", third, , ...others] = text.split(LINE_END);
  const name = /^[^:]*: /.exec(second)?.[0] ?? "";
  const ended = endedPhrase(second.slice(name.length), version, ending);
  if (first === undefined || third === undefined || ended === undefined) return undefined;
  const lines =
    ending.kind === "passed"
      ? [first, third, DO_NOTHING]
      : [first.replace(WORDS.done, WORDS.refused), inForceText(ending.to, version), TO_HEADQUARTERS];
  const [word, inForce, todo] = lines;
  return [word, `${name}${ended}`, inForce, `What to do: ${todo}`, ...others].join(LINE_END);
};

/** The name of the file on the stick. `unit`: `directorate/id`. */
export const stickFileName = (unit: string): string => `RESULT-${unit.split("/").at(-1) ?? unit}.txt`;

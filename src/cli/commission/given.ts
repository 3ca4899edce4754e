import { DEFAULT_LIMITS, type Limits } from "../../commissioning/plan.ts";
import { NAME_LETTERS, REASON_LETTERS, Technician } from "../../domain/commissioning.ts";
import { CommandError, EXIT, options, positive, required } from "../lib/command.ts";
import { asker, type Question } from "../lib/prompt.ts";

/** What a technician gives on the command line. */

const OPTIONS = {
  root: { type: "string" },
  technician: { type: "string" },
  skip: { type: "string", multiple: true },
  within: { type: "string" },
  accuracy: { type: "string" },
  hold: { type: "string" },
  "certificate-days": { type: "string" },
  "try-power-off": { type: "boolean" },
  json: { type: "boolean" },
} as const;

/** A whole list with four buttons, each drill of which ends by itself, takes less. */
const WITHIN_S = 3_600;
/** Seconds: a shift. */
const WITHIN_MAX_S = 43_200;

export type Given = {
  readonly root: string;
  readonly limits: Limits;
  readonly withinS: number;
  readonly triesPowerOff: boolean;
  readonly json: boolean;
  readonly skips: readonly Skip[];
  readonly technician: string | undefined;
};
type Skip = { readonly id: string; readonly reason: string };

/** `STEP=REASON`. */
const skipIn = (text: string): Skip => {
  const at = text.indexOf("=");
  const [id, reason] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at > 0 && reason !== "" && reason.length <= REASON_LETTERS) return { id, reason };
  throw new CommandError(
    EXIT.usage,
    `--skip ${text}: expected STEP=REASON, such as button:boot="not built in", with a reason of at most ${REASON_LETTERS} letters`,
  );
};

/** What is wrong with a technician's name. */
const nameFault = (name: string): string | undefined =>
  Technician.safeParse(name).success ? undefined : `expected a name of at most ${NAME_LETTERS} letters`;

export const givenIn = (args: readonly string[]): Given => {
  const given = options(args, OPTIONS);
  const technician = given.technician?.trim();
  const fault = technician === undefined ? undefined : nameFault(technician);
  if (fault !== undefined) throw new CommandError(EXIT.usage, `--technician: ${fault}`);
  const days = positive(given["certificate-days"], "certificate-days", DEFAULT_LIMITS.certificateDays);
  return {
    root: required(given.root, "root"),
    technician,
    limits: {
      accuracyM: positive(given.accuracy, "accuracy", DEFAULT_LIMITS.accuracyM),
      holdS: positive(given.hold, "hold", DEFAULT_LIMITS.holdS),
      certificateDays: Math.ceil(days),
    },
    withinS: Math.min(WITHIN_MAX_S, positive(given.within, "within", WITHIN_S)),
    triesPowerOff: given["try-power-off"] ?? false,
    json: given.json ?? false,
    skips: (given.skip ?? []).map(skipIn),
  };
};

/** Who works through the list: as given, or else asked at the terminal. Throws a CommandError (64) without one. */
export const technicianOf = async ({ technician, json }: Given): Promise<string> => {
  if (technician !== undefined) return technician;
  const question: Question = { message: "Your name", option: "--technician", fault: nameFault };
  return asker(json)(question);
};

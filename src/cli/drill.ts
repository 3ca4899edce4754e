import type * as z from "zod";
import { Snapshot } from "../domain/snapshot.ts";
import { systemTime } from "../runtime/time.ts";
import { pause } from "../runtime/wait.ts";
import { CommandError, CONFIG_OPTIONS, EXIT, options, type Command } from "./lib/command.ts";
import { askStatus, askUnit, unitAddress, wrongFormat, type UnitAddress } from "./lib/ask-unit.ts";
import { onStopRequest } from "./lib/stop.ts";

const ARMED_MS = 60_000;
/** How long a person's answer is awaited after the press. */
const ANSWER_MS = 120_000;
const ASK_MS = 100;
/** The service's minute and this command's do not end at the same moment. */
const NEAR_END_MS = 2_000;
const NO_PRESS = "no press arrived within 60 s: does the panic board work?";
/** After this time without an answer, a hint says who can give one. */
const PATIENCE_MS = 5_000;
const NOBODY = "nobody answers yet: at dispatch, or on the bench `dispatch --ack accepted`\n";
/** HTTP statuses: the unit refuses a drill now; success. */
const CONFLICT = 409;
const DONE = 204;
const STAGES = ["stored", "sent", "received", "accepted", "cleared"] as const;
type Stage = (typeof STAGES)[number];
const MEANING: Readonly<Record<Stage, string>> = {
  stored: "on disk",
  sent: "a broker has it",
  received: "dispatch's system has it",
  accepted: "a person has it",
  cleared: "ended by dispatch",
};

/** What is used of the snapshot. Times: ms since the press. */
const Status = Snapshot.pick({ boot: true, panicBoard: true })
  .partial()
  .extend({
    emergency: Snapshot.shape.emergency.pick({ drillArmed: true, episodes: true }),
  });
type Status = z.infer<typeof Status>;
type Drill = Status["emergency"]["episodes"][number];
type Legs = Drill["legs"];

/** One leg to print. `before`: a stage that was printed already although it was reached later. */
type Leg = { readonly stage: Stage; readonly ms: number; readonly before?: Stage };

/**
 * The legs that were not printed yet, in the order of their times. An answer can overtake the broker's
 * acknowledgement, so a stage may be reached after its successor, or be known later.
 */
export const newLegs = (legs: Legs, printed: ReadonlySet<Stage>): Leg[] =>
  STAGES.flatMap((stage): Leg[] => {
    const ms = legs[stage];
    if (ms === undefined || printed.has(stage)) return [];
    const before = STAGES.find((other) => printed.has(other) && (legs[other] ?? 0) > ms);
    return [before === undefined ? { stage, ms } : { stage, ms, before }];
  }).toSorted((a, b) => a.ms - b.ms);

/** A leg for a person to read. */
export const legLine = ({ stage, ms, before }: Leg): string =>
  `${stage.padEnd(10)}${ms.toFixed(1).padStart(9)} ms after the press  (${MEANING[stage]}${before === undefined ? "" : `; known late, it was before ${before}`})\n`;

const statusOf = async (unit: UnitAddress): Promise<Status> => {
  const { data, error } = Status.safeParse(await askStatus(unit));
  if (data) return data;
  throw wrongFormat(unit, error);
};

const order = async (unit: UnitAddress, method: "POST" | "DELETE"): Promise<void> => {
  const { status, text } = await askUnit(unit, "/drill", method);
  if (status === CONFLICT) throw new CommandError(EXIT.failed, text.trim());
  if (status !== DONE) throw new CommandError(EXIT.unavailable, `no drill: ${text.trim()} (${status})`);
};

/** What is known when the drill is no longer armed and none has begun. */
type Disarmed = {
  /** A real emergency is open. None was when the drill was armed. */
  readonly isEmergencyOpen: boolean;
  readonly isRestarted: boolean;
  /** Since the drill was armed. */
  readonly elapsedMs: number;
};

/** Why the drill is off, for a person. */
export const whyOff = ({ isEmergencyOpen, isRestarted, elapsedMs }: Disarmed): string => {
  if (isEmergencyOpen)
    return "the drill is off: a REAL emergency is open, and the press counts in it; do not press again, and call dispatch";
  if (isRestarted) return "the drill is off: the service was restarted; start the drill again";
  if (elapsedMs >= ARMED_MS - NEAR_END_MS) return NO_PRESS;
  return "the drill was stopped from elsewhere, for example by a second `drill` command";
};

/** The first press after the drill was asked for, if there was one. Throws a CommandError if there is none. */
const ownDrill = ({ boot, emergency }: Status, armed: Armed): Drill | undefined => {
  const found = emergency.episodes.find(({ test, episode }) => test && !armed.before.has(episode));
  if (found || emergency.drillArmed) return found;
  throw new CommandError(
    EXIT.failed,
    whyOff({
      isEmergencyOpen: emergency.episodes.some(({ test, state }) => !test && state !== "cleared"),
      isRestarted: boot !== armed.boot,
      elapsedMs: performance.now() - armed.at,
    }),
  );
};

/** `at`: when the drill was armed. `before`: the drills that the service knew before: none of them is ours. */
type Armed = {
  readonly at: number;
  readonly boot: number | undefined;
  readonly before: ReadonlySet<string>;
};

/** Polls the service and prints the legs of the drill until it is over. */
const follow = async (
  unit: UnitAddress,
  armed: Armed,
  json: boolean,
  signal: AbortSignal,
): Promise<"accepted" | "no answer" | "no press"> => {
  const printed = new Set<Stage>();
  let until = armed.at + ARMED_MS;
  let hintAt: number | undefined;
  let isPressed = false;
  while (performance.now() < until && !signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- polled until it is over
    await pause(ASK_MS, signal, systemTime);
    // oxlint-disable-next-line no-await-in-loop
    const found = ownDrill(await statusOf(unit), armed);
    if (!found) continue;
    if (!isPressed) {
      until = performance.now() + ANSWER_MS;
      hintAt = performance.now() + PATIENCE_MS;
    }
    isPressed = true;
    for (const leg of newLegs(found.legs, printed)) {
      printed.add(leg.stage);
      const { stage, ms } = leg;
      process.stdout.write(
        json ? `${JSON.stringify({ episode: found.episode, stage, ms })}\n` : legLine(leg),
      );
    }
    if (printed.has("accepted") || printed.has("cleared")) return "accepted";
    if (printed.has("received")) hintAt = undefined;
    if (hintAt !== undefined && performance.now() >= hintAt) {
      process.stderr.write(NOBODY);
      hintAt = undefined;
    }
  }
  return isPressed ? "no answer" : "no press";
};

export const drill: Command = {
  summary: "the next press is a drill; prints the time of each leg",
  usage: `patrol-unit drill [--config FILE | --root DIR | --address HOST:PORT] [--json]

Asks the running service to treat the next press within 60 s as a drill: it takes the same path as
an emergency, marked as a test. Prints when it was stored, sent, received and accepted; ends when it
is accepted or cleared. If the command is stopped before the press, the drill is off; if it is
killed, the drill is off when the 60 s are over. An accepted drill stays open until dispatch clears
it, at most 10 minutes; until then a further drill is refused.
--json: one line a leg, {episode, stage, ms}; ms counts from the press.
Exit: 0 accepted or cleared, 1 refused, stopped, or no press or no answer in time, 69 no service or
no panic board answers.`,
  undoes: true,
  async run(args) {
    const given = options(args, {
      ...CONFIG_OPTIONS,
      address: { type: "string" },
      json: { type: "boolean" },
    });
    const unit = unitAddress(given);
    const stop = onStopRequest();
    const { panicBoard, boot, emergency } = await statusOf(unit);
    if (!panicBoard?.connected) {
      const what = panicBoard ? "does not answer" : "is not configured";
      throw new CommandError(EXIT.unavailable, `a press cannot arrive: the panic board ${what}`);
    }
    await order(unit, "POST");
    const before = new Set(emergency.episodes.map(({ episode }) => episode));
    if (!given.json) process.stdout.write("Press a button within 60 s.\n");
    const end = await follow(unit, { at: performance.now(), boot, before }, given.json ?? false, stop.signal);
    if (end === "accepted") return EXIT.ok;
    if (end === "no press") await order(unit, "DELETE");
    if (stop.signal.aborted) return EXIT.failed;
    throw new CommandError(
      EXIT.failed,
      end === "no answer" ? `nobody accepted the drill within ${ANSWER_MS / 1000} s` : NO_PRESS,
    );
  },
};

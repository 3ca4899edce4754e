import * as z from "zod";
import { systemTime } from "../runtime/time.ts";
import { pause } from "../runtime/wait.ts";
import { CommandError, EXIT, options, type Command } from "./lib/command.ts";
import { askStatus, askUnit, unitAddress, wrongFormat, type UnitAddress } from "./lib/ask-unit.ts";
import { onStopRequest } from "./lib/stop.ts";

const ARMED_MS = 60_000;
/** How long a person's answer is awaited after the press. */
const ANSWER_MS = 120_000;
const ASK_MS = 100;
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

/** The part of the unit's status that is used here. Times: ms since the press. */
const Status = z.object({
  panicBoard: z.object({ connected: z.boolean() }).optional(),
  emergency: z.object({
    drillArmed: z.boolean(),
    episodes: z.array(
      z.object({
        episode: z.string(),
        test: z.boolean(),
        legs: z.partialRecord(z.enum(STAGES), z.number()),
      }),
    ),
  }),
});
type Status = z.infer<typeof Status>;
type Drill = Status["emergency"]["episodes"][number];

const statusOf = async (unit: UnitAddress): Promise<Status> => {
  const { data, error } = Status.safeParse(await askStatus(unit));
  if (data) return data;
  throw wrongFormat(unit, error);
};
const drillsOf = async (unit: UnitAddress): Promise<readonly Drill[]> =>
  (await statusOf(unit)).emergency.episodes.filter((episode) => episode.test);

const order = async (unit: UnitAddress, method: "POST" | "DELETE"): Promise<void> => {
  const { status, text } = await askUnit(unit, "/drill", method);
  if (status === CONFLICT) throw new CommandError(EXIT.failed, text.trim());
  if (status !== DONE) throw new CommandError(EXIT.unavailable, `no drill: ${text.trim()} (${status})`);
};

/**
 * The drill is no longer armed and none has begun: the minute is over, or the press was counted in
 * another episode.
 */
const DISARMED =
  "the drill is off: the press was counted in an open emergency (do not press again), or the time is over";

export const drill: Command = {
  summary: "the next press is a drill; prints the time of each leg",
  usage: `patrol-unit drill [--config FILE | --address HOST:PORT] [--json]

Asks the running service to treat the next press within 60 s as a drill: it takes the same path as an
emergency, marked as a test. Prints when it was stored, sent, received and accepted; ends when it is
accepted or cleared. If it is stopped before the press, the drill is off. An accepted drill stays open until dispatch clears it. Exit: 0 accepted or cleared, 1 no press or no answer in time, 69 no service or no panic board answers.`,
  async run(args) {
    const given = options(args, {
      config: { type: "string" },
      address: { type: "string" },
      json: { type: "boolean" },
    });
    const unit = unitAddress(given);
    const stop = onStopRequest();
    const { panicBoard } = await statusOf(unit);
    if (!panicBoard?.connected) {
      const what = panicBoard ? "does not answer" : "is not configured";
      throw new CommandError(EXIT.unavailable, `a press cannot arrive: the panic board ${what}`);
    }
    // Drills that the service already knows are not ours.
    const before = new Set((await drillsOf(unit)).map(({ episode }) => episode));
    await order(unit, "POST");
    if (!given.json) process.stdout.write("Press a button within 60 s.\n");
    const printed = new Set<Stage>();
    let until = performance.now() + ARMED_MS;
    let seen: Drill | undefined;
    while (performance.now() < until && !stop.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- polled until it is over
      await pause(ASK_MS, stop.signal, systemTime);
      // oxlint-disable-next-line no-await-in-loop
      const { emergency } = await statusOf(unit);
      const found = emergency.episodes.find(({ test, episode }) => test && !before.has(episode));
      if (!found && !emergency.drillArmed) throw new CommandError(EXIT.failed, DISARMED);
      if (!found) continue;
      if (!seen) until = performance.now() + ANSWER_MS;
      seen = found;
      for (const stage of STAGES) {
        const ms = found.legs[stage];
        if (ms === undefined || printed.has(stage)) continue;
        printed.add(stage);
        process.stdout.write(
          given.json
            ? `${JSON.stringify({ episode: found.episode, stage, ms })}\n`
            : `${stage.padEnd(10)}${ms.toFixed(1).padStart(9)} ms after the press  (${MEANING[stage]})\n`,
        );
      }
      if (printed.has("accepted") || printed.has("cleared")) return EXIT.ok;
    }
    if (!seen) await order(unit, "DELETE");
    if (stop.signal.aborted) return EXIT.failed;
    throw new CommandError(
      EXIT.failed,
      seen
        ? `nobody accepted the drill within ${ANSWER_MS / 1000} s`
        : "no press arrived within 60 s: does the panic board work?",
    );
  },
};

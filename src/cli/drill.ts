import { loadSettings } from "../settings/load.ts";
import { reasonOf } from "../runtime/log.ts";
import { pause } from "../runtime/wait.ts";
import { CommandError, EXIT, options, type Command } from "./lib/command.ts";
import { onStopRequest } from "./lib/stop.ts";

const ARMED_MS = 60_000;
/** After the press: how long the answer of a person may take. */
const ANSWER_MS = 120_000;
const ASK_MS = 100;
/** The service is asked before the press is made: what it knew then is no drill of ours. */
const STAGES = ["stored", "sent", "received", "accepted", "cleared"] as const;
type Stage = (typeof STAGES)[number];
const MEANING: Readonly<Record<Stage, string>> = {
  stored: "on disk",
  sent: "a broker has it",
  received: "dispatch's system has it",
  accepted: "a person has it",
  cleared: "ended by dispatch",
};

type Drill = {
  readonly episode: string;
  readonly test: boolean;
  readonly legs: { [stage in Stage]?: number };
};

const CONFLICT = 409;
const ask = async (url: string, init: RequestInit = {}): Promise<Response> => {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(3_000) });
    if (response.status === CONFLICT) throw new CommandError(EXIT.failed, await response.text());
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    return response;
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const reason = reasonOf(cause instanceof Error && cause.cause ? cause.cause : cause);
    throw new CommandError(
      EXIT.unavailable,
      `no unit answers at ${url} (${reason}): is the service running?`,
      cause,
    );
  }
};

type Status = {
  readonly panicBoard?: { readonly connected: boolean };
  readonly emergency: { readonly drillArmed: boolean; readonly episodes: readonly Drill[] };
};
const statusOf = async (address: string): Promise<Status> =>
  (await (await ask(`http://${address}/status.json`)).json()) as Status;
const drillsOf = async (address: string): Promise<readonly Drill[]> =>
  (await statusOf(address)).emergency.episodes.filter((episode) => episode.test);

const order = (address: string, method: "POST" | "DELETE") =>
  ask(`http://${address}/drill`, { method, headers: { "content-type": "application/json" } });

/** Since it was armed here, and no drill has come of it: the press was taken for something else, or the minute is over. */
const DISARMED =
  "no drill any more: a press was counted in an emergency that is open (do not press again), or the time is over";

export const drill: Command = {
  summary: "the next press is a drill; prints the time of each leg",
  usage: `patrol-unit drill [--config FILE | --address HOST:PORT] [--json]

Asks the running service to treat the next press within 60 s as a drill: it takes the same path as an
emergency, marked as a test. Prints when it was stored, sent, received and accepted; ends when it is
accepted or cleared. Ended before the press, no drill is waited for any more; an accepted one stays open
until dispatch clears it. Exit: 0 accepted or cleared, 1 no press or no answer in time, 69 no service or
no panic board there.`,
  async run(args) {
    const given = options(args, {
      config: { type: "string" },
      address: { type: "string" },
      json: { type: "boolean" },
    });
    const configured =
      given.config === undefined ? undefined : loadSettings(given.config).settings.status.listen;
    const address = given.address ?? configured ?? "127.0.0.1:8080";
    const stop = onStopRequest();
    const { panicBoard } = await statusOf(address);
    if (!panicBoard?.connected) {
      const what = panicBoard ? "does not answer" : "is not configured";
      throw new CommandError(EXIT.unavailable, `no press can come: the panic board ${what}`);
    }
    const before = new Set((await drillsOf(address)).map(({ episode }) => episode));
    await order(address, "POST");
    if (!given.json) process.stdout.write("Press a button within 60 s.\n");
    const told = new Set<Stage>();
    let until = performance.now() + ARMED_MS;
    let seen: Drill | undefined;
    while (performance.now() < until && !stop.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- asked again until it is over
      await pause(ASK_MS, stop.signal);
      // oxlint-disable-next-line no-await-in-loop
      const { emergency } = await statusOf(address);
      const found = emergency.episodes.find(({ test, episode }) => test && !before.has(episode));
      if (!found && !emergency.drillArmed) throw new CommandError(EXIT.failed, DISARMED);
      if (!found) continue;
      if (!seen) until = performance.now() + ANSWER_MS;
      seen = found;
      for (const stage of STAGES) {
        const ms = found.legs[stage];
        if (ms === undefined || told.has(stage)) continue;
        told.add(stage);
        process.stdout.write(
          given.json
            ? `${JSON.stringify({ episode: found.episode, stage, ms })}\n`
            : `${stage.padEnd(10)}${ms.toFixed(1).padStart(9)} ms after the press  (${MEANING[stage]})\n`,
        );
      }
      if (told.has("accepted") || told.has("cleared")) return EXIT.ok;
    }
    if (!seen) await order(address, "DELETE");
    if (stop.signal.aborted) return EXIT.failed;
    throw new CommandError(
      EXIT.failed,
      seen
        ? `nobody accepted the drill within ${ANSWER_MS / 1000} s`
        : "no press came within 60 s: is the board well?",
    );
  },
};

import * as z from "zod";
import type { Incoming } from "./dispatch/connection.ts";
import { readJson } from "./dispatch/read.ts";
import type { Route } from "./dispatch/topics.ts";
import { CommandMessage } from "./domain/messages.ts";
import type { EventData } from "./domain/report.ts";
import type { Clock } from "./domain/time.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { reasonOf, type Log } from "./runtime/log.ts";

/** What dispatch may ask of the unit: each command is run once or refused with a reason, also across a restart. */
export type CommandDesk = {
  /** Resolves when the outcome is on disk. */
  take(message: Incoming): Promise<void>;
};

export type CommandDeskOptions = {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly event: (data: EventData) => void;
  readonly reply: (route: Route, payload: Buffer) => void;
  /** Where an answer goes that was not told where to go. */
  readonly route: Route;
  /** What can be asked; each runs at once and cannot fail. */
  readonly kinds: Readonly<Record<string, () => void>>;
};

/** What is left of a command that cannot be read: enough to answer it. */
const Named = z.object({ id: z.string().max(200) });

const COMMAND_BYTES = 16_384;
const REMEMBERED = 64;
const NOTE = "commands";

type Reply = { readonly id: string; readonly ok: boolean; readonly error?: string };

export const createCommandDesk = (options: CommandDeskOptions): CommandDesk => {
  const { outbox, clock, log } = options;
  let done = (outbox.notes.get(NOTE) as readonly Reply[] | undefined) ?? [];

  const judge = (command: CommandMessage): string | undefined => {
    const now = clock.now();
    if (!Object.hasOwn(options.kinds, command.kind)) return `there is no command of kind ${command.kind}`;
    if (now.clock === "unset") return "the time is not known yet: whether it has expired cannot be told";
    return now.at > Date.parse(command.expiresAt) ? `it expired at ${command.expiresAt}` : undefined;
  };

  const answer = ({ responseTopic, correlationData }: Incoming, reply: Reply): void => {
    const route: Route =
      responseTopic === undefined
        ? options.route
        : {
            topic: responseTopic,
            retain: false,
            ...(options.route.expiryS ? { expiryS: options.route.expiryS } : {}),
          };
    options.reply(
      { ...route, ...(correlationData === undefined ? {} : { correlationData }) },
      Buffer.from(JSON.stringify(reply)),
    );
  };

  return {
    async take(message) {
      const parsed = CommandMessage.safeParse(readJson(message.payload, COMMAND_BYTES));
      if (!parsed.success) {
        const error = `it is not a command: ${reasonOf(parsed.error.issues[0]?.message)}`;
        const named = Named.safeParse(readJson(message.payload, COMMAND_BYTES));
        const id = named.success ? named.data.id : "";
        log.warn("a command cannot be read: it is refused", { bytes: message.payload.length });
        options.event({ type: "command", ok: false, error, ...(id === "" ? {} : { id }) });
        answer(message, { id, ok: false, error });
        return;
      }
      const { id, kind } = parsed.data;
      const before = done.find((reply) => reply.id === id);
      if (before) {
        answer(message, before);
        return;
      }
      const error = judge(parsed.data);
      const reply: Reply = error === undefined ? { id, ok: true } : { id, ok: false, error };
      done = [...done, reply].slice(-REMEMBERED);
      outbox.note(NOTE, done);
      options.event({ type: "command", kind, ...reply });
      log.info(error === undefined ? `command ${kind}` : `command refused: ${error}`, { id });
      if (error === undefined) options.kinds[kind]!();
      await outbox.secure().catch((cause: unknown) => {
        log.error("a command cannot be remembered", { id, cause: reasonOf(cause) });
      });
      answer(message, reply);
    },
  };
};

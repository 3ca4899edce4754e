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
  /** Resolves when the outcome is on disk, or the command is, because the time is not known yet. */
  take(message: Incoming): Promise<void>;
  /** The time may be known now: what was held for it is judged. */
  clock(): Promise<void>;
};

export type CommandDeskOptions = {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly event: (data: EventData) => void;
  readonly reply: (route: Route, payload: Buffer) => void;
  /** Where an answer goes that was not told where to go. */
  readonly route: Route;
  /** What can be asked. Each runs at once; it returns what is wrong with the command, where something is. */
  readonly kinds: Readonly<Record<string, (command: CommandMessage) => string | undefined>>;
};

/** What is left of a command that cannot be read: enough to answer it. */
const Named = z.object({ id: z.string().max(200) });

const COMMAND_BYTES = 16_384;
const REMEMBERED = 64;
const NOTE = "commands";
/** Commands that wait for the time to be known; more are refused. */
const HELD = 16;
const HELD_NOTE = "held-commands";

/** A command as it came, in a form that can be kept. */
type Held = {
  readonly payload: string;
  readonly responseTopic?: string | undefined;
  readonly correlation?: string | undefined;
};

type Reply = { readonly id: string; readonly ok: boolean; readonly error?: string };

export const createCommandDesk = (options: CommandDeskOptions): CommandDesk => {
  const { outbox, clock, log } = options;
  let done = (outbox.notes.get(NOTE) as readonly Reply[] | undefined) ?? [];
  let held = (outbox.notes.get(HELD_NOTE) as readonly Held[] | undefined) ?? [];
  const keepHeld = (now: readonly Held[]): void => {
    held = now;
    outbox.note(HELD_NOTE, held.length === 0 ? undefined : held);
  };

  /** Runs a command that is in time; what is wrong with it comes back. */
  const perform = (command: CommandMessage): string | undefined => {
    const { at, clock: trust } = clock.now();
    if (!Object.hasOwn(options.kinds, command.kind)) return `there is no command of kind ${command.kind}`;
    if (trust === "unset") return `the time is not known yet, and ${HELD} commands wait for it already`;
    if (at > Date.parse(command.expiresAt)) return `it expired at ${command.expiresAt}`;
    return options.kinds[command.kind]!(command);
  };

  const secured = (id: string): Promise<void> =>
    outbox.secure().catch((cause: unknown) => {
      log.error("a command cannot be remembered", { id, cause: reasonOf(cause) });
    });

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

  const take = async (message: Incoming): Promise<void> => {
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
    if (clock.now().clock === "unset" && Object.hasOwn(options.kinds, kind) && held.length < HELD) {
      const { payload, responseTopic, correlationData } = message;
      const correlation = correlationData?.toString("base64");
      keepHeld([...held, { payload: payload.toString("base64"), responseTopic, correlation }]);
      log.info(`command ${kind} waits until the time is known`, { id });
      await secured(id);
      return;
    }
    const error = perform(parsed.data);
    const reply: Reply = error === undefined ? { id, ok: true } : { id, ok: false, error };
    done = [...done, reply].slice(-REMEMBERED);
    outbox.note(NOTE, done);
    options.event({ type: "command", kind, ...reply });
    log.info(error === undefined ? `command ${kind}` : `command refused: ${error}`, { id });
    await secured(id);
    answer(message, reply);
  };

  return {
    take,
    async clock() {
      if (held.length === 0 || clock.now().clock === "unset") return;
      const waiting = held;
      keepHeld([]);
      for (const { payload, responseTopic, correlation } of waiting) {
        // oxlint-disable-next-line no-await-in-loop -- in the order in which they came
        await take({
          topic: "",
          payload: Buffer.from(payload, "base64"),
          ...(responseTopic === undefined ? {} : { responseTopic }),
          ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation, "base64") }),
        });
      }
    },
  };
};

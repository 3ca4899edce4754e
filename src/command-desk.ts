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
  /** Whether an answer would get out. */
  readonly connected: () => boolean;
  /** Where an answer goes that was not told where to go. */
  readonly route: Route;
  /** What can be asked. Each runs at once; it returns what is wrong with the command, where something is. */
  readonly kinds: Readonly<Record<string, (command: CommandMessage) => string | undefined>>;
};

/** What is left of a command that cannot be read: enough to answer it. */
const Named = z.object({ id: z.string().max(200) });

const COMMAND_BYTES = 16_384;
/** Commands whose ids are remembered until they expire; beyond these a further one is refused. */
const REMEMBERED = 128;
const DONE_BYTES = 32_768;
const ERROR_LETTERS = 160;
/** MQTT 5 §3.3.2.3.5: a response topic has no wildcards; a broker ends the connection over one. */
const RESPONSE_TOPIC = /^[^#+$\0][^#+\0]{0,255}$/;
const NOTE = "commands";
/** Commands that wait for the time to be known, and all their bytes; more are refused. */
const HELD = 16;
const HELD_BYTES = 32_768;
const HELD_NOTE = "held-commands";

/** A command as it came, in a form that can be kept. */
type Held = {
  readonly payload: string;
  readonly responseTopic?: string | undefined;
  readonly correlation?: string | undefined;
};

type Reply = { readonly id: string; readonly ok: boolean; readonly error?: string };
/** `until`: when it expires, UTC milliseconds: then the same id is refused for that. */
type Done = Reply & { readonly until: number };

/** What a command takes where it is held. */
const heldForm = ({ payload, responseTopic, correlationData }: Incoming): Held => ({
  payload: payload.toString("base64"),
  responseTopic,
  correlation: correlationData?.toString("base64"),
});

export const createCommandDesk = (options: CommandDeskOptions): CommandDesk => {
  const { outbox, clock, log } = options;
  let done = (outbox.notes.get(NOTE) as readonly Done[] | undefined) ?? [];
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
    const unexpired = done.filter(({ until }) => until >= at);
    if (unexpired.length >= REMEMBERED || JSON.stringify(unexpired).length >= DONE_BYTES)
      return "too many commands that have not expired are remembered already";
    return options.kinds[command.kind]!(command);
  };

  const secured = (id: string): Promise<void> =>
    outbox.secure().catch((cause: unknown) => {
      log.error("a command cannot be remembered", { id, cause: reasonOf(cause) });
    });

  const answer = ({ responseTopic, correlationData }: Incoming, reply: Reply): void => {
    const route: Route =
      responseTopic === undefined || !RESPONSE_TOPIC.test(responseTopic)
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

  const hasRoom = (one: Held): boolean =>
    held.length < HELD && JSON.stringify([...held, one]).length <= HELD_BYTES;

  /** `was`: where it was held until now: it stops being so in the same turn in which it is answered. */
  const take = async (message: Incoming, was?: Held): Promise<void> => {
    const release = (): void => {
      if (was) keepHeld(held.filter((one) => one !== was));
    };
    const parsed = CommandMessage.safeParse(readJson(message.payload, COMMAND_BYTES));
    if (!parsed.success) {
      const error = `it is not a command: ${reasonOf(parsed.error.issues[0]?.message)}`;
      const named = Named.safeParse(readJson(message.payload, COMMAND_BYTES));
      const id = named.success ? named.data.id : "";
      release();
      log.warn("a command cannot be read: it is refused", { bytes: message.payload.length });
      options.event({ type: "command", ok: false, error, ...(id === "" ? {} : { id }) });
      answer(message, { id, ok: false, error });
      return;
    }
    const { id, kind } = parsed.data;
    const before = done.find((reply) => reply.id === id);
    if (before) {
      release();
      const { until: _, ...reply } = before;
      answer(message, reply);
      return;
    }
    if (clock.now().clock === "unset" && Object.hasOwn(options.kinds, kind)) {
      const form = heldForm(message);
      if (hasRoom(form)) {
        keepHeld([...held, form]);
        log.info(`command ${kind} waits until the time is known`, { id });
        await secured(id);
        return;
      }
    }
    const error = perform(parsed.data)?.slice(0, ERROR_LETTERS);
    const reply: Reply = error === undefined ? { id, ok: true } : { id, ok: false, error };
    const now = clock.now();
    const until = Date.parse(parsed.data.expiresAt);
    // What was refused need not be remembered longer than what was done.
    if (error === undefined || (done.length < REMEMBERED && JSON.stringify(done).length < DONE_BYTES)) {
      const kept = done.filter((one) => now.clock === "unset" || one.until >= now.at);
      done = [...kept, { ...reply, until }];
      outbox.note(NOTE, done);
    }
    release();
    options.event({ type: "command", kind, ...reply });
    log.info(error === undefined ? `command ${kind}` : `command refused: ${error}`, { id });
    await secured(id);
    answer(message, reply);
  };

  /** One after another: the next tick must not begin before the last is done. */
  let judging: Promise<void> | undefined;
  const judgeHeld = async (): Promise<void> => {
    for (const one of held) {
      const { payload, responseTopic, correlation } = one;
      const message = {
        topic: "",
        payload: Buffer.from(payload, "base64"),
        ...(responseTopic === undefined ? {} : { responseTopic }),
        ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation, "base64") }),
      };
      // oxlint-disable-next-line no-await-in-loop -- in the order in which they came
      await take(message, one);
    }
  };

  return {
    take,
    clock() {
      if (held.length === 0 || clock.now().clock === "unset" || !options.connected())
        return Promise.resolve();
      judging ??= judgeHeld().finally(() => (judging = undefined));
      return judging;
    },
  };
};

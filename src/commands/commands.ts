import * as z from "zod";
import { CommandMessage } from "../domain/messages.ts";
import type { CommandMemory, DoneCommand, HeldCommand } from "../domain/memory.ts";
import { LAST_INSTANT, type Instant } from "../domain/time.ts";

/**
 * What becomes of a command from dispatch: it is run once or refused with a reason, also across a
 * restart (contract §2). Pure: the decision comes back, somebody else runs it.
 */
export type Asked = {
  /** The payload as JSON; undefined if it is none, or too long. */
  readonly value: unknown;
  /** The message as it came: what is kept if it must wait. */
  readonly held: HeldCommand;
};

export type Reply = { readonly id: string; readonly ok: boolean; readonly error?: string };

export type Decision =
  /** Answer without running anything. `news`: what the `command` event says; absent for a repeated command. */
  | {
      readonly kind: "answer";
      readonly memory: CommandMemory;
      readonly reply: Reply;
      readonly news?: { readonly kind?: string };
    }
  /** The time is not known: it waits. */
  | { readonly kind: "hold"; readonly memory: CommandMemory; readonly id: string }
  /** Run it, then ask `done`. */
  | { readonly kind: "run"; readonly memory: CommandMemory; readonly command: CommandMessage };

/** What is left of a command that cannot be read: enough to answer it. */
const Named = z.object({ id: z.string().max(200) });

/** Commands whose ids are remembered, and the bytes that they may take. */
const REMEMBERED = 256;
const DONE_BYTES = 32_768;
/** However late a command expires, it is remembered for this long. */
const REMEMBERED_MS = 86_400_000;
const ERROR_LETTERS = 160;
/** Commands that wait for the time to be known, and all their bytes; more are refused. */
const HELD = 16;
const HELD_BYTES = 32_768;

/** As UTF-8: what it takes of its place on disk. */
const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

const refused = (id: string, error: string): Reply => ({
  id,
  ok: false,
  error: error.slice(0, ERROR_LETTERS),
});

const remembered = (done: readonly DoneCommand[]): boolean =>
  done.length <= REMEMBERED && bytesOf(done) <= DONE_BYTES;

/** What has not expired. Nothing is remembered for longer than REMEMBERED_MS, whatever the clock was when it came. */
const current = (done: readonly DoneCommand[], { at, clock }: Instant): DoneCommand[] => {
  if (clock === "unset") return [...done];
  const latest = at + REMEMBERED_MS;
  return done.flatMap((one) => {
    if (one.until < at) return [];
    return one.until <= latest ? one : { ...one, until: latest };
  });
};

/** Makes room for one more: what has expired goes, then refused ones, the oldest first. Run ones stay. */
const withRoom = (done: readonly DoneCommand[], one: DoneCommand, now: Instant): DoneCommand[] => {
  let kept = current(done, now);
  while (!remembered([...kept, one])) {
    const victim = kept.findIndex(({ ok }) => !ok);
    if (victim < 0) break;
    kept = kept.toSpliced(victim, 1);
  }
  return kept;
};

const hasRoom = (memory: CommandMemory, one: DoneCommand, now: Instant): boolean =>
  remembered([...withRoom(memory.done, one, now), one]);

/** A finished command in memory. A refused one that finds no room is not remembered. */
const remember = (memory: CommandMemory, reply: Reply, expiresAt: number, now: Instant): CommandMemory => {
  const latest = now.clock === "unset" ? LAST_INSTANT : now.at + REMEMBERED_MS;
  const one: DoneCommand = {
    ...reply,
    until: Math.min(Number.isNaN(expiresAt) ? now.at : expiresAt, latest),
  };
  const kept = withRoom(memory.done, one, now);
  const fits = remembered([...kept, one]);
  return fits || reply.ok ? { ...memory, done: [...kept, one] } : { ...memory, done: kept };
};

/** Why a command that can be read is not run; undefined: it may be. */
const whyNot = (
  memory: CommandMemory,
  { id, kind, expiresAt }: CommandMessage,
  kinds: readonly string[],
  now: Instant,
): string | undefined => {
  if (!kinds.includes(kind)) return `there is no command of kind ${kind}`;
  if (now.clock === "unset") return `the time is not known yet, and ${HELD} commands wait for it already`;
  // A time that cannot be computed has expired.
  if (!(now.at <= Date.parse(expiresAt))) return `it expired at ${expiresAt}`;
  if (!hasRoom(memory, { id, ok: true, until: now.at }, now))
    return "too many commands that have not expired are remembered already";
  return undefined;
};

const sameHeld = (one: HeldCommand, other: HeldCommand): boolean =>
  one.payload === other.payload &&
  one.responseTopic === other.responseTopic &&
  one.correlation === other.correlation;

const release = (memory: CommandMemory, held: HeldCommand): CommandMemory => ({
  ...memory,
  held: memory.held.filter((one) => !sameHeld(one, held)),
});

/** `kinds`: the commands that there are. */
export const decide = (
  before: CommandMemory,
  { value, held }: Asked,
  kinds: readonly string[],
  now: Instant,
): Decision => {
  const memory = release(before, held);
  const parsed = CommandMessage.safeParse(value);
  if (!parsed.success) {
    const named = Named.safeParse(value);
    const whys = parsed.error.issues.map(({ path, message }) => [...path.map(String), message].join(": "));
    const error = ["it is not a command", ...whys.slice(0, 1)].join(": ");
    return {
      kind: "answer",
      memory,
      reply: refused(named.success ? named.data.id : "", error),
      news: {},
    };
  }
  const command = parsed.data;
  const { id, kind } = command;
  const known = memory.done.find((one) => one.id === id);
  if (known) {
    const { until: _, ...reply } = known;
    return { kind: "answer", memory, reply: exactReply(reply) };
  }
  if (now.clock === "unset" && kinds.includes(kind)) {
    // A broker may deliver it again while it waits.
    if (before.held.length > memory.held.length) return { kind: "hold", memory: before, id };
    const waiting = [...memory.held, held];
    if (waiting.length <= HELD && bytesOf(waiting) <= HELD_BYTES)
      return { kind: "hold", memory: { ...memory, held: waiting }, id };
  }
  const why = whyNot(memory, command, kinds, now);
  return why === undefined ? { kind: "run", memory, command } : finish(memory, command, why, now);
};

const exactReply = ({ id, ok, error }: Omit<DoneCommand, "until">): Reply =>
  error === undefined ? { id, ok } : { id, ok, error };

const finish = (
  memory: CommandMemory,
  { id, kind, expiresAt }: CommandMessage,
  error: string | undefined,
  now: Instant,
): Decision & { kind: "answer" } => {
  const reply = error === undefined ? { id, ok: true } : refused(id, error);
  return {
    kind: "answer",
    memory: remember(memory, reply, Date.parse(expiresAt), now),
    reply,
    news: { kind },
  };
};

/** A command was run; `error`: what was wrong with it, if something was. */
export const done = finish;

/** MQTT 5 §3.3.2.3.5: a response topic has no wildcards; a broker ends the connection over one. */
const RESPONSE_TOPIC = /^[^#+$\0][^#+\0]{0,255}$/;

/**
 * Where the answer goes: the response topic, unless it cannot be published to, or is one of the unit's
 * own topics with a meaning of its own. `reply`: the unit's own topic for answers.
 */
export const answerTopic = (
  responseTopic: string | undefined,
  reply: string,
  owns: (topic: string) => boolean,
): string => {
  if (responseTopic === undefined || !RESPONSE_TOPIC.test(responseTopic)) return reply;
  return owns(responseTopic) && !responseTopic.startsWith(`${reply}/`) ? reply : responseTopic;
};

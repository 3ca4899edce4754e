import * as z from "zod";
import { CommandMessage } from "../domain/messages.ts";
import { isKeepable } from "../domain/text.ts";
import type { CommandMemory, DoneCommand, HeldCommand } from "../domain/memory.ts";
import { LAST_INSTANT, type Instant } from "../domain/time.ts";

/**
 * Decides what happens to a command from dispatch: it is run once, or refused with a reason, even across
 * a restart (contract §2). Pure: the caller performs the decision.
 */
export type Asked = {
  /** The payload as JSON; undefined if it is not JSON in UTF-8 or is too long. */
  readonly value: unknown;
  /** The message as it was received, to be kept if it must wait. */
  readonly held: HeldCommand;
};

export type Reply = { readonly id: string; readonly ok: boolean; readonly error?: string };

export type Decision =
  /**
   * Answer without running anything. `news`: for the `command` event; absent if the command is a
   * repetition.
   */
  | {
      readonly kind: "answer";
      readonly memory: CommandMemory;
      readonly reply: Reply;
      readonly news?: { readonly kind?: string };
    }
  /** The time is not known yet: the command waits. */
  | { readonly kind: "hold"; readonly memory: CommandMemory; readonly id: string }
  /** Run the command, then call `done`. */
  | { readonly kind: "run"; readonly memory: CommandMemory; readonly command: CommandMessage };

/** The part of an invalid command that is needed to answer it. */
const Named = z.object({ id: z.string().max(200).refine(isKeepable) });

/** The most commands that are remembered, and the most bytes that they take. */
const REMEMBERED = 256;
const DONE_BYTES = 32_768;
/** So many more are remembered if they were refused: a broker may deliver one again when there is room. */
const REFUSED = 16;
const REFUSED_BYTES = 8_192;
/** A command is remembered for at most this long, however late it expires. */
const REMEMBERED_MS = 86_400_000;
/** The newest commands are remembered whatever their expiry, if there is room. */
const KEPT_ANYWAY = 16;
const ERROR_LETTERS = 160;
const UNREADABLE = "it is not JSON in UTF-8, or it is too long";
/** The most commands that wait for the time, and the most bytes that they take. Further ones are refused. */
const HELD = 16;
const HELD_BYTES = 32_768;

/** The size on disk: JSON as UTF-8. */
const bytesOf = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length;

const refused = (id: string, error: string): Reply => ({
  id,
  ok: false,
  error: error.slice(0, ERROR_LETTERS),
});

/** Whether there is room for those of them that were run. */
const fitsRun = (done: readonly DoneCommand[]): boolean => {
  const run = done.filter(({ ok }) => ok);
  return run.length <= REMEMBERED && bytesOf(run) <= DONE_BYTES;
};

/** Whether there is room for all of them. */
const fitsAll = (done: readonly DoneCommand[]): boolean =>
  done.length <= REMEMBERED + REFUSED && bytesOf(done) <= DONE_BYTES + REFUSED_BYTES;

const remembered = (done: readonly DoneCommand[]): boolean => fitsRun(done) && fitsAll(done);

/**
 * The commands that have not expired, and the newest ones whatever their expiry: the clock may be wrong now, and be set
 * right before a broker delivers one of them again. None that has not expired is remembered for longer than
 * REMEMBERED_MS, even if the clock was wrong when it was received.
 */
const current = (done: readonly DoneCommand[], { at, clock }: Instant): DoneCommand[] => {
  if (clock === "unset") return [...done];
  const latest = at + REMEMBERED_MS;
  return done.flatMap((one, n) => {
    if (one.until < at) return n >= done.length - KEPT_ANYWAY ? [one] : [];
    return one.until <= latest ? one : { ...one, until: latest };
  });
};

/** Without the oldest of those that may go, as many as it takes, or all of them. */
const reduced = (
  done: readonly DoneCommand[],
  fits: (done: readonly DoneCommand[]) => boolean,
  mayGo: (one: DoneCommand) => boolean,
): readonly DoneCommand[] => {
  let kept = done;
  while (!fits(kept)) {
    const victim = kept.findIndex(mayGo);
    if (victim < 0) break;
    kept = kept.toSpliced(victim, 1);
  }
  return kept;
};

/** Makes room for one more. First those go that were run and have expired, then refused ones; others stay. */
const withRoom = (done: readonly DoneCommand[], one: DoneCommand, now: Instant): readonly DoneCommand[] => {
  const fits = (kept: readonly DoneCommand[]): boolean => remembered([...kept, one]);
  const fitsAllOf = (kept: readonly DoneCommand[]): boolean => fitsAll([...kept, one]);
  const isExpired = ({ until }: DoneCommand): boolean => now.clock !== "unset" && until < now.at;
  const live = reduced(current(done, now), fits, (kept) => kept.ok && isExpired(kept));
  return reduced(live, fitsAllOf, ({ ok }) => !ok);
};

const hasRoom = (memory: CommandMemory, one: DoneCommand, now: Instant): boolean =>
  remembered([...withRoom(memory.done, one, now), one]);

/**
 * Remembers a finished command. A refused command is remembered beyond its expiry: it must not run if the broker
 * delivers it again when the clock has been set back, or when there is room for it.
 */
const remember = (memory: CommandMemory, reply: Reply, expiresAt: number, now: Instant): CommandMemory => {
  const latest = now.clock === "unset" ? LAST_INSTANT : now.at + REMEMBERED_MS;
  const ends = reply.ok ? expiresAt : latest;
  const one: DoneCommand = { ...reply, until: Math.min(Number.isNaN(ends) ? now.at : ends, latest) };
  return { ...memory, done: [...withRoom(memory.done, one, now), one] };
};

const sameHeld = (one: HeldCommand, other: HeldCommand): boolean =>
  one.payload === other.payload &&
  one.responseTopic === other.responseTopic &&
  one.correlation === other.correlation;

const fitsHeld = (held: readonly HeldCommand[]): boolean =>
  held.length <= HELD && bytesOf(held) <= HELD_BYTES;

/**
 * Adds commands that a newer memory has finished, and those that wait in it for the time, as long as there is room. One
 * that is finished and waits is answered when its turn comes.
 */
export const recall = (memory: CommandMemory, newer: CommandMemory): CommandMemory => {
  const all = [...memory.done];
  for (const one of newer.done) {
    if (all.some(({ id }) => id === one.id)) continue;
    all.push(one);
    if (!remembered(all)) all.pop();
  }
  const held = [...memory.held];
  for (const one of newer.held)
    if (!held.some((other) => sameHeld(one, other)) && fitsHeld([...held, one])) held.push(one);
  return { ...memory, done: all, held };
};

/** Why a valid command is not run. Undefined: it may be run. */
const whyNot = (
  memory: CommandMemory,
  { id, kind, expiresAt }: CommandMessage,
  kinds: readonly string[],
  now: Instant,
): string | undefined => {
  if (!kinds.includes(kind)) return `there is no command of kind ${kind}`;
  if (now.clock === "unset") return `the time is not known yet, and ${HELD} commands wait for it already`;
  // If the time cannot be computed (NaN), the command counts as expired.
  if (!(now.at <= Date.parse(expiresAt))) return `it expired at ${expiresAt}`;
  if (!hasRoom(memory, { id, ok: true, until: now.at }, now))
    return "too many commands that have not expired are remembered already";
  return undefined;
};

const release = (memory: CommandMemory, held: HeldCommand): CommandMemory => ({
  ...memory,
  held: memory.held.filter((one) => !sameHeld(one, held)),
});

/** Decides about a command at `now`. `kinds`: the kinds of commands that the unit knows. */
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
    const whys =
      value === undefined
        ? [UNREADABLE]
        : parsed.error.issues.map(({ path, message }) => [...path.map(String), message].join(": "));
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
    // The command waits already: the broker has delivered it again.
    if (before.held.length > memory.held.length) return { kind: "hold", memory: before, id };
    const waiting = [...memory.held, held];
    if (fitsHeld(waiting)) return { kind: "hold", memory: { ...memory, held: waiting }, id };
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

/** A command was run. `error`: why it failed, if it did. */
export const done = finish;

/**
 * MQTT 5 §3.3.2.3.5: a response topic has no wildcards. A broker closes the connection if one is
 * published to.
 */
const RESPONSE_TOPIC = /^[^#+$\0][^#+\0]{0,255}$/;

/**
 * The topic of the answer: the response topic, unless it is invalid or one of the unit's own topics.
 * `reply`: the unit's own topic for answers.
 */
export const answerTopic = (
  responseTopic: string | undefined,
  reply: string,
  owns: (topic: string) => boolean,
): string => {
  if (responseTopic === undefined || !RESPONSE_TOPIC.test(responseTopic)) return reply;
  return owns(responseTopic) && !responseTopic.startsWith(`${reply}/`) ? reply : responseTopic;
};

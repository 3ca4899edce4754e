import * as z from "zod";
import {
  Copy,
  CountedPresses,
  CustodyMemory,
  KeptEpisode,
  KnownButton,
  Memory,
  NO_CUSTODY,
  NO_MEMORY,
} from "../domain/memory.ts";
import { leaveOut } from "../domain/shortened.ts";

/**
 * A memory as it was read: entry by entry, so that one that cannot be read never costs the others.
 * `unread` names those, a line each.
 */
export type ReadMemory = { readonly memory: Memory; readonly unread: readonly string[] };

const { done: DoneCommands, held: HeldCommands } = Memory.shape.commands.shape;

const lists = z.object({
  unit: z.string().optional().catch(undefined),
  emergency: z
    .looseObject({
      episodes: z.array(z.unknown()).catch([]),
      presses: z.array(z.unknown()).catch([]),
      copies: z.array(z.unknown()).catch([]),
      airbags: z.array(z.unknown()).catch([]),
      drillAskedAt: z.number().optional().catch(undefined),
    })
    .catch({ episodes: [], presses: [], copies: [], airbags: [] }),
  commands: z
    .looseObject({ done: z.array(z.unknown()).catch([]), held: z.array(z.unknown()).catch([]) })
    .catch({ done: [], held: [] }),
  buttons: z.array(z.unknown()).optional().catch(undefined),
  // Lost, it is made again of the next receipt.
  custody: CustodyMemory.catch(NO_CUSTODY),
  // Lost, it is made again of the next connections.
  sessions: z.array(z.string()).optional().catch(undefined),
});

const reader = () => {
  const unread: string[] = [];
  const entries = <T>(what: string, schema: z.ZodType<T>, values: readonly unknown[]): T[] =>
    values.flatMap((value) => {
      const read = schema.safeParse(value);
      if (read.success) return [read.data];
      const [issue] = read.error.issues;
      unread.push(`${what} cannot be read (${issue?.path.join(".") ?? ""}: ${issue?.message ?? "unknown"})`);
      return [];
    });
  return { unread, entries };
};

const Data = z.looseObject({ shortened: z.array(z.string()).optional().catch(undefined) });
const Scene = z.looseObject({ report: z.looseObject({ data: Data }) });

/** A kept episode without the position, track and vehicle of its report. */
const withoutUnreadScene = (value: unknown): unknown => {
  const read = Scene.safeParse(value);
  if (!read.success) return value;
  const data = leaveOut(read.data.report.data, "position", "track", "vehicle");
  return { ...read.data, report: { ...read.data.report, data } };
};

/** The memory of a vital file of this version. */
export const readMemory = (value: unknown): ReadMemory => {
  const { unread, entries } = reader();
  const read = lists.safeParse(value);
  if (!read.success) return { memory: NO_MEMORY, unread: ["the memory cannot be read"] };
  const { unit, emergency, commands, custody, buttons, sessions } = read.data;
  const { drillAskedAt } = emergency;
  const episodes = emergency.episodes.flatMap((kept) => {
    const [whole] = entries("an episode", KeptEpisode, [kept]);
    // The press must survive even if its place cannot be read.
    const saved = whole ?? KeptEpisode.safeParse(withoutUnreadScene(kept)).data;
    return saved === undefined ? [] : [saved];
  });
  const copies = entries("a retained copy", Copy, emergency.copies);
  // An episode that cannot be read may be open: its copies on the brokers must stay.
  const known = new Set(episodes.map(({ episode }) => episode.id));
  const all = episodes.length === emergency.episodes.length;
  return {
    memory: {
      v: 1,
      ...(unit === undefined ? {} : { unit }),
      emergency: {
        episodes,
        presses: entries("the presses of a board", CountedPresses, emergency.presses),
        copies: all ? copies : copies.filter(({ episode }) => known.has(episode)),
        airbags: entries("an airbag", z.string(), emergency.airbags),
        ...(drillAskedAt === undefined ? {} : { drillAskedAt }),
      },
      commands: {
        done: entries("a finished command", DoneCommands.element, commands.done),
        held: entries("a held command", HeldCommands.element, commands.held),
      },
      ...(buttons === undefined ? {} : { buttons: entries("a button", KnownButton, buttons) }),
      custody,
      ...(sessions === undefined ? {} : { sessions }),
    },
    unread,
  };
};

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
/** A copy of it, if it is an object. */
const object = (value: unknown): object => (typeof value === "object" && value !== null ? { ...value } : {});

/** The notes of contract 1.0: values under names. */
export const readNotes = (notes: Readonly<Record<string, unknown>>): ReadMemory => {
  const named = (prefix: string): (readonly [name: string, value: unknown])[] =>
    Object.entries(notes).flatMap(([name, value]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
    );
  return readMemory({
    emergency: {
      episodes: named("episode:").map(([, value]) => value),
      presses: named("board:").map(([board, value]) => Object.assign(object(value), { board })),
      copies: named("retained:").flatMap(([broker, value]) =>
        list(value).map((episode) => ({ episode, broker })),
      ),
      airbags: list(notes["airbags"]),
    },
    commands: { done: list(notes["commands"]), held: list(notes["held-commands"]) },
  });
};

/** What a memory gives up first if it is too large for its place. Never an open episode. */
const SHORTER: readonly ((memory: Memory) => Memory | undefined)[] = [
  ({ commands, ...rest }) =>
    commands.done.length > 0
      ? { ...rest, commands: { ...commands, done: commands.done.slice(Math.ceil(commands.done.length / 4)) } }
      : undefined,
  ({ commands, ...rest }) =>
    commands.held.length > 0
      ? { ...rest, commands: { ...commands, held: commands.held.slice(Math.ceil(commands.held.length / 4)) } }
      : undefined,
  ({ emergency, ...rest }) => {
    const episodes = emergency.episodes.map((kept) => withoutScene(kept));
    const shorter = episodes.some((kept, n) => kept !== emergency.episodes[n]);
    return shorter ? { ...rest, emergency: { ...emergency, episodes } } : undefined;
  },
  ({ emergency, ...rest }) => {
    const ended = emergency.episodes.findIndex(({ episode }) => episode.state === "cleared");
    if (ended < 0) return undefined;
    return { ...rest, emergency: { ...emergency, episodes: emergency.episodes.toSpliced(ended, 1) } };
  },
  ({ emergency, ...rest }) => {
    const open = new Set(emergency.episodes.map(({ episode }) => episode.id));
    const ended = emergency.copies.filter(({ episode }) => !open.has(episode));
    if (ended.length === 0) return undefined;
    const gone = new Set(ended.slice(0, Math.ceil(ended.length / 4)));
    return { ...rest, emergency: { ...emergency, copies: emergency.copies.filter((one) => !gone.has(one)) } };
  },
  ({ emergency, ...rest }) =>
    emergency.presses.length > 1
      ? { ...rest, emergency: { ...emergency, presses: emergency.presses.slice(1) } }
      : undefined,
];

/** An emergency without its track and vehicle: the press, its time and its place stay. */
const withoutScene = (kept: Memory["emergency"]["episodes"][number]): typeof kept => {
  const data = leaveOut(kept.report.data, "track", "vehicle");
  return data === kept.report.data ? kept : { ...kept, report: { ...kept.report, data } };
};

/**
 * The memory, shortened until it fits: finished commands, then held ones, the track and vehicle of
 * episodes, ended episodes, copies of those, the presses of older boards; the oldest of each first.
 * Undefined if open episodes alone are too large.
 */
export const fitting = (memory: Memory, fits: (memory: Memory) => boolean): Memory | undefined => {
  let now = memory;
  for (const shorter of SHORTER) {
    for (let next: Memory | undefined = now; next; next = shorter(now)) {
      now = next;
      if (fits(now)) return now;
    }
  }
  return undefined;
};

import { groupMask, type CanFrame, type SignalValue } from "../../domain/can.ts";
import type { DbcDatabase, DbcMessage, DbcSignal } from "../dbc/database.ts";
import { compileRaw, compileScale, isUnavailable, type ReadSignal } from "./signal.ts";

/** A signal ready to read frames. Each reader returns undefined if the signal is absent from the frame. */
export type CompiledSignal = {
  readonly signal: DbcSignal;
  /** Whether a frame of the message carries the signal. Undefined: each does, as it is not multiplexed. */
  readonly present: ((data: Uint8Array) => boolean) | undefined;
  readonly raw: ReadSignal<SignalValue>;
  readonly physical: ReadSignal<SignalValue>;
  /** The text of the value table for this value, if there is one. */
  readonly label: (data: Uint8Array) => string | undefined;
};

export type CompiledMessage = {
  readonly message: DbcMessage;
  readonly signals: readonly CompiledSignal[];
};

const inRanges = (value: SignalValue, ranges: readonly (readonly [bigint, bigint])[]): boolean =>
  ranges.some(([low, high]) => value >= low && value <= high);

/**
 * Whether a frame carries a multiplexed signal: the frame carries the multiplexor, with a value that
 * selects the signal. Undefined: the signal is not multiplexed.
 */
const presence = (
  signal: DbcSignal,
  message: DbcMessage,
  raws: ReadonlyMap<string, ReadSignal<SignalValue>>,
  seen: readonly string[] = [],
): ((data: Uint8Array) => boolean) | undefined => {
  const { multiplexed } = signal;
  if (!multiplexed) return undefined;
  const by = message.signals.find(({ name }) => name === multiplexed.by);
  const read = raws.get(multiplexed.by);
  // A missing multiplexor, or one that depends on itself, selects nothing.
  if (!by || !read || seen.includes(by.name)) return () => false;
  const above = presence(by, message, raws, [...seen, signal.name]);
  const { ranges } = multiplexed;
  return (data) => {
    if (above && !above(data)) return false;
    const value = read(data);
    return value !== undefined && inRanges(value, ranges);
  };
};

const compileMessage = (message: DbcMessage): CompiledMessage => {
  const raws = new Map(message.signals.map((signal) => [signal.name, compileRaw(signal)]));
  return {
    message,
    signals: message.signals.map((signal): CompiledSignal => {
      const read = raws.get(signal.name)!;
      const present = presence(signal, message, raws);
      const scale = compileScale(signal);
      const raw: ReadSignal<SignalValue> = present
        ? (data) => (present(data) ? read(data) : undefined)
        : read;
      const available: ReadSignal<SignalValue> = message.j1939
        ? (data) => {
            const value = raw(data);
            return value === undefined || isUnavailable(signal, value) ? undefined : value;
          }
        : raw;
      return {
        signal,
        present,
        raw,
        physical(data) {
          const value = available(data);
          return value === undefined ? undefined : scale(value);
        },
        label(data) {
          const value = available(data);
          return value === undefined ? undefined : signal.labels.get(value.toString());
        },
      };
    }),
  };
};

/** The parameter group of a J1939 id: without priority, source address and destination. SAE J1939-21 §5.2. */
export const parameterGroup = (id: number): number => (id & groupMask(id)) >>> 8;

/** Every message of a database, in its order, ready to read frames. */
export const compileMessages = (database: DbcDatabase): readonly CompiledMessage[] =>
  database.messages.map(compileMessage);

/** Finds the message of a frame by its id, or, for J1939, by its parameter group from any sender. */
export const matcherOf = (
  messages: readonly CompiledMessage[],
): ((frame: CanFrame) => CompiledMessage | undefined) => {
  const standard = new Map<number, CompiledMessage>();
  const extended = new Map<number, CompiledMessage>();
  const groups = new Map<number, CompiledMessage>();
  for (const compiled of messages) {
    const { id, extended: long, j1939 } = compiled.message;
    (long ? extended : standard).set(id, compiled);
    if (j1939) groups.set(parameterGroup(id), compiled);
  }
  return ({ id, extended: long }) =>
    long
      ? (extended.get(id) ?? (groups.size > 0 ? groups.get(parameterGroup(id)) : undefined))
      : standard.get(id);
};

/** Finds the message of a frame in a database, as `matcherOf` does. */
export const createMatcher = (database: DbcDatabase): ((frame: CanFrame) => CompiledMessage | undefined) =>
  matcherOf(compileMessages(database));

import type { CanFilter, CanFrame } from "../../domain/can.ts";
import type { DbcDatabase } from "../dbc/database.ts";
import { doubts } from "./map-doubts.ts";
import { resolve, type Found, type LineFault, type SignalMapping, type VssValue } from "./map-entry.ts";
import { compileMessages, matcherOf, type CompiledMessage, type CompiledSignal } from "./message.ts";
import { compileValue } from "./value.ts";

/** Where the value of a path comes from, and when it is worth a report. */
type MappedSignal = {
  readonly path: string;
  readonly deadband: number;
  readonly minIntervalMs: number;
  /** Stale if not received for this long. Undefined: the signal has no cycle. */
  readonly staleMs: number | undefined;
  /** VSS's unit; absent: it has none. */
  readonly unit?: string;
  readonly source: SignalSource;
};

/** The frame that carries a signal, and the names that the database gives to both. */
type SignalSource = {
  readonly message: string;
  readonly frameId: number;
  /** Whether the id has 29 bits. */
  readonly extended: boolean;
  readonly signal: string;
};

export type CanMapping = {
  readonly signals: readonly MappedSignal[];
  /** The ids to receive from the bus. */
  readonly filters: readonly CanFilter[];
  /** What may be wrong; only someone who knows the car can say. */
  readonly warnings: readonly MappingFault[];
  /** The mapped signals that a frame carries. Undefined: nothing in this frame is mapped. */
  read(frame: CanFrame): readonly MappedValue[] | undefined;
};

/**
 * A value in VSS's unit. Undefined: the frame carries the signal, but its value means unknown, such as an
 * error code, a value that the map does not name, or one out of range.
 */
type MappedValue = readonly [path: string, value: VssValue | undefined];

export type MappingFault = { readonly path: string; readonly message: string };

const MIN_INTERVAL_MS = 1_000;
/** A signal is stale when its message has been missing three times. */
const MISSED_CYCLES = 3;
/**
 * No derived limit is shorter. Frames are read in batches of 20 ms and the process may stand still for some
 * 100 ms (a slow disk, garbage collection): with the 30 ms of a 10 ms message, a press in that moment would
 * find a healthy car without signals. A value of a second ago still says what the car did at the press.
 */
const LEAST_STALE_MS = 1_000;

const limitsOf = (mapping: SignalMapping, { vss, message, signal }: Found): MappedSignal => {
  // A cycle is that of the message. How often it carries a multiplexed signal, the database does not say.
  const cycleMs = signal.signal.multiplexed ? undefined : message.message.cycleMs;
  const staleMs = cycleMs === undefined ? undefined : Math.max(LEAST_STALE_MS, cycleMs * MISSED_CYCLES);
  return {
    path: vss.path,
    deadband: mapping.deadband ?? vss.deadband ?? 0,
    minIntervalMs: mapping.minIntervalMs ?? (vss.type === "number" ? MIN_INTERVAL_MS : 0),
    staleMs: mapping.staleS === undefined ? staleMs : mapping.staleS * 1_000,
    ...(vss.unit === undefined ? {} : { unit: vss.unit }),
    source: {
      message: message.message.name,
      frameId: message.message.id,
      extended: message.message.extended,
      signal: signal.signal.name,
    },
  };
};

type Reader = {
  readonly path: string;
  readonly present: CompiledSignal["present"];
  readonly read: (data: Uint8Array) => VssValue | undefined;
};

const readWith = (
  readers: ReadonlyMap<CompiledMessage, readonly Reader[]>,
  messages: readonly CompiledMessage[],
): CanMapping["read"] => {
  const match = matcherOf(messages);
  return (frame) => {
    const message = match(frame);
    const list = message && readers.get(message);
    if (!list) return undefined;
    const values: MappedValue[] = [];
    for (const { path, present, read } of list)
      if (present === undefined || present(frame.data)) values.push([path, read(frame.data)]);
    return values;
  };
};

/**
 * Returns what finds everything that is wrong with a line of a signal map, also with one that lacks keys.
 * `database` undefined: it cannot be read, and what does not need it is checked.
 */
export const lineChecker = (
  database: DbcDatabase | undefined,
): ((path: string, mapping: Partial<SignalMapping>) => readonly LineFault[]) => {
  const messages = database && compileMessages(database);
  return (path, mapping) => resolve(path, mapping, messages).faults;
};

/** Compiles the signal map of a configuration. If it has faults, returns all of them instead. */
export const compileMapping = (
  signals: Readonly<Record<string, SignalMapping>>,
  database: DbcDatabase,
): CanMapping | readonly MappingFault[] => {
  const faults: MappingFault[] = [];
  const warnings: MappingFault[] = [];
  const limits: MappedSignal[] = [];
  const readers = new Map<CompiledMessage, Reader[]>();
  const messages = compileMessages(database);
  for (const [path, mapping] of Object.entries(signals)) {
    const { found, faults: wrong } = resolve(path, mapping, messages);
    faults.push(...wrong.map(({ message }) => ({ path, message })));
    if (!found) continue;
    const { vss, message, signal } = found;
    warnings.push(...doubts(vss, mapping, signal.signal).map((doubt) => ({ path, message: doubt })));
    readers.set(message, [
      ...(readers.get(message) ?? []),
      { path, present: signal.present, read: compileValue(vss, mapping, signal) },
    ]);
    limits.push(limitsOf(mapping, found));
  }
  if (faults.length > 0) return faults;
  return {
    signals: limits,
    warnings,
    filters: messages
      .filter((one) => readers.has(one))
      .map(({ message: { id, extended, j1939 } }) => ({ id, extended, group: j1939 })),
    read: readWith(readers, messages),
  };
};

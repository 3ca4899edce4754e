import { suggest } from "../../domain/suggest.ts";
import { isAirbag, VSS, type VssSignal } from "../../domain/vss.ts";
import type { DbcSignal } from "../dbc/database.ts";
import { isWide } from "./labels.ts";
import type { CompiledMessage, CompiledSignal } from "./message.ts";

/** Checks one line of a signal map: what it refers to, and what is wrong. */

/** What the configuration says about one VSS path. */
export type SignalMapping = {
  /** `MESSAGE.SIGNAL` of the database. */
  readonly from: string;
  /** Value by label or raw value. */
  readonly map?: Readonly<Record<string, VssValue>> | undefined;
  readonly deadband?: number | undefined;
  readonly minIntervalMs?: number | undefined;
  readonly staleS?: number | undefined;
  /** The signal's unit, if the database names it differently or not at all. */
  readonly unit?: string | undefined;
};

export type VssValue = number | boolean | string;

/** The unit that the map states, else the unit in the database. */
export const unitOf = (mapping: SignalMapping, { unit }: DbcSignal): string => mapping.unit ?? unit;

/** A text as VSS spells it. A text that VSS does not know is returned unchanged. */
export const spelledAsVss = ({ values }: VssSignal, text: string): string =>
  values?.find((value) => value.toLowerCase() === text.toLowerCase()) ?? text;

/** Paths that earlier versions of VSS had, and what VSS 6 has instead. */
const MOVED = [{ from: /\.IsOccupied$/, to: ".OccupancyStatus" }] as const;

const misspelt = (what: string, name: string, known: readonly string[]): string => {
  const moved = MOVED.map(({ from, to }) => name.replace(from, to)).find(
    (path) => path !== name && known.includes(path),
  );
  const meant = moved ?? suggest(name, known);
  return `there is no ${what} "${name}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
};

/** The VSS path of a line, and the signal that it takes its value from. */
export type Found = {
  readonly vss: VssSignal;
  readonly message: CompiledMessage;
  readonly signal: CompiledSignal;
};

/** The paths of the overlay for what VSS lacks: a closed list, as dispatch must know what a path means. */
const POLICE = "Vehicle.Police.";

const pathFault = (path: string): string => {
  const paths = VSS.map((signal) => signal.path);
  const fault = misspelt("VSS signal", path, paths);
  if (!path.startsWith(POLICE) || fault.includes("did you mean")) return fault;
  return `${fault}; ${POLICE}* has ${paths
    .filter((known) => known.startsWith(POLICE))
    .map((known) => known.slice(POLICE.length))
    .join(", ")}`;
};

type Source = Pick<Found, "message" | "signal">;

/** The signal that a line takes its value from, or what is wrong with the reference. */
const sourceOf = (from: string, messages: readonly CompiledMessage[]): Source | string => {
  const dot = from.indexOf(".");
  const [messageName, signalName] = [from.slice(0, dot), from.slice(dot + 1)];
  const [message, another] = messages.filter((one) => one.message.name === messageName);
  if (!message)
    return misspelt(
      "message",
      messageName,
      messages.map((one) => one.message.name),
    );
  if (another) return `there are two messages "${messageName}": the database must name them differently`;
  const signal = message.signals.find((one) => one.signal.name === signalName);
  return signal
    ? { message, signal }
    : misspelt(
        `signal in ${messageName}`,
        signalName,
        message.signals.map((one) => one.signal.name),
      );
};

/** Why a flag needs a map: its signal has other values than 0 and 1, such as "error". Undefined: it needs none. */
export const wideFlag = (
  vss: VssSignal,
  { from, map }: Partial<SignalMapping>,
  signal: DbcSignal | undefined,
): string | undefined =>
  vss.type === "boolean" && !map && signal && isWide(signal)
    ? `${from} has ${signal.length} bits: state what each value means, such as map: { "0": false, "1": true }; a value that is not mapped is unknown`
    : undefined;

/** What VSS holds at a path, if a mapped value is something else. */
const notHeld = ({ type, datatype, range }: VssSignal, value: VssValue): string | undefined => {
  if (typeof value !== type) return `a ${type}`;
  if (typeof value !== "number") return undefined;
  if (!Number.isFinite(value)) return "a finite number";
  if (datatype !== "float" && !Number.isInteger(value)) return `a whole number (${datatype})`;
  const [minimum, maximum] = range ?? [-Infinity, Infinity];
  return value < minimum || value > maximum ? `from ${minimum} to ${maximum}` : undefined;
};

/** What is wrong with how a line maps values. */
const mapFaults = (vss: VssSignal, mapping: Partial<SignalMapping>, source: Source | undefined): string[] => {
  const { from, map } = mapping;
  const signal = source?.signal.signal;
  const needed = vss.type === "string" && !map && signal?.labels.size === 0;
  const wide = isAirbag(vss.path) ? wideFlag(vss, mapping, signal) : undefined;
  return [
    ...(needed ? [`map: ${vss.path} is a text, and ${from} has no value table: map each of its values`] : []),
    ...(wide === undefined ? [] : [`map: ${vss.path} opens an emergency, and ${wide}`]),
    ...Object.entries(map ?? {}).flatMap(([key, value]) => {
      const held = notHeld(vss, value);
      const found = typeof value === "string" ? JSON.stringify(value) : String(value);
      return held === undefined ? [] : [`map: ${key}: ${vss.path} is ${held}, found ${found}`];
    }),
  ];
};

/** `expected`: a noun phrase that completes "expected …". */
export type LineFault = { readonly expected: string; readonly message: string };

/** What a line of the map refers to, or everything that is wrong with the line. */
type Resolved =
  | { readonly found: Found | undefined; readonly faults: readonly [] }
  | { readonly found: undefined; readonly faults: readonly LineFault[] };

/**
 * Checks a line of the map. A line may lack `from`, and the database may not be known: then the rest is
 * checked, and nothing is found.
 */
export const resolve = (
  path: string,
  mapping: Partial<SignalMapping>,
  messages: readonly CompiledMessage[] | undefined,
): Resolved => {
  const { from } = mapping;
  const vss = VSS.find((signal) => signal.path === path);
  const hasForm = from !== undefined && from.indexOf(".") >= 1;
  const source = hasForm && messages ? sourceOf(from, messages) : undefined;
  const wrong = [
    ...(from === undefined || hasForm ? [] : [`from: expected MESSAGE.SIGNAL, found "${from}"`]),
    ...(typeof source === "string" ? [source] : []),
    ...(vss ? mapFaults(vss, mapping, typeof source === "string" ? undefined : source) : []),
  ];
  const faults = [
    ...(vss ? [] : [{ expected: "a VSS path", message: pathFault(path) }]),
    ...wrong.map((message) => ({ expected: "a mapping that fits the database", message })),
  ];
  if (faults.length > 0) return { found: undefined, faults };
  return { found: vss && typeof source === "object" ? { vss, ...source } : undefined, faults: [] };
};

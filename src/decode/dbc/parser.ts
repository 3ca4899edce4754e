import { DbcError, type DbcDatabase, type DbcFault, type DbcMessage, type DbcSignal } from "./database.ts";
import {
  readAttribute,
  readComment,
  readDefault,
  readDefinition,
  readExtendedMultiplexing,
  readValues,
  readValueType,
  wordOf,
} from "./details.ts";
import { isSign, tokenize, type Token } from "./lexer.ts";
import { createBuild, readMessage, readSignal, type Build } from "./messages.ts";
import { keywordOf, Reader, StatementError } from "./reader.ts";

const J1939PG = "J1939PG";

const DETAILS: Readonly<Record<string, (reader: Reader, build: Build) => void>> = {
  NS_: (reader) => reader.skipNewSymbols(),
  BS_: (reader) => reader.resume(),
  BU_: (reader) => reader.resume(),
  VERSION: (reader) => reader.resume(),
  CM_: readComment,
  VAL_: readValues,
  SIG_VALTYPE_: readValueType,
  SG_MUL_VAL_: readExtendedMultiplexing,
  BA_DEF_: readDefinition,
  BA_DEF_DEF_: readDefault,
  BA_: readAttribute,
};

/** The message that the next SG_ belongs to. `discarded`: its BO_ was faulty, so its signals are only checked. */
type Current = Pick<DbcMessage, "name" | "signals"> | undefined;
const discarded = (): Current => ({ name: "the message", signals: [] });

/** Reads one statement. Returns the message that signals after it belong to. */
const readStatement = (reader: Reader, build: Build, token: Token, current: Current): Current => {
  const keyword = keywordOf(token);
  if (keyword === undefined) throw new StatementError(token, `expected a statement, found "${token.text}"`);
  if (keyword === "BO_") return readMessage(reader, build);
  if (keyword === "SG_") {
    if (!current) throw new StatementError(token, "a signal outside of a message");
    current.signals.push(readSignal(reader, current));
    return current;
  }
  const read = Object.hasOwn(DETAILS, keyword) ? DETAILS[keyword] : undefined;
  if (read) read(reader, build);
  else reader.skip();
  return undefined;
};

/** Reads all statements; returns the faults. */
const readStatements = (reader: Reader, build: Build): DbcFault[] => {
  const faults: DbcFault[] = [];
  let current: Current;
  while (reader.peek) {
    const token = reader.take();
    if (isSign(token, ";")) continue;
    try {
      current = readStatement(reader, build, token, current);
    } catch (cause) {
      if (!(cause instanceof StatementError)) throw cause;
      const { line, column } = cause.place;
      faults.push({ line, column, message: cause.message });
      if (keywordOf(token) === "BO_") current = discarded();
      reader.resume();
    }
  }
  return faults;
};

/** Plain multiplexing (`m0`) names no multiplexor: it is the only one of the message. */
const bindMultiplexors = (message: DbcMessage): void => {
  const main = message.signals.find(({ multiplexor, multiplexed }) => multiplexor && !multiplexed);
  for (const signal of message.signals) {
    if (signal.multiplexed?.by !== "") continue;
    if (main) signal.multiplexed = { ...signal.multiplexed, by: main.name };
    else signal.multiplexed = undefined;
  }
};

/** Gives signals their long names, also in references to multiplexors. */
const renameSignals = (message: DbcMessage, longNames: ReadonlyMap<DbcSignal, string>): void => {
  const renamed = new Map(
    message.signals.map((signal) => [signal.name, longNames.get(signal) ?? signal.name]),
  );
  for (const signal of message.signals) {
    signal.name = renamed.get(signal.name)!;
    const { multiplexed } = signal;
    if (multiplexed)
      signal.multiplexed = { ...multiplexed, by: renamed.get(multiplexed.by) ?? multiplexed.by };
  }
};

/**
 * Parses DBC text. Statements that are not needed for decoding are skipped. `file` is the name that
 * faults show. Throws DbcError with every fault. KCD and ARXML are not supported.
 */
export const parseDbc = (text: string, file: string): DbcDatabase => {
  const build = createBuild();
  const faults = readStatements(new Reader(tokenize(text)), build);
  if (build.byId.size === 0 && faults.length === 0)
    faults.push({ line: 1, column: 1, message: "no message: is it a DBC file?" });
  if (faults.length > 0) throw new DbcError(file, faults);
  const format = wordOf(build, "VFrameFormat", build.defaults.get("VFrameFormat") ?? "");
  for (const message of build.messages) {
    bindMultiplexors(message);
    message.j1939 = message.extended && (build.formats.get(message) ?? format) === J1939PG;
    renameSignals(message, build.longNames);
  }
  return { messages: build.messages };
};

/** The text of a DBC file: UTF-8 if it is valid, else the code page that Vector's tools write. */
export const dbcText = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
};

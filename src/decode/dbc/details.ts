import type { DbcMessage, DbcSignal } from "./database.ts";
import { signalOf, type Build } from "./messages.ts";
import { StatementError, type Reader } from "./reader.ts";

/** Statements about messages and signals that were read before them. Each is read after its keyword. */

const INTEGER = /^[+-]?\d+$/;
const FLOATS: Readonly<Record<number, 0 | 32 | 64>> = { 0: 0, 1: 32, 2: 64 };

/** CM_ */
export const readComment = (reader: Reader, build: Build): void => {
  const what = reader.peek?.kind === "word" ? reader.take().text : "";
  if (what === "BO_") {
    const known = build.byId.get(reader.messageId());
    const text = reader.string("a comment");
    if (known) known.message.comment = text;
  } else if (what === "SG_") {
    const id = reader.messageId();
    const signal = signalOf(build, id, reader.word("the name of a signal"));
    const text = reader.string("a comment");
    if (signal) signal.comment = text;
  }
  reader.skip();
};

/** VAL_ of a signal. The VAL_ of an environment variable has no id and is skipped. */
export const readValues = (reader: Reader, build: Build): void => {
  if (reader.peek && !INTEGER.test(reader.peek.text)) {
    reader.skip();
    return;
  }
  const labels = signalOf(build, reader.messageId(), reader.word("the name of a signal"))?.labels;
  while (!reader.atEnd) {
    const { place } = reader;
    const value = reader.word("a value");
    if (!Number.isFinite(Number(value)))
      throw new StatementError(place, `expected a value, found "${value}"`);
    const key = INTEGER.test(value) ? BigInt(value).toString() : String(Number(value));
    const text = reader.string("the text of a value");
    labels?.set(key, text);
  }
  reader.skip();
};

/** SIG_VALTYPE_ */
export const readValueType = (reader: Reader, build: Build): void => {
  const id = reader.messageId();
  const name = reader.word("the name of a signal");
  reader.optionalSign(":");
  const { place } = reader;
  const float = FLOATS[reader.integer("a type")];
  if (float === undefined)
    throw new StatementError(place, `${name}: expected type 0, 1 (float) or 2 (double)`);
  const signal = signalOf(build, id, name);
  if (signal && float !== 0 && signal.length !== float)
    throw new StatementError(place, `${name}: a float of ${float} bits in a signal of ${signal.length}`);
  if (signal) signal.float = float;
  reader.skip();
};

/** SG_MUL_VAL_ */
export const readExtendedMultiplexing = (reader: Reader, build: Build): void => {
  const id = reader.messageId();
  const name = reader.word("the name of a signal");
  const by = reader.word("the name of a multiplexor");
  const ranges: (readonly [bigint, bigint])[] = [];
  do {
    const { place } = reader;
    const text = reader.word("a range");
    const match = /^(\d+)-(\d+)$/.exec(text);
    if (!match) throw new StatementError(place, `${name}: expected a range such as 0-5, found "${text}"`);
    ranges.push([BigInt(match[1]!), BigInt(match[2]!)]);
  } while (reader.optionalSign(","));
  const signal = signalOf(build, id, name);
  if (signal) signal.multiplexed = { by, ranges };
  reader.skip();
};

/** BA_DEF_ */
export const readDefinition = (reader: Reader, build: Build): void => {
  if (reader.peek?.kind === "word") reader.take(); // the kind of object that has the attribute
  const name = reader.string("the name of an attribute");
  if (reader.word("a type") === "ENUM") {
    const words: string[] = [];
    do words.push(reader.string("a value"));
    while (reader.optionalSign(","));
    build.words.set(name, words);
  }
  reader.skip();
};

/** BA_DEF_DEF_ */
export const readDefault = (reader: Reader, build: Build): void => {
  const name = reader.string("the name of an attribute");
  build.defaults.set(name, reader.take().text);
  reader.skip();
};

/** The word of an ENUM attribute, whose value may be its number or the word itself. */
export const wordOf = (build: Build, name: string, value: string): string =>
  build.words.get(name)?.[Number(value)] ?? value;

const applyToMessage = (build: Build, name: string, message: DbcMessage, value: string): void => {
  if (name === "GenMsgCycleTime" && Number(value) > 0) message.cycleMs = Number(value);
  if (name === "VFrameFormat") build.formats.set(message, wordOf(build, name, value));
  if (name === "SystemMessageLongSymbol") message.name = value;
};

const applyToSignal = (build: Build, name: string, signal: DbcSignal, value: string): void => {
  if (name === "GenSigStartValue" && value !== "") signal.startValue = Number(value);
  if (name === "SystemSignalLongSymbol") build.longNames.set(signal, value);
};

/** BA_ */
export const readAttribute = (reader: Reader, build: Build): void => {
  const name = reader.string("the name of an attribute");
  const isValue = reader.peek?.kind !== "word" || Number.isFinite(Number(reader.peek.text));
  const what = isValue ? "" : reader.take().text;
  if (what === "BO_") {
    const known = build.byId.get(reader.messageId());
    const value = reader.take().text;
    if (known) applyToMessage(build, name, known.message, value);
  } else if (what === "SG_") {
    const signal = signalOf(build, reader.messageId(), reader.word("the name of a signal"));
    const value = reader.take().text;
    if (signal) applyToSignal(build, name, signal, value);
  }
  reader.skip();
};

import { DbcError, type DbcDatabase, type DbcFault, type DbcMessage, type DbcSignal } from "./database.ts";
import { isSign, tokenize, type Token } from "./lexer.ts";

/** One statement's fault; the next statement is read all the same. */
class StatementError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const EXTENDED_FLAG = 0x8000_0000;
const ID_MASK = 0x1fff_ffff;
/** Vector's place for signals that belong to no message. */
const ORPHANS = 0xc000_0000;
const MAX_BYTES = 64;
const J1939PG = "J1939PG";
/** Statements that begin with their keyword at the beginning of a line. */
const KEYWORD =
  /^(VERSION|NS_|BS_|BU_|BO_|SG_|EV_|CM_|BA_\w*|VAL_|VAL_TABLE_|SIG_\w+|SG_MUL_VAL_|BO_TX_BU_|ENVVAR_DATA_\w*|SGTYPE_\w*|CAT_\w*|FILTER|BU_\w+)$/;
const INTEGER = /^[+-]?\d+$/;
const MULTIPLEX = /^(?:(M)|m(\d+)(M)?)$/;

type Attributes = {
  /** ENUM attributes: their words, by number. */
  readonly words: Map<string, readonly string[]>;
  readonly defaults: Map<string, string>;
};

class Reader {
  readonly #tokens: readonly Token[];
  #next = 0;
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }
  get peek(): Token | undefined {
    return this.#tokens[this.#next];
  }
  get line(): number {
    return (this.peek ?? this.#tokens.at(-1))?.line ?? 1;
  }
  take(): Token {
    const token = this.peek;
    if (!token) throw new StatementError(this.line, "the file ends in the middle of a statement");
    this.#next++;
    return token;
  }
  sign(sign: string): void {
    const token = this.take();
    if (!isSign(token, sign))
      throw new StatementError(token.line, `expected "${sign}", found "${token.text}"`);
  }
  word(what: string): string {
    const token = this.take();
    if (token.kind !== "word")
      throw new StatementError(token.line, `expected ${what}, found "${token.text}"`);
    return token.text;
  }
  string(what: string): string {
    const token = this.take();
    if (token.kind !== "string")
      throw new StatementError(token.line, `expected ${what} in quotes, found "${token.text}"`);
    return token.text;
  }
  number(what: string): number {
    const { line } = this;
    const text = this.word(what);
    const value = Number(text);
    if (!Number.isFinite(value)) throw new StatementError(line, `expected ${what}, found "${text}"`);
    return value;
  }
  integer(what: string): number {
    const { line } = this;
    const value = this.number(what);
    if (!Number.isInteger(value)) throw new StatementError(line, `expected ${what}, found "${value}"`);
    return value;
  }
  optionalSign(sign: string): boolean {
    if (!isSign(this.peek, sign)) return false;
    this.#next++;
    return true;
  }
  /** To the end of a statement that has one. */
  skip(): void {
    while (this.peek && !isSign(this.peek, ";") && !(this.peek.first && isKeyword(this.peek))) this.#next++;
    this.optionalSign(";");
  }
  /** To the next statement: after a fault, and over lists that have no end of their own. */
  resume(): void {
    while (this.peek && !(this.peek.first && isKeyword(this.peek))) this.#next++;
  }
  /** To `BS_` or a statement that cannot stand in the list of new symbols. */
  skipNewSymbols(): void {
    while (this.peek && !/^(BS_|BU_|BO_)$/.test(this.peek.text)) this.#next++;
    // BO_ and BU_ never stand alone in the list; BS_ ends it in every file that keeps to the format.
  }
}

const isKeyword = (token: Token): boolean =>
  token.kind === "word" && KEYWORD.test(token.text.replace(/:$/, ""));

type Build = {
  readonly messages: DbcMessage[];
  readonly byId: Map<number, DbcMessage>;
  readonly attributes: Attributes;
  /** VFrameFormat where a message has its own. */
  readonly formats: Map<DbcMessage, string>;
};

const rawId = (reader: Reader): number => {
  const { line } = reader;
  const id = reader.integer("a message id");
  if (id < 0 || id > 0xffff_ffff) throw new StatementError(line, `a message id has 32 bits, found ${id}`);
  return id;
};

const readSignal = (reader: Reader): DbcSignal => {
  const name = reader.word("the name of a signal");
  let multiplexor = false;
  let selector: bigint | undefined;
  if (!isSign(reader.peek, ":")) {
    const { line } = reader;
    const text = reader.word('":" or a multiplexer indicator');
    const match = MULTIPLEX.exec(text);
    if (!match) throw new StatementError(line, `${name}: expected M, m0 or m0M, found "${text}"`);
    multiplexor = match[1] !== undefined || match[3] !== undefined;
    if (match[2] !== undefined) selector = BigInt(match[2]);
  }
  reader.sign(":");
  const { line } = reader;
  const start = reader.integer("a start bit");
  reader.sign("|");
  const length = reader.integer("a length");
  reader.sign("@");
  const order = reader.word("byte order and sign");
  if (!/^[01][+-]$/.test(order)) {
    throw new StatementError(line, `${name}: expected @0+, @0-, @1+ or @1-, found "@${order}"`);
  }
  if (length < 1 || length > 64 || start < 0 || start >= MAX_BYTES * 8) {
    throw new StatementError(
      line,
      `${name}: ${start}|${length} is no place for 1 to 64 bits in ${MAX_BYTES} bytes`,
    );
  }
  reader.sign("(");
  const factor = reader.word("a factor");
  reader.sign(",");
  const offset = reader.word("an offset");
  reader.sign(")");
  if (![factor, offset].every((text) => Number.isFinite(Number(text)))) {
    throw new StatementError(line, `${name}: expected (factor,offset), found (${factor},${offset})`);
  }
  reader.sign("[");
  const minimum = reader.number("a minimum");
  reader.sign("|");
  const maximum = reader.number("a maximum");
  reader.sign("]");
  const unit = reader.string("a unit");
  // Receivers: names, with or without commas, to the end of the line.
  while (reader.peek && !reader.peek.first) reader.take();
  return {
    name,
    start,
    length,
    intel: order[0] === "1",
    signed: order[1] === "-",
    float: 0,
    factor: Number(factor),
    offset: Number(offset),
    scale: { factor, offset },
    minimum,
    maximum,
    unit,
    labels: new Map(),
    multiplexor,
    multiplexed: selector === undefined ? undefined : { by: "", ranges: [[selector, selector]] },
  };
};

const readMessage = (reader: Reader, build: Build): void => {
  const id = rawId(reader);
  const name = reader.word("the name of a message").replace(/:$/, "");
  reader.sign(":");
  const size = reader.integer("a size in bytes");
  while (reader.peek && !reader.peek.first) reader.take(); // the sender
  const message: DbcMessage = {
    name,
    id: id & ID_MASK,
    extended: id >= EXTENDED_FLAG,
    size,
    signals: [],
    j1939: false,
  };
  build.byId.set(id, message);
  if (id !== ORPHANS) build.messages.push(message);
};

/** In a message with one multiplexor, whatever is multiplexed is so by it. */
const bindMultiplexors = (message: DbcMessage): void => {
  const main = message.signals.find(({ multiplexor, multiplexed }) => multiplexor && !multiplexed);
  for (const signal of message.signals) {
    if (signal.multiplexed?.by !== "") continue;
    if (main) signal.multiplexed = { ...signal.multiplexed, by: main.name };
    else signal.multiplexed = undefined;
  }
};

const signalOf = (build: Build, id: number, name: string): DbcSignal | undefined =>
  build.byId.get(id)?.signals.find((signal) => signal.name === name);

const readComment = (reader: Reader, build: Build): void => {
  const what = reader.peek?.kind === "word" ? reader.take().text : "";
  if (what === "BO_") {
    const message = build.byId.get(rawId(reader));
    const text = reader.string("a comment");
    if (message) message.comment = text;
  } else if (what === "SG_") {
    const id = rawId(reader);
    const signal = signalOf(build, id, reader.word("the name of a signal"));
    const text = reader.string("a comment");
    if (signal) signal.comment = text;
  }
  reader.skip();
};

const readLabels = (reader: Reader, labels: Map<string, string>): void => {
  while (reader.peek && !isSign(reader.peek, ";")) {
    const { line } = reader;
    const value = reader.word("a value");
    if (!Number.isFinite(Number(value))) throw new StatementError(line, `expected a value, found "${value}"`);
    const key = INTEGER.test(value) ? BigInt(value).toString() : String(Number(value));
    labels.set(key, reader.string("the text of a value"));
  }
  reader.sign(";");
};

const readValues = (reader: Reader, build: Build): void => {
  // VAL_ of an environment variable has no id.
  if (reader.peek && !INTEGER.test(reader.peek.text)) {
    reader.skip();
    return;
  }
  const signal = signalOf(build, rawId(reader), reader.word("the name of a signal"));
  readLabels(reader, signal?.labels ?? new Map());
};

const FLOATS: Readonly<Record<number, 0 | 32 | 64>> = { 0: 0, 1: 32, 2: 64 };

const readValueType = (reader: Reader, build: Build): void => {
  const id = rawId(reader);
  const name = reader.word("the name of a signal");
  reader.optionalSign(":");
  const { line } = reader;
  const float = FLOATS[reader.integer("a type")];
  if (float === undefined)
    throw new StatementError(line, `${name}: expected type 0, 1 (float) or 2 (double)`);
  const signal = signalOf(build, id, name);
  if (signal && float !== 0 && signal.length !== float) {
    throw new StatementError(line, `${name}: a float of ${float} bits in a signal of ${signal.length}`);
  }
  if (signal) signal.float = float;
  reader.skip();
};

const readExtendedMultiplexing = (reader: Reader, build: Build): void => {
  const id = rawId(reader);
  const name = reader.word("the name of a signal");
  const by = reader.word("the name of a multiplexor");
  const ranges: (readonly [bigint, bigint])[] = [];
  do {
    const { line } = reader;
    const text = reader.word("a range");
    const match = /^(\d+)-(\d+)$/.exec(text);
    if (!match) throw new StatementError(line, `${name}: expected a range such as 0-5, found "${text}"`);
    ranges.push([BigInt(match[1]!), BigInt(match[2]!)]);
  } while (reader.optionalSign(","));
  const signal = signalOf(build, id, name);
  if (signal) signal.multiplexed = { by, ranges };
  reader.skip();
};

const readDefinition = (reader: Reader, build: Build): void => {
  if (reader.peek?.kind === "word") reader.take(); // of what
  const name = reader.string("the name of an attribute");
  if (reader.word("a type") === "ENUM") {
    const words: string[] = [];
    do words.push(reader.string("a value"));
    while (reader.optionalSign(","));
    build.attributes.words.set(name, words);
  }
  reader.skip();
};

/** An ENUM's value may be its number or its word. */
const wordOf = (build: Build, name: string, value: string): string =>
  build.attributes.words.get(name)?.[Number(value)] ?? value;

const apply = (build: Build, name: string, of: DbcMessage | DbcSignal, value: string): void => {
  if ("signals" in of) {
    if (name === "GenMsgCycleTime" && Number(value) > 0) of.cycleMs = Number(value);
    if (name === "VFrameFormat") build.formats.set(of, wordOf(build, name, value));
    if (name === "SystemMessageLongSymbol") of.name = value;
    return;
  }
  if (name === "GenSigStartValue" && value !== "") of.startValue = Number(value);
};

const readAttribute = (reader: Reader, build: Build, longNames: Map<DbcSignal, string>): void => {
  const name = reader.string("the name of an attribute");
  const what =
    reader.peek?.kind === "word" && !Number.isFinite(Number(reader.peek.text)) ? reader.take().text : "";
  let of: DbcMessage | DbcSignal | undefined;
  if (what === "BO_") of = build.byId.get(rawId(reader));
  else if (what === "SG_") of = signalOf(build, rawId(reader), reader.word("the name of a signal"));
  else if (what !== "") reader.word("a name");
  const value = reader.take().text;
  if (of && name === "SystemSignalLongSymbol" && !("signals" in of)) longNames.set(of, value);
  else if (of) apply(build, name, of, value);
  reader.skip();
};

/**
 * Parses DBC text. Statements that decoding has no use for are passed over. Throws DbcError with
 * every fault. Not read: KCD, ARXML.
 */
export const parseDbc = (text: string, file: string): DbcDatabase => {
  const reader = new Reader(tokenize(text));
  const build: Build = {
    messages: [],
    byId: new Map(),
    attributes: { words: new Map(), defaults: new Map() },
    formats: new Map(),
  };
  const longNames = new Map<DbcSignal, string>();
  const faults: DbcFault[] = [];
  let current: DbcMessage | undefined;

  const statement = (keyword: string, line: number): void => {
    switch (keyword) {
      case "NS_":
        reader.skipNewSymbols();
        break;
      case "BS_":
      case "BU_":
      case "VERSION":
        reader.resume();
        break;
      case "BO_":
        current = undefined;
        readMessage(reader, build);
        current = [...build.byId.values()].at(-1);
        break;
      case "SG_":
        if (!current) throw new StatementError(line, "a signal outside of a message");
        current.signals.push(readSignal(reader));
        break;
      case "CM_":
        readComment(reader, build);
        break;
      case "VAL_":
        readValues(reader, build);
        break;
      case "SIG_VALTYPE_":
        readValueType(reader, build);
        break;
      case "SG_MUL_VAL_":
        readExtendedMultiplexing(reader, build);
        break;
      case "BA_DEF_":
        readDefinition(reader, build);
        break;
      case "BA_DEF_DEF_":
        build.attributes.defaults.set(reader.string("the name of an attribute"), reader.take().text);
        reader.skip();
        break;
      case "BA_":
        readAttribute(reader, build, longNames);
        break;
      default:
        reader.skip();
    }
  };

  while (reader.peek) {
    const { line } = reader;
    try {
      const token = reader.take();
      if (isSign(token, ";")) continue;
      const keyword = token.text.replace(/:$/, "");
      if (!isKeyword(token)) throw new StatementError(line, `expected a statement, found "${token.text}"`);
      statement(keyword, line);
    } catch (cause) {
      if (!(cause instanceof StatementError)) throw cause;
      faults.push({ line: cause.line, message: cause.message });
      reader.resume();
    }
  }
  if (build.byId.size === 0 && faults.length === 0)
    faults.push({ line: 1, message: "no message: is it a DBC file?" });
  if (faults.length > 0) throw new DbcError(file, faults);

  const format = wordOf(build, "VFrameFormat", build.attributes.defaults.get("VFrameFormat") ?? "");
  for (const message of build.messages) {
    bindMultiplexors(message);
    message.j1939 = message.extended && (build.formats.get(message) ?? format) === J1939PG;
    renameSignals(message, longNames);
  }
  return { messages: build.messages };
};

/** Names of more than 32 characters stand in an attribute; multiplexors are meant by them as well. */
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

/** The text of a DBC file: UTF-8 where it is that, else the code page that Vector's tools write. */
export const dbcText = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
};

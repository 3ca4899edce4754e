import type { DbcMessage, DbcSignal } from "./database.ts";
import { isSign } from "./lexer.ts";
import { StatementError, type Reader } from "./reader.ts";

const EXTENDED_FLAG = 0x8000_0000;
const ID_MASK = 0x1fff_ffff;
/** The id of Vector's pseudo-message for signals that belong to no message. */
const ORPHANS = 0xc000_0000;
/** The most that a CAN FD frame carries. */
const MAX_BYTES = 64;
const MULTIPLEX = /^(?:(M)|m(\d+)(M)?)$/;
const BYTE_ORDER = /^[01][+-]$/;

/** What has been read of a file so far. */
export type Build = {
  readonly messages: DbcMessage[];
  /** By the id as written, with the flag of extended ids. */
  readonly byId: Map<number, { readonly message: DbcMessage; readonly line: number }>;
  /** The words of ENUM attributes. */
  readonly words: Map<string, readonly string[]>;
  /** The default values of attributes. */
  readonly defaults: Map<string, string>;
  /** VFrameFormat of messages that state one. */
  readonly formats: Map<DbcMessage, string>;
  /** Names of more than 32 characters, which stand in an attribute. */
  readonly longNames: Map<DbcSignal, string>;
};

/** A file of which nothing has been read. */
export const createBuild = (): Build => ({
  messages: [],
  byId: new Map(),
  words: new Map(),
  defaults: new Map(),
  formats: new Map(),
  longNames: new Map(),
});

/** A signal by name. `id`: of its message, as written. Undefined: there is no such signal. */
export const signalOf = (build: Build, id: number, name: string): DbcSignal | undefined =>
  build.byId.get(id)?.message.signals.find((signal) => signal.name === name);

/** `BO_ id name: size sender`, after its keyword. Its signals follow, a line each. */
export const readMessage = (reader: Reader, build: Build): DbcMessage => {
  const { place } = reader;
  const id = reader.messageId();
  const name = reader.word("the name of a message").replace(/:$/, "");
  reader.sign(":");
  const size = reader.integer("a size in bytes");
  reader.skipLine(); // the sender
  const known = build.byId.get(id);
  if (known) {
    const { message, line } = known;
    throw new StatementError(
      place,
      `${name}: the message id ${id} is already used by ${message.name} on line ${line}`,
    );
  }
  const message: DbcMessage = {
    name,
    id: id & ID_MASK,
    extended: id >= EXTENDED_FLAG,
    size,
    signals: [],
    j1939: false,
  };
  build.byId.set(id, { message, line: place.line });
  if (id !== ORPHANS) build.messages.push(message);
  return message;
};

type Multiplexing = Pick<DbcSignal, "multiplexor" | "multiplexed">;

const readMultiplexing = (reader: Reader, name: string): Multiplexing => {
  if (isSign(reader.peek, ":")) return { multiplexor: false, multiplexed: undefined };
  const { place } = reader;
  const text = reader.word('":" or a multiplexer indicator');
  const match = MULTIPLEX.exec(text);
  if (!match) throw new StatementError(place, `${name}: expected M, m0 or m0M, found "${text}"`);
  const [, top, selector, nested] = match;
  return {
    multiplexor: top !== undefined || nested !== undefined,
    multiplexed:
      selector === undefined ? undefined : { by: "", ranges: [[BigInt(selector), BigInt(selector)]] },
  };
};

type Bits = Pick<DbcSignal, "start" | "length" | "intel" | "signed">;

/** `start|length@order`. */
const readBits = (reader: Reader, name: string): Bits => {
  const { place } = reader;
  const start = reader.integer("a start bit");
  reader.sign("|");
  const length = reader.integer("a length");
  reader.sign("@");
  const { place: orderPlace } = reader;
  const order = reader.word("byte order and sign");
  if (!BYTE_ORDER.test(order))
    throw new StatementError(orderPlace, `${name}: expected @0+, @0-, @1+ or @1-, found "@${order}"`);
  if (length < 1 || length > 64 || start < 0 || start >= MAX_BYTES * 8)
    throw new StatementError(
      place,
      `${name}: ${start}|${length} is not a place for 1 to 64 bits in ${MAX_BYTES} bytes`,
    );
  return { start, length, intel: order[0] === "1", signed: order[1] === "-" };
};

/** `(factor,offset)`. */
const readScale = (reader: Reader, name: string): Pick<DbcSignal, "factor" | "offset" | "scale"> => {
  const { place } = reader;
  reader.sign("(");
  const factor = reader.word("a factor");
  reader.sign(",");
  const offset = reader.word("an offset");
  reader.sign(")");
  if (![factor, offset].every((text) => Number.isFinite(Number(text))))
    throw new StatementError(place, `${name}: expected (factor,offset), found (${factor},${offset})`);
  return { factor: Number(factor), offset: Number(offset), scale: { factor, offset } };
};

/** `SG_ name multiplexing : start|length@order (factor,offset) [min|max] "unit" receivers`, after its keyword. */
export const readSignal = (reader: Reader, message: Pick<DbcMessage, "name" | "signals">): DbcSignal => {
  const { place } = reader;
  const name = reader.word("the name of a signal");
  const multiplexing = readMultiplexing(reader, name);
  reader.sign(":");
  const bits = readBits(reader, name);
  const scale = readScale(reader, name);
  reader.sign("[");
  const minimum = reader.number("a minimum");
  reader.sign("|");
  const maximum = reader.number("a maximum");
  reader.sign("]");
  const unit = reader.string("a unit");
  reader.skipLine(); // receivers: names, with or without commas
  if (message.signals.some((signal) => signal.name === name))
    throw new StatementError(place, `${message.name} already has a signal ${name}`);
  return { name, ...multiplexing, ...bits, ...scale, float: 0, minimum, maximum, unit, labels: new Map() };
};

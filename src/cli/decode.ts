import { createMatcher, type CompiledSignal } from "../decode/can/message.ts";
import { parseCandumpLine, type NoFrame } from "../decode/can/candump.ts";
import { dbcText, parseDbc } from "../decode/dbc/parser.ts";
import type { DbcDatabase } from "../decode/dbc/database.ts";
import { createNmeaDecoder } from "../decode/nmea/decoder.ts";
import type { CanFrame, SignalValue } from "../domain/can.ts";
import { isoInstant } from "../domain/time.ts";
import { linesOf } from "../sources/lines.ts";
import { streamRecording } from "../sources/recording.ts";
import { readRegular } from "../runtime/regular-file.ts";
import { CommandError, EXIT, options, required, unreadable, type Command } from "./lib/command.ts";
import { malformedText, noRecording } from "./lib/recordings.ts";

/** Lines in one write. */
const LINES = 2_000;

/** The pieces of a recording. Throws a CommandError if it cannot be read. */
const piecesOf = async function* (file: string): AsyncGenerator<Buffer> {
  const pieces = streamRecording(file);
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- a file is read in order
    const next = await pieces.next().catch((cause: unknown) => {
      throw unreadable(file, cause);
    });
    if (next.done === true) return;
    yield next.value;
  }
};

/** Collects lines into larger writes, and waits for a slow reader. */
const createOutput = () => {
  let lines: string[] = [];
  const flush = async (): Promise<void> => {
    const text = lines.join("");
    lines = [];
    if (text !== "" && !process.stdout.write(text)) {
      await new Promise<void>((resolve) => void process.stdout.once("drain", resolve));
    }
  };
  return {
    flush,
    /** Returns a promise if the reader is slow: wait for it. */
    line(value: unknown): Promise<void> | undefined {
      lines.push(`${JSON.stringify(value)}\n`);
      return lines.length >= LINES ? flush() : undefined;
    },
  };
};

/** Prints what is wrong with a recording as a whole, and the counts last. Returns the exit code. */
const ended = (tally: object, wrong?: CommandError): number => {
  if (wrong) process.stderr.write(`${wrong.message}\n`);
  process.stderr.write(`${JSON.stringify(tally)}\n`);
  return wrong?.exit ?? EXIT.ok;
};

const decodeNmea = async (file: string): Promise<number> => {
  const output = createOutput();
  let fixes: unknown[] = [];
  const decoder = createNmeaDecoder(({ at, ...data }) => void fixes.push({ at: isoInstant(at), ...data }));
  const say = async () => {
    // oxlint-disable-next-line no-await-in-loop -- lines go out in order
    for (const fix of fixes) await output.line(fix);
    fixes = [];
  };
  for await (const piece of piecesOf(file)) {
    decoder.push(piece);
    await say();
  }
  decoder.end();
  await say();
  await output.flush();
  return ended(decoder.tally, decoder.tally.sentences > 0 ? undefined : noRecording(file, "NMEA sentence"));
};

/** Integers beyond 2^53 become decimal strings: JSON parsers would round them. */
const jsonValue = (value: SignalValue | undefined): number | string | undefined =>
  typeof value === "bigint"
    ? Number.isSafeInteger(Number(value))
      ? Number(value)
      : value.toString()
    : value;

const loadDatabase = (file: string): DbcDatabase => {
  let bytes: Buffer;
  try {
    bytes = readRegular(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  try {
    return parseDbc(dbcText(bytes), file);
  } catch (cause) {
    throw new CommandError(EXIT.failed, cause instanceof Error ? cause.message : String(cause), cause);
  }
};

type Shown = "physical" | "raw" | "labels";

const valueOf = (signal: CompiledSignal, shown: Shown, data: Uint8Array) => {
  if (shown === "raw") return jsonValue(signal.raw(data));
  return (shown === "labels" ? signal.label(data) : undefined) ?? jsonValue(signal.physical(data));
};

/** Decodes the lines of a log one by one, and counts the outcomes. */
const createLineDecoder = (database: DbcDatabase, shown: Shown) => {
  const messageOf = createMatcher(database);
  const passedOver: { [cause in NoFrame]?: number } = {};
  const tally = { lines: 0, frames: 0, decoded: 0, unknown: 0, passedOver };
  let firstMalformed: number | undefined;
  const frameOf = (line: string): CanFrame | undefined => {
    tally.lines++;
    if (line === "") return undefined;
    const frame = parseCandumpLine(line);
    if (typeof frame !== "string") return frame;
    passedOver[frame] = (passedOver[frame] ?? 0) + 1;
    if (frame === "malformed") firstMalformed ??= tally.lines;
    return undefined;
  };
  return {
    tally,
    get firstMalformed() {
      return firstMalformed;
    },
    /** What to print for a line; undefined: nothing. */
    decode(line: string): unknown {
      const frame = frameOf(line);
      if (!frame) return undefined;
      tally.frames++;
      const found = messageOf(frame);
      if (!found) {
        tally.unknown++;
        return undefined;
      }
      tally.decoded++;
      const signals: Record<string, number | string> = {};
      for (const signal of found.signals) {
        const value = valueOf(signal, shown, frame.data);
        if (value !== undefined) signals[signal.signal.name] = value;
      }
      return { t: frame.t, frame: frame.id, message: found.message.name, signals };
    },
  };
};

const decodeCan = async (file: string, database: string, shown: Shown): Promise<number> => {
  const decoder = createLineDecoder(loadDatabase(database), shown);
  const output = createOutput();
  for await (const lines of linesOf(piecesOf(file))) {
    for (const line of lines) {
      const decoded = decoder.decode(line);
      const full = decoded === undefined ? undefined : output.line(decoded);
      // oxlint-disable-next-line no-await-in-loop -- lines go out in order
      if (full) await full;
    }
  }
  await output.flush();
  const { firstMalformed, tally } = decoder;
  const { malformed = 0, remote = 0, error = 0 } = tally.passedOver;
  if (tally.frames + remote + error === 0) return ended(tally, noRecording(file, "candump line"));
  if (firstMalformed !== undefined)
    process.stderr.write(`${malformedText(file, firstMalformed, malformed)}\n`);
  return ended(tally);
};

export const decode: Command = {
  summary: "every fix or every known frame of a recording as NDJSON",
  usage: `patrol-unit decode --nmea FILE [--json]
patrol-unit decode --can FILE --database DBC [--raw | --labels] [--json]

--nmea: one line an epoch on stdout: the \`data\` of a position and \`at\`, as the receiver gave it
(dates are not corrected for week rollover). The last line, on stderr, counts sentences, fixes and
rejections.

--can: one line a frame of a candump log (-l, -L or -8) that the database knows: {t, frame, message,
signals}. Prints physical values; --raw: raw values; --labels: the texts of value tables, if a
signal has one. A signal is absent if it is not multiplexed into the frame, lies beyond its end, is
not a number, or is not available (J1939). Integers beyond 2^53 are strings. The last line, on
stderr, counts lines, frames and skipped lines by cause.

The output is JSON with and without --json. Files may be gzip and have any size; - is the standard
input.
Exit: 1 the database is not valid, or the file has no NMEA sentence or no candump line; 74 a file
cannot be read.`,
  run(args) {
    const given = options(args, {
      nmea: { type: "string" },
      can: { type: "string" },
      database: { type: "string" },
      raw: { type: "boolean" },
      labels: { type: "boolean" },
      // Contract §7: every command that prints data has it. This one prints nothing but JSON.
      json: { type: "boolean" },
    });
    if ((given.nmea === undefined) === (given.can === undefined)) {
      throw new CommandError(EXIT.usage, "expected --nmea FILE, or --can FILE with --database DBC");
    }
    if (given.raw && given.labels) throw new CommandError(EXIT.usage, "--raw and --labels: choose one");
    if (given.nmea !== undefined) {
      const others = ["database", "raw", "labels"] as const;
      const foreign = others.find((name) => given[name] !== undefined);
      if (foreign !== undefined) throw new CommandError(EXIT.usage, `--${foreign} is an option of --can`);
      return decodeNmea(given.nmea);
    }
    const shown = given.raw ? "raw" : given.labels ? "labels" : "physical";
    return decodeCan(required(given.can, "can"), required(given.database, "database"), shown);
  },
};

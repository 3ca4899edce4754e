import { readFileSync } from "node:fs";
import { createMatcher, type CompiledSignal } from "../decode/can/message.ts";
import { parseCandumpLine } from "../decode/can/candump.ts";
import { dbcText, parseDbc } from "../decode/dbc/parser.ts";
import type { DbcDatabase } from "../decode/dbc/database.ts";
import { createNmeaDecoder } from "../decode/nmea/decoder.ts";
import type { SignalValue } from "../domain/can.ts";
import { isoInstant } from "../domain/time.ts";
import { reasonOf } from "../runtime/log.ts";
import { readRecording } from "../sources/recording.ts";
import { CommandError, EXIT, options, required, type Command } from "./command.ts";

const CHUNK = 65_536;
/** Lines that are written at once: a long log is not held whole as text. */
const LINES = 2_000;

const reading = <T>(file: string, read: (file: string) => T): T => {
  try {
    return read(file);
  } catch (cause) {
    throw new CommandError(EXIT.io, `${file} cannot be read: ${reasonOf(cause)}`, cause);
  }
};

/** Gathers lines; a reader that is slower than we are is waited for. */
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
    async line(value: unknown): Promise<void> {
      lines.push(`${JSON.stringify(value)}\n`);
      if (lines.length >= LINES) await flush();
    },
  };
};

const decodeNmea = async (file: string): Promise<number> => {
  const bytes = reading(file, readRecording);
  const output = createOutput();
  let fixes: unknown[] = [];
  const decoder = createNmeaDecoder(({ at, ...data }) => void fixes.push({ at: isoInstant(at), ...data }));
  const say = async () => {
    // oxlint-disable-next-line no-await-in-loop -- lines go out in order
    for (const fix of fixes) await output.line(fix);
    fixes = [];
  };
  for (let from = 0; from < bytes.length; from += CHUNK) {
    decoder.push(bytes.subarray(from, from + CHUNK));
    // oxlint-disable-next-line no-await-in-loop
    await say();
  }
  decoder.end();
  await say();
  await output.flush();
  process.stderr.write(`${JSON.stringify(decoder.tally)}\n`);
  return EXIT.ok;
};

/** Integers beyond 2^53 as decimal strings: JSON's readers would round them. */
const jsonValue = (value: SignalValue | undefined): number | string | undefined =>
  typeof value === "bigint"
    ? Number.isSafeInteger(Number(value))
      ? Number(value)
      : value.toString()
    : value;

const loadDatabase = (file: string): DbcDatabase => {
  const text = dbcText(reading(file, (path) => readFileSync(path)));
  try {
    return parseDbc(text, file);
  } catch (cause) {
    throw new CommandError(EXIT.failed, cause instanceof Error ? cause.message : String(cause), cause);
  }
};

type Shown = "physical" | "raw" | "labels";

const valueOf = (signal: CompiledSignal, shown: Shown, data: Uint8Array) => {
  if (shown === "raw") return jsonValue(signal.raw(data));
  return (shown === "labels" ? signal.label(data) : undefined) ?? jsonValue(signal.physical(data));
};

const decodeCan = async (file: string, database: string, shown: Shown): Promise<number> => {
  const messageOf = createMatcher(loadDatabase(database));
  const text = reading(file, readRecording).toString("latin1");
  const output = createOutput();
  const tally = { lines: 0, frames: 0, decoded: 0, unknown: 0, passedOver: {} as Record<string, number> };
  let firstMalformed: number | undefined;
  for (const line of text.split("\n")) {
    tally.lines++;
    if (line.trim() === "") continue;
    const frame = parseCandumpLine(line.trimEnd());
    if (typeof frame === "string") {
      tally.passedOver[frame] = (tally.passedOver[frame] ?? 0) + 1;
      if (frame === "malformed") firstMalformed ??= tally.lines;
      continue;
    }
    tally.frames++;
    const found = messageOf(frame);
    if (!found) {
      tally.unknown++;
      continue;
    }
    tally.decoded++;
    const signals: Record<string, number | string> = {};
    for (const signal of found.signals) {
      const value = valueOf(signal, shown, frame.data);
      if (value !== undefined) signals[signal.signal.name] = value;
    }
    // oxlint-disable-next-line no-await-in-loop -- lines go out in order
    await output.line({ t: frame.t, frame: frame.id, message: found.message.name, signals });
  }
  await output.flush();
  if (firstMalformed !== undefined) {
    process.stderr.write(`${file}:${firstMalformed}: expected "(seconds) interface id#data"\n`);
  }
  process.stderr.write(`${JSON.stringify(tally)}\n`);
  return EXIT.ok;
};

export const decode: Command = {
  summary: "every fix or every known frame of a recording as NDJSON",
  usage: `patrol-unit decode --nmea FILE
patrol-unit decode --can FILE --database DBC [--raw | --labels]

--nmea: one line an epoch on stdout: the \`data\` of a position and \`at\`, as the receiver gave it (dates
are not corrected for week rollover). The last line, on stderr, counts sentences, fixes and rejections.

--can: one line a frame of a candump log (-l or -L) that the database knows: {t, frame, message, signals}.
Physical values; --raw raw ones; --labels the texts of value tables where there are any. Signals that are
multiplexed out, beyond the frame's end, not a number or (J1939) not available are absent; integers beyond
2^53 are strings. The last line, on stderr, counts lines, frames and what was passed over, by cause.
Files may be gzip. Exit: 1 the database cannot be understood, 74 a file cannot be read.`,
  run(args) {
    const given = options(args, {
      nmea: { type: "string" },
      can: { type: "string" },
      database: { type: "string" },
      raw: { type: "boolean" },
      labels: { type: "boolean" },
    });
    if ((given.nmea === undefined) === (given.can === undefined)) {
      throw new CommandError(EXIT.usage, "expected --nmea FILE, or --can FILE with --database DBC");
    }
    if (given.raw && given.labels) throw new CommandError(EXIT.usage, "--raw and --labels: choose one");
    if (given.nmea !== undefined) return decodeNmea(given.nmea);
    const shown = given.raw ? "raw" : given.labels ? "labels" : "physical";
    return decodeCan(required(given.can, "can"), required(given.database, "database"), shown);
  },
};

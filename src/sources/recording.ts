import { createReadStream, readFileSync } from "node:fs";
import { Readable, pipeline } from "node:stream";
import { createGunzip, gunzipSync } from "node:zlib";
import type { ByteSource } from "../domain/bytes.ts";
import { createFramer } from "../decode/nmea/framer.ts";
import { parseSentence } from "../decode/nmea/sentence.ts";
import { readStatement } from "../decode/nmea/statement.ts";
import { DAY_MS } from "../decode/nmea/fields.ts";
import type { Time } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";

/** Longer gaps in a recording are shortened to this. */
const LONGEST_PAUSE_MS = 10_000;
const GZIP_MAGIC = 0x1f8b;
/** Bytes read at a time. */
const PIECE = 65_536;

const isGzip = (bytes: Buffer): boolean => bytes.length > 2 && bytes.readUInt16BE(0) === GZIP_MAGIC;

/** The bytes of a recording, decompressed if they are gzip. Throws if the file cannot be read. */
export const readRecording = (file: string): Buffer => {
  const bytes = readFileSync(file);
  return isGzip(bytes) ? gunzipSync(bytes) : bytes;
};

/**
 * The bytes of a recording of any size, piece by piece. `-` and `/dev/stdin` are the standard input,
 * which need not be a file. Rejects if the file cannot be read or its gzip is broken.
 */
export const streamRecording = async function* (file: string): AsyncGenerator<Buffer> {
  const input: Readable =
    file === "-" || file === "/dev/stdin" ? process.stdin : createReadStream(file, { highWaterMark: PIECE });
  const pieces: AsyncIterator<Buffer> = input[Symbol.asyncIterator]();
  let begin = Buffer.alloc(0);
  // A pipe may yield a single byte.
  for (let more = true; more && begin.length < 3;) {
    // oxlint-disable-next-line no-await-in-loop -- bytes come in order
    const next = await pieces.next();
    if (next.done === true) more = false;
    else begin = Buffer.concat([begin, next.value]);
  }
  const all = async function* () {
    yield begin;
    yield* { [Symbol.asyncIterator]: () => pieces };
  };
  if (!isGzip(begin)) {
    yield* all();
    return;
  }
  const gunzip = createGunzip({ chunkSize: PIECE });
  // An error is thrown by the iteration below.
  pipeline(Readable.from(all()), gunzip, () => undefined);
  yield* gunzip as AsyncIterable<Buffer>;
};

/** Where each new time of day begins in the bytes: its offset, and the milliseconds since the one before. */
const schedule = (bytes: Buffer): { offset: number; stepMs: number }[] => {
  const steps: { offset: number; stepMs: number }[] = [];
  let tod: number | undefined;
  let from = 0;
  while (from < bytes.length) {
    const newline = bytes.indexOf(0x0a, from);
    const end = newline < 0 ? bytes.length : newline + 1;
    let seen: number | undefined;
    createFramer().push(bytes.subarray(from, end), (framed) => {
      const sentence = framed.kind === "sentence" ? parseSentence(framed.line) : undefined;
      if (typeof sentence === "object") seen = readStatement(sentence)?.tod;
    });
    if (seen !== undefined && seen !== tod) {
      const stepMs = tod === undefined ? 0 : (seen - tod + DAY_MS) % DAY_MS;
      if (stepMs > 0 && stepMs < DAY_MS / 2) steps.push({ offset: from, stepMs });
      tod = seen;
    }
    from = end;
  }
  return steps;
};

/** A recording instead of a receiver, at `speed` times its own pace (Infinity: at once). */
export const recordingSource = (bytes: Buffer, speed: number, time: Time): ByteSource =>
  async function* (signal) {
    const started = time.mono();
    let sent = 0;
    let clockMs = 0;
    for (const { offset, stepMs } of Number.isFinite(speed) ? schedule(bytes) : []) {
      yield bytes.subarray(sent, offset);
      sent = offset;
      clockMs += Math.min(stepMs, LONGEST_PAUSE_MS) / speed;
      // oxlint-disable-next-line no-await-in-loop -- a recording plays in order
      await pause(Math.max(0, clockMs - (time.mono() - started)), signal, time);
      if (signal.aborted) return;
    }
    for (; sent < bytes.length && !signal.aborted; sent += PIECE) yield bytes.subarray(sent, sent + PIECE);
  };

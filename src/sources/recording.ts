import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { ByteSource } from "../domain/bytes.ts";
import { createFramer } from "../decode/nmea/framer.ts";
import { parseSentence } from "../decode/nmea/sentence.ts";
import { readStatement } from "../decode/nmea/statement.ts";
import { DAY_MS } from "../decode/nmea/fields.ts";
import { pause } from "../runtime/wait.ts";

/** A hole in a recording is not waited out: longer pauses are shortened to this. */
const LONGEST_PAUSE_MS = 10_000;
const GZIP_MAGIC = 0x1f8b;

/** The bytes of a recording, gunzipped where they are gzip. */
export const readRecording = (file: string): Buffer => {
  const bytes = readFileSync(file);
  return bytes.length > 2 && bytes.readUInt16BE(0) === GZIP_MAGIC ? gunzipSync(bytes) : bytes;
};

/** Where each new time of day begins in the bytes: offset, and milliseconds since the one before. */
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

/** A recording in place of a receiver, at `speed` times its own pace (Infinity: at once). */
export const recordingSource = (bytes: Buffer, speed: number): ByteSource =>
  async function* (signal) {
    const started = performance.now();
    let sent = 0;
    let clockMs = 0;
    for (const { offset, stepMs } of Number.isFinite(speed) ? schedule(bytes) : []) {
      yield bytes.subarray(sent, offset);
      sent = offset;
      clockMs += Math.min(stepMs, LONGEST_PAUSE_MS) / speed;
      // oxlint-disable-next-line no-await-in-loop -- a recording plays in order
      await pause(Math.max(0, clockMs - (performance.now() - started)), signal);
      if (signal.aborted) return;
    }
    for (; sent < bytes.length && !signal.aborted; sent += 65_536) yield bytes.subarray(sent, sent + 65_536);
  };

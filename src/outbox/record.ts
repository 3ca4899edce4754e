import { crc32 } from "node:zlib";
import type { Lane } from "../domain/pending.ts";
import type { Report } from "../domain/report.ts";

/**
 * Keys and values in the store.
 * Key: one letter for the lane, then `seq` as 8 bytes big-endian, so that a lane reads in order.
 * Value: CRC-32 of key and body, 4 bytes big-endian, then the report as JSON without `live`.
 * LevelDB returns damaged tables as data: the CRC tells.
 */
const LETTER: Record<Lane, number> = { emergency: 0x65, event: 0x76, telemetry: 0x74 };
const KEY_BYTES = 9;
const CRC_BYTES = 4;

export const LEDGER_KEY = Buffer.from("ledger");
/** The copy of the memory: see memory-copy.ts. */
export const MEMORY_KEY = Buffer.from("memory");
/** Until contract 1.0 a copy of the vital file was kept here; it is read once, on upgrade. */
export const VITAL_KEY = Buffer.from("vital");

export const encodeKey = (lane: Lane, seq: number): Buffer => {
  const key = Buffer.allocUnsafe(KEY_BYTES);
  key[0] = LETTER[lane];
  key.writeBigUInt64BE(BigInt(seq), 1);
  return key;
};

/** The keys of a lane from a number on. */
export const rangeOf = (lane: Lane, from = 0): [from: Buffer, to: Buffer] => [
  encodeKey(lane, from),
  encodeKey(lane, Number.MAX_SAFE_INTEGER),
];

/** The `seq` of a record's key. */
export const decodeKey = (key: Buffer): number => Number(key.readBigUInt64BE(1));

/** Text under a key, with the CRC that tells whether both are what was written. */
export const seal = (key: Buffer, text: string): Buffer => {
  const value = Buffer.allocUnsafe(CRC_BYTES + Buffer.byteLength(text));
  value.write(text, CRC_BYTES);
  value.writeUInt32BE(crc32(value.subarray(CRC_BYTES), crc32(key)), 0);
  return value;
};

/** The text of a value, or undefined if a bit of it is not what was written. */
export const unseal = (key: Buffer, value: Buffer): string | undefined => {
  if (value.length <= CRC_BYTES) return undefined;
  const body = value.subarray(CRC_BYTES);
  return value.readUInt32BE(0) === crc32(body, crc32(key)) ? body.toString("utf8") : undefined;
};

export const encodeRecord = (key: Buffer, report: Report): Buffer => seal(key, JSON.stringify(report));

const KINDS: ReadonlySet<unknown> = new Set(["position", "vehicle", "emergency", "event", "health"]);

/**
 * Whether a value has what the outbox itself reads of a report. Its data are passed on as they were
 * written: the CRC says that this program, or an older one, has made them. No schema: a backlog is
 * read at 100,000 records a second.
 */
const isReport = (value: unknown): value is Report =>
  typeof value === "object" &&
  value !== null &&
  "seq" in value &&
  typeof value.seq === "number" &&
  "kind" in value &&
  KINDS.has(value.kind) &&
  "at" in value &&
  typeof value.at === "string" &&
  "clock" in value &&
  "mono" in value &&
  typeof value.mono === "number" &&
  "data" in value &&
  typeof value.data === "object" &&
  value.data !== null;

/** The report of a record, or undefined if it is damaged. */
export const decodeRecord = (key: Buffer, value: Buffer): Report | undefined => {
  const text = unseal(key, value);
  if (text === undefined) return undefined;
  const report: unknown = JSON.parse(text);
  return isReport(report) ? report : undefined;
};

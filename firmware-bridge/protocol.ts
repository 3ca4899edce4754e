import type { LampPattern, OwnPattern } from "../src/domain/panic.ts";
import { crc16 } from "./crc.ts";
import { readPayload, writePayload, type FromBoard } from "./from-board.ts";

export type { FromBoard, UpdateState } from "./from-board.ts";

/** The messages of PROTOCOL.md in both directions, the counterpart of `firmware/panic.c`. */
export const PROTOCOL = 1;

/** By number on the wire. Firmware 1.1 ends at `no-host`. */
export const PATTERNS: readonly (LampPattern | OwnPattern)[] = [
  "idle",
  "stored",
  "sent",
  "received",
  "accepted",
  "fault",
  "silent",
  "no-host",
  "no-link",
  "latched",
  "done",
  "refused",
];

export type ToBoard =
  | { readonly kind: "query" }
  | { readonly kind: "confirm"; readonly number: number }
  | {
      readonly kind: "show";
      readonly pattern: LampPattern;
      readonly quiet: boolean;
      readonly drill: boolean;
      /** Loops, by number, whose presses the board must not show by itself. */
      readonly darkLoops: readonly number[];
      /** The board may blink and tick at its next power-up, to test lamp and sounder. */
      readonly mayTest: boolean;
    }
  /** Tells the board its supply; 0: the calibration is forgotten; undefined: a question. */
  | { readonly kind: "calibrate"; readonly board: string; readonly supplyMv: number | undefined }
  /** Without consent the board only answers what would become of the request. */
  | { readonly kind: "update"; readonly board: string; readonly consent: boolean };

export const START_SYSEX = 0xf0;
export const END_SYSEX = 0xf7;
/** One of Firmata's sysex commands for users, 0x01 to 0x0F. */
export const PANIC_SYSEX = 0x0b;

const TYPE = {
  query: 0x40,
  confirm: 0x41,
  show: 0x42,
  calibrate: 0x43,
  update: 0x4f,
};
/** "flsh", as a number of four bytes. */
const CONSENT = 0x68736c66;
const QUIET = 0x01;
const DRILL = 0x02;
const MAY_TEST = 0x04;

/** Each byte becomes two bytes: the lower seven bits first, then the highest bit. */
const pack = (bytes: Iterable<number>): number[] => [...bytes].flatMap((byte) => [byte & 0x7f, byte >> 7]);

const frame = (type: number, payload: Uint8Array): Uint8Array => {
  const crc = crc16([type, payload.length, ...payload]);
  return Uint8Array.from([
    START_SYSEX,
    PANIC_SYSEX,
    type,
    payload.length,
    ...pack(payload),
    ...pack([crc & 0xff, crc >> 8]),
    END_SYSEX,
  ]);
};

/** A message to the board as a complete sysex. */
export const encodeToBoard = (message: ToBoard): Uint8Array => {
  if (message.kind === "query") return frame(TYPE.query, new Uint8Array(0));
  if (message.kind === "show") {
    const flags =
      (message.quiet ? QUIET : 0) | (message.drill ? DRILL : 0) | (message.mayTest ? MAY_TEST : 0);
    const dark = message.darkLoops.reduce((mask, loop) => mask | (1 << loop), 0);
    return frame(TYPE.show, Uint8Array.of(PATTERNS.indexOf(message.pattern), flags, dark));
  }
  if (message.kind === "calibrate") {
    const payload = Buffer.alloc(message.supplyMv === undefined ? 4 : 6);
    payload.writeUInt32LE(Number.parseInt(message.board, 16));
    if (message.supplyMv !== undefined) payload.writeUInt16LE(message.supplyMv, 4);
    return frame(TYPE.calibrate, payload);
  }
  if (message.kind === "update") {
    const payload = Buffer.alloc(message.consent ? 8 : 4);
    payload.writeUInt32LE(Number.parseInt(message.board, 16));
    if (message.consent) payload.writeUInt32LE(CONSENT, 4);
    return frame(TYPE.update, payload);
  }
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(message.number);
  return frame(TYPE.confirm, payload);
};

/** Encodes what the firmware sends, for tests and simulated boards. */
export const encodeFromBoard = (message: FromBoard): Uint8Array => {
  const { type, payload } = writePayload(message);
  return frame(type, payload);
};

/**
 * Decodes a sysex of ours without F0, command and F7; undefined if its length, its CRC or a value is
 * wrong. A newer protocol may make messages longer: the known fields stay at the beginning.
 */
export const decodeFromBoard = (bytes: Uint8Array): FromBoard | undefined => {
  const [type, length] = bytes;
  if (type === undefined || length === undefined || bytes.length !== 6 + 2 * length) return undefined;
  const unpacked = Buffer.alloc(length + 2);
  for (let i = 0; i < unpacked.length; i++) {
    unpacked[i] = bytes[2 + 2 * i]! | (bytes[3 + 2 * i]! << 7);
  }
  const payload = unpacked.subarray(0, length);
  if (unpacked.readUInt16LE(length) !== crc16([type, length, ...payload])) return undefined;
  return readPayload(type, payload);
};

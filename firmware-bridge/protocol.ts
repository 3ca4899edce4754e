import {
  LOOP_STATES,
  type BoardPress,
  type LampPattern,
  type LoopState,
  type OwnPattern,
} from "../src/domain/panic.ts";
import { crc16 } from "./crc.ts";

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

/** What a board says about an update, by number on the wire. */
export const UPDATE_STATES = [
  "ready",
  "starting",
  "press-pending",
  "loop-pressed",
  "emergency",
  "no-loader",
] as const;
export type UpdateState = (typeof UPDATE_STATES)[number];

const LOADERS = ["none", "ours", "other"] as const;
type BoardLoader = (typeof LOADERS)[number];

export type FromBoard =
  | {
      readonly kind: "hello";
      readonly protocol: number;
      readonly firmware: string;
      readonly board: string;
      readonly lastNumber: number;
      readonly loops: number;
      readonly resetCause: number;
      readonly uptimeS: number;
    }
  | { readonly kind: "press"; readonly press: BoardPress }
  | {
      readonly kind: "heartbeat";
      readonly board: string;
      readonly uptimeS: number;
      readonly loops: readonly LoopState[];
      readonly supplyMv: number;
      readonly resetCause: number;
      readonly pending: number;
      readonly pattern: number;
      /** Each loop's reading without a press, 0 to 255; firmware 1.3 and newer. */
      readonly levels?: readonly number[];
    }
  | {
      readonly kind: "loop";
      readonly loop: number;
      readonly state: LoopState;
      /** Firmware 1.3 and newer. */
      readonly level?: number;
      /** The press whose contact has opened; firmware 1.4 and newer. */
      readonly release?: { readonly number: number; readonly heldMs: number };
    }
  | {
      readonly kind: "update";
      readonly board: string;
      readonly state: UpdateState;
      readonly loader: BoardLoader;
      /** The length and CRC of the firmware's seal. */
      readonly seal: { readonly bytes: number; readonly crc: number };
    };

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
    }
  /** Without consent the board only answers what would become of the request. */
  | { readonly kind: "update"; readonly board: string; readonly consent: boolean };

export const START_SYSEX = 0xf0;
export const END_SYSEX = 0xf7;
/** One of Firmata's sysex commands for users, 0x01 to 0x0F. */
export const PANIC_SYSEX = 0x0b;

const TYPE = {
  hello: 0x01,
  press: 0x02,
  heartbeat: 0x03,
  loop: 0x04,
  updateState: 0x0f,
  query: 0x40,
  confirm: 0x41,
  show: 0x42,
  update: 0x4f,
};
/** Of the oldest firmware that is understood. */
const LENGTH = { hello: 17, press: 14, heartbeat: 17, loop: 2, updateState: 12 };
/** The length of `loop` at the release of a press. */
const RELEASED = 11;
const LOOPS = 4;
/** "flsh", as a number of four bytes. */
const CONSENT = 0x68736c66;
const AGE_UNKNOWN = 0xffff_ffff;
const QUIET = 0x01;
const DRILL = 0x02;

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
    const flags = (message.quiet ? QUIET : 0) | (message.drill ? DRILL : 0);
    const dark = message.darkLoops.reduce((mask, loop) => mask | (1 << loop), 0);
    return frame(TYPE.show, Uint8Array.of(PATTERNS.indexOf(message.pattern), flags, dark));
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

/** What newer firmware appends to `loop`. */
const loopExtras = ({ level, release }: Extract<FromBoard, { kind: "loop" }>): readonly number[] => {
  if (level === undefined) return [];
  if (release === undefined) return [level];
  const extras = Buffer.alloc(RELEASED - LENGTH.loop);
  extras[0] = level;
  extras.writeUInt32LE(release.number, 1);
  extras.writeUInt32LE(release.heldMs, 5);
  return [...extras];
};

/** Encodes what the firmware sends, for tests and simulated boards. */
export const encodeFromBoard = (message: FromBoard): Uint8Array => {
  const kind = message.kind === "update" ? "updateState" : message.kind;
  const payload = Buffer.alloc(LENGTH[kind]);
  let appended: readonly number[] = [];
  switch (message.kind) {
    case "hello": {
      const [major, minor] = message.firmware.split(".").map(Number);
      payload.set([message.protocol, major!, minor!]);
      payload.writeUInt32LE(Number.parseInt(message.board, 16), 3);
      payload.writeUInt32LE(message.lastNumber, 7);
      payload.set([message.loops, message.resetCause], 11);
      payload.writeUInt32LE(message.uptimeS, 13);
      break;
    }
    case "press":
      payload.writeUInt32LE(Number.parseInt(message.press.board, 16), 0);
      payload.writeUInt32LE(message.press.number, 4);
      payload.set([message.press.loop, message.press.count], 8);
      payload.writeUInt32LE(message.press.ageMs ?? AGE_UNKNOWN, 10);
      break;
    case "heartbeat":
      payload.writeUInt32LE(Number.parseInt(message.board, 16), 0);
      payload.writeUInt32LE(message.uptimeS, 4);
      payload.set(
        message.loops.map((state) => LOOP_STATES.indexOf(state)),
        8,
      );
      payload.writeUInt16LE(message.supplyMv, 12);
      payload.set([message.resetCause, message.pending, message.pattern], 14);
      appended = message.levels ?? [];
      break;
    case "loop":
      payload.set([message.loop, LOOP_STATES.indexOf(message.state)]);
      appended = loopExtras(message);
      break;
    case "update":
      payload.writeUInt32LE(Number.parseInt(message.board, 16));
      payload.set([UPDATE_STATES.indexOf(message.state), LOADERS.indexOf(message.loader)], 4);
      payload.writeUInt16LE(message.seal.bytes, 6);
      payload.writeUInt32LE(message.seal.crc, 8);
  }
  return frame(TYPE[kind], Uint8Array.from([...payload, ...appended]));
};

const hex = (id: number): string => id.toString(16).padStart(8, "0");

/** `payload` has at least the fields of the oldest firmware. */
const decodeLoop = (payload: Buffer): FromBoard | undefined => {
  const state = LOOP_STATES[payload[1]!];
  if (!state) return undefined;
  const level = payload[LENGTH.loop];
  const release =
    payload.length >= RELEASED
      ? { number: payload.readUInt32LE(LENGTH.loop + 1), heldMs: payload.readUInt32LE(LENGTH.loop + 5) }
      : undefined;
  return {
    kind: "loop",
    loop: payload[0]!,
    state,
    ...(level === undefined ? {} : { level }),
    ...(release === undefined ? {} : { release }),
  };
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
  const atLeast = (kind: keyof typeof LENGTH) => type === TYPE[kind] && length >= LENGTH[kind];
  if (atLeast("hello")) {
    return {
      kind: "hello",
      protocol: payload[0]!,
      firmware: `${payload[1]}.${payload[2]}`,
      board: hex(payload.readUInt32LE(3)),
      lastNumber: payload.readUInt32LE(7),
      loops: payload[11]!,
      resetCause: payload[12]!,
      uptimeS: payload.readUInt32LE(13),
    };
  }
  if (atLeast("press")) {
    const ageMs = payload.readUInt32LE(10);
    return {
      kind: "press",
      press: {
        board: hex(payload.readUInt32LE(0)),
        number: payload.readUInt32LE(4),
        loop: payload[8]!,
        count: payload[9]!,
        ...(ageMs === AGE_UNKNOWN ? {} : { ageMs }),
      },
    };
  }
  if (atLeast("heartbeat")) {
    const levels = [...payload.subarray(LENGTH.heartbeat, LENGTH.heartbeat + LOOPS)];
    const loops = [...payload.subarray(8, 8 + LOOPS)].map((state) => LOOP_STATES[state]);
    if (!loops.every((state) => state !== undefined)) return undefined;
    return {
      kind: "heartbeat",
      board: hex(payload.readUInt32LE(0)),
      uptimeS: payload.readUInt32LE(4),
      loops,
      supplyMv: payload.readUInt16LE(12),
      resetCause: payload[14]!,
      pending: payload[15]!,
      pattern: payload[16]!,
      ...(levels.length === LOOPS ? { levels } : {}),
    };
  }
  if (atLeast("updateState")) {
    const state = UPDATE_STATES[payload[4]!];
    const loader = LOADERS[payload[5]!];
    if (!state || !loader) return undefined;
    const seal = { bytes: payload.readUInt16LE(6), crc: payload.readUInt32LE(8) };
    return { kind: "update", board: hex(payload.readUInt32LE(0)), state, loader, seal };
  }
  return atLeast("loop") ? decodeLoop(payload) : undefined;
};

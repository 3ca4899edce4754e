import { LOOP_STATES, type BoardPress, type LoopState } from "../src/domain/panic.ts";

/** What the board sends: each kind of message with its payload, both ways. PROTOCOL.md, "From the board". */

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

/** What a board says about its calibration, by number on the wire. `asked`: nothing was changed. */
const CALIBRATIONS = ["asked", "done", "refused"] as const;
type Calibration = (typeof CALIBRATIONS)[number];

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
      /** Firmware 1.4 and newer. */
      readonly supplyCalibrated?: boolean;
      /**
       * The reading at the lamp's sense resistor when the lamp was last lit, 0 to 255 for 0 to half the supply;
       * firmware 1.4 and newer, once the lamp has been lit.
       */
      readonly lampReading?: number;
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
      readonly kind: "supply";
      readonly board: string;
      readonly answer: Calibration;
      readonly calibrated: boolean;
      readonly supplyMv: number;
      /** The chip's internal reference, tenths of a millivolt. */
      readonly reference: number;
    }
  | {
      readonly kind: "update";
      readonly board: string;
      readonly state: UpdateState;
      readonly loader: BoardLoader;
      /** The length and CRC of the firmware's seal. */
      readonly seal: { readonly bytes: number; readonly crc: number };
    };

type Of<K extends FromBoard["kind"]> = Extract<FromBoard, { kind: K }>;
/** One kind of message. `bytes`: of the oldest firmware that is understood; a newer one may append to it. */
type Format<K extends FromBoard["kind"]> = {
  readonly type: number;
  readonly bytes: number;
  /** Undefined: a value is wrong. */
  readonly read: (payload: Buffer) => Of<K> | undefined;
  /** Writes into a payload of `bytes`; returns what is appended. */
  readonly write: (message: Of<K>, payload: Buffer) => readonly number[];
};

const LOOPS = 4;
/** Of a heartbeat: where firmware 1.4 has its flags and the lamp's reading. */
const FLAGS_AT = 21;
const AGE_UNKNOWN = 0xffff_ffff;
const SUPPLY_CALIBRATED = 0x01;
const LAMP_MEASURED = 0x02;

const idOf = (payload: Buffer, at = 0): string => payload.readUInt32LE(at).toString(16).padStart(8, "0");
const putId = (payload: Buffer, board: string, at = 0) =>
  void payload.writeUInt32LE(Number.parseInt(board, 16), at);

const HELLO: Format<"hello"> = {
  type: 0x01,
  bytes: 17,
  read: (payload) => ({
    kind: "hello",
    protocol: payload[0]!,
    firmware: `${payload[1]}.${payload[2]}`,
    board: idOf(payload, 3),
    lastNumber: payload.readUInt32LE(7),
    loops: payload[11]!,
    resetCause: payload[12]!,
    uptimeS: payload.readUInt32LE(13),
  }),
  write(message, payload) {
    const [major, minor] = message.firmware.split(".").map(Number);
    payload.set([message.protocol, major!, minor!]);
    putId(payload, message.board, 3);
    payload.writeUInt32LE(message.lastNumber, 7);
    payload.set([message.loops, message.resetCause], 11);
    payload.writeUInt32LE(message.uptimeS, 13);
    return [];
  },
};

const PRESS: Format<"press"> = {
  type: 0x02,
  bytes: 14,
  read(payload) {
    const ageMs = payload.readUInt32LE(10);
    const press = {
      board: idOf(payload),
      number: payload.readUInt32LE(4),
      loop: payload[8]!,
      count: payload[9]!,
      ...(ageMs === AGE_UNKNOWN ? {} : { ageMs }),
    };
    return { kind: "press", press };
  },
  write({ press }, payload) {
    putId(payload, press.board);
    payload.writeUInt32LE(press.number, 4);
    payload.set([press.loop, press.count], 8);
    payload.writeUInt32LE(press.ageMs ?? AGE_UNKNOWN, 10);
    return [];
  },
};

type Status = Pick<Of<"heartbeat">, "supplyCalibrated" | "lampReading">;

const statusOf = (flags: number, reading: number): Status => ({
  supplyCalibrated: (flags & SUPPLY_CALIBRATED) !== 0,
  ...(flags & LAMP_MEASURED ? { lampReading: reading } : {}),
});
const flagsOf = ({ supplyCalibrated, lampReading }: Status): number =>
  (supplyCalibrated ? SUPPLY_CALIBRATED : 0) | (lampReading === undefined ? 0 : LAMP_MEASURED);

const HEARTBEAT: Format<"heartbeat"> = {
  type: 0x03,
  bytes: 17,
  read(payload) {
    const levels = [...payload.subarray(17, 17 + LOOPS)];
    const loops = [...payload.subarray(8, 8 + LOOPS)].map((state) => LOOP_STATES[state]);
    if (!loops.every((state) => state !== undefined)) return undefined;
    return {
      kind: "heartbeat",
      board: idOf(payload),
      uptimeS: payload.readUInt32LE(4),
      loops,
      supplyMv: payload.readUInt16LE(12),
      resetCause: payload[14]!,
      pending: payload[15]!,
      pattern: payload[16]!,
      ...(levels.length === LOOPS ? { levels } : {}),
      ...(payload.length < FLAGS_AT + 2 ? {} : statusOf(payload[FLAGS_AT]!, payload[FLAGS_AT + 1]!)),
    };
  },
  write(message, payload) {
    putId(payload, message.board);
    payload.writeUInt32LE(message.uptimeS, 4);
    payload.set(
      message.loops.map((state) => LOOP_STATES.indexOf(state)),
      8,
    );
    payload.writeUInt16LE(message.supplyMv, 12);
    payload.set([message.resetCause, message.pending, message.pattern], 14);
    const { levels, supplyCalibrated, lampReading = 0 } = message;
    if (supplyCalibrated === undefined) return levels ?? [];
    return [...(levels ?? Array.from({ length: LOOPS }, () => 0)), flagsOf(message), lampReading];
  },
};

/** At the release of a press: its number and how long it was held. */
const RELEASED_BYTES = 11;

const LOOP: Format<"loop"> = {
  type: 0x04,
  bytes: 2,
  read(payload) {
    const state = LOOP_STATES[payload[1]!];
    if (!state) return undefined;
    const level = payload[2];
    const release =
      payload.length < RELEASED_BYTES
        ? undefined
        : { number: payload.readUInt32LE(3), heldMs: payload.readUInt32LE(7) };
    return {
      kind: "loop",
      loop: payload[0]!,
      state,
      ...(level === undefined ? {} : { level }),
      ...(release === undefined ? {} : { release }),
    };
  },
  write({ loop, state, level, release }, payload) {
    payload.set([loop, LOOP_STATES.indexOf(state)]);
    if (level === undefined) return [];
    if (!release) return [level];
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32LE(release.number);
    bytes.writeUInt32LE(release.heldMs, 4);
    return [level, ...bytes];
  },
};

const SUPPLY: Format<"supply"> = {
  type: 0x05,
  bytes: 10,
  read(payload) {
    const answer = CALIBRATIONS[payload[4]!];
    if (!answer) return undefined;
    const [supplyMv, reference] = [payload.readUInt16LE(6), payload.readUInt16LE(8)];
    return {
      kind: "supply",
      board: idOf(payload),
      answer,
      calibrated: payload[5] !== 0,
      supplyMv,
      reference,
    };
  },
  write(message, payload) {
    putId(payload, message.board);
    payload.set([CALIBRATIONS.indexOf(message.answer), Number(message.calibrated)], 4);
    payload.writeUInt16LE(message.supplyMv, 6);
    payload.writeUInt16LE(message.reference, 8);
    return [];
  },
};

const UPDATE: Format<"update"> = {
  type: 0x0f,
  bytes: 12,
  read(payload) {
    const state = UPDATE_STATES[payload[4]!];
    const loader = LOADERS[payload[5]!];
    if (!state || !loader) return undefined;
    const seal = { bytes: payload.readUInt16LE(6), crc: payload.readUInt32LE(8) };
    return { kind: "update", board: idOf(payload), state, loader, seal };
  },
  write(message, payload) {
    putId(payload, message.board);
    payload.set([UPDATE_STATES.indexOf(message.state), LOADERS.indexOf(message.loader)], 4);
    payload.writeUInt16LE(message.seal.bytes, 6);
    payload.writeUInt32LE(message.seal.crc, 8);
    return [];
  },
};

const FORMATS = [HELLO, PRESS, HEARTBEAT, LOOP, SUPPLY, UPDATE];

/** Reads a payload; undefined if its type, its length or a value is wrong. */
export const readPayload = (type: number, payload: Buffer): FromBoard | undefined => {
  const format = FORMATS.find((one) => one.type === type);
  return format && payload.length >= format.bytes ? format.read(payload) : undefined;
};

const written = <K extends FromBoard["kind"]>({ type, bytes, write }: Format<K>, message: Of<K>) => {
  const payload = Buffer.alloc(bytes);
  const appended = write(message, payload);
  return { type, payload: Uint8Array.from([...payload, ...appended]) };
};

/** What the firmware sends, for tests and simulated boards. */
export const writePayload = (message: FromBoard): { readonly type: number; readonly payload: Uint8Array } => {
  switch (message.kind) {
    case "hello":
      return written(HELLO, message);
    case "press":
      return written(PRESS, message);
    case "heartbeat":
      return written(HEARTBEAT, message);
    case "loop":
      return written(LOOP, message);
    case "supply":
      return written(SUPPLY, message);
    case "update":
      return written(UPDATE, message);
  }
};

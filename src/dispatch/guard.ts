import { PUBACK } from "./port.ts";

export type Oversize = {
  readonly topic: string;
  /** Bytes of the whole packet. */
  readonly bytes: number;
  /** Present if the message needs a PUBACK. */
  readonly packetId?: number;
};

export type Findings = {
  /** A message was cut out. */
  oversize(found: Oversize): void;
  /** A PUBACK has a reason code other than 0. */
  answered(packetId: number, code: number): void;
  /** Bytes came of a packet that comes in more than one read. */
  part(): void;
};

/** Types of packets. */
const TYPE = { publish: 3, puback: 4 } as const;
/** Packet id and reason code of a PUBACK (MQTT 5 §3.4.2); without a reason code it is 0. */
const PUBACK_BYTES = 3;
/**
 * MQTT 5 §1.5.5: a remaining length has at most four bytes. More are a malformed packet, which the parser
 * reports.
 */
const LENGTH_BYTES = 4;
const TOPIC_LENGTH_BYTES = 2;
const PACKET_ID_BYTES = 2;

type Header = { readonly headerBytes: number; readonly remaining: number };

/** The fixed header at the start of `bytes`; undefined if it is not complete. */
const readHeader = (bytes: Buffer): Header | undefined => {
  let remaining = 0;
  for (let n = 0; n < LENGTH_BYTES; n++) {
    const byte = bytes[1 + n];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) * 128 ** n;
    if (byte < 0x80) return { headerBytes: 2 + n, remaining };
  }
  return { headerBytes: 1 + LENGTH_BYTES, remaining: 0 };
};

type State =
  | { readonly kind: "header"; readonly held: Buffer }
  | { readonly kind: "pass"; readonly left: number }
  | {
      readonly kind: "skip";
      readonly first: number;
      readonly bytes: number;
      readonly left: number;
      readonly head: Buffer;
    };

/**
 * Topic and packet id at the start of a PUBLISH's variable header; undefined if the header is not
 * complete.
 */
const readHead = (first: number, head: Buffer): Omit<Oversize, "bytes"> | undefined => {
  if (head.length < TOPIC_LENGTH_BYTES) return undefined;
  const end = TOPIC_LENGTH_BYTES + head.readUInt16BE(0);
  const qos = (first >> 1) & 3;
  if (head.length < end + (qos > 0 ? PACKET_ID_BYTES : 0)) return undefined;
  const topic = head.toString("utf8", TOPIC_LENGTH_BYTES, end);
  return qos > 0 ? { topic, packetId: head.readUInt16BE(end) } : { topic };
};

const isPubackWithCode = (first: number, { remaining }: Header): boolean =>
  first >> 4 === TYPE.puback && remaining >= PUBACK_BYTES;

const BETWEEN_PACKETS: State = { kind: "header", held: Buffer.alloc(0) };

/**
 * Reads the bytes from a broker and cuts out messages that are too large to keep in memory, before the
 * client's parser collects them whole. MQTT 5 brokers respect the announced maximum; 3.1.1 has none. It
 * also reads the reason codes of PUBACKs: the client does not report 0x10 (no matching subscribers), and
 * closes the connection at codes that it does not know, such as mosquitto's 0x95 (packet too large). So
 * the client gets 0x80 for every refusal. Pure: bytes in, bytes and findings out.
 */
export class PacketGuard {
  readonly #maxBytes: number;
  readonly #on: Findings;
  #state: State = BETWEEN_PACKETS;

  /** `maxBytes`: the largest packet that is passed on. */
  constructor(maxBytes: number, on: Findings) {
    this.#maxBytes = maxBytes;
    this.#on = on;
  }

  /** The parts of `chunk` to pass on, in order. */
  feed(chunk: Buffer): Buffer[] {
    const passed: Buffer[] = [];
    const wasWithin = this.#state.kind === "pass";
    let from = 0;
    let at = 0;
    while (at < chunk.length) {
      const rest = chunk.subarray(at);
      const step = this.#step(rest);
      if (step.pass !== undefined || step.drop) {
        // Pass on the bytes before this step, then its replacement, if it has one.
        if (at > from) passed.push(chunk.subarray(from, at));
        if (step.pass) passed.push(step.pass);
        from = at + step.used;
      }
      at += step.used;
    }
    if (at > from) passed.push(chunk.subarray(from, at));
    if (wasWithin || this.#state.kind === "pass") this.#on.part();
    return passed;
  }

  /**
   * Reads the start of `rest`. Returns how many bytes it used, and whether they are passed on, dropped or
   * replaced.
   */
  #step(rest: Buffer): { readonly used: number; readonly drop?: boolean; readonly pass?: Buffer } {
    const state = this.#state;
    if (state.kind === "skip") return { used: this.#skip(state, rest), drop: true };
    if (state.kind === "pass") {
      const used = Math.min(state.left, rest.length);
      this.#state = used < state.left ? { kind: "pass", left: state.left - used } : BETWEEN_PACKETS;
      return { used };
    }
    return this.#header(state.held, rest);
  }

  #header(held: Buffer, rest: Buffer): { used: number; drop?: boolean; pass?: Buffer } {
    const bytes = held.length > 0 ? Buffer.concat([held, rest]) : rest;
    const header = readHeader(bytes);
    const codeAt = header && isPubackWithCode(bytes[0]!, header) ? header.headerBytes + PUBACK_BYTES : 0;
    if (!header || bytes.length < codeAt) {
      // Fewer than eight bytes: keep them for the next chunk.
      this.#state = { kind: "header", held: Buffer.from(bytes) };
      return { used: rest.length, drop: true };
    }
    if (codeAt > 0) return this.#puback(bytes.subarray(0, codeAt), header, held.length);
    const { headerBytes, remaining } = header;
    const size = headerBytes + remaining;
    const used = headerBytes - held.length;
    const first = bytes[0]!;
    if (first >> 4 === TYPE.publish && size > this.#maxBytes) {
      this.#state = { kind: "skip", first, bytes: size, left: remaining, head: Buffer.alloc(0) };
      return { used, drop: true };
    }
    this.#state = remaining > 0 ? { kind: "pass", left: remaining } : BETWEEN_PACKETS;
    return held.length > 0 ? { used, pass: Buffer.from(bytes.subarray(0, headerBytes)) } : { used };
  }

  /** `bytes`: a PUBACK up to its reason code. Its first `held` bytes came in earlier chunks. */
  #puback(bytes: Buffer, { headerBytes, remaining }: Header, held: number): { used: number; pass?: Buffer } {
    const left = remaining - PUBACK_BYTES;
    this.#state = left > 0 ? { kind: "pass", left } : BETWEEN_PACKETS;
    const used = bytes.length - held;
    const code = bytes.at(-1)!;
    if (code > 0) this.#on.answered(bytes.readUInt16BE(headerBytes), code);
    if (code < PUBACK.firstRefusal) return held > 0 ? { used, pass: Buffer.from(bytes) } : { used };
    const pass = Buffer.from(bytes);
    pass[pass.length - 1] = PUBACK.firstRefusal;
    return { used, pass };
  }

  /** Skips a packet that is cut out. Returns how many bytes of `rest` belong to it. */
  #skip(state: State & { kind: "skip" }, rest: Buffer): number {
    const used = Math.min(state.left, rest.length);
    const known = readHead(state.first, state.head);
    const head = known ? state.head : Buffer.concat([state.head, rest.subarray(0, used)]);
    const named = known ? undefined : readHead(state.first, head);
    if (named) this.#on.oversize({ ...named, bytes: state.bytes });
    // `head` keeps only the topic and the packet id, not the payload.
    const left = state.left - used;
    this.#state = left > 0 ? { ...state, head, left } : BETWEEN_PACKETS;
    return used;
  }
}

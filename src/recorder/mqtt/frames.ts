/**
 * Cuts a stream of bytes into MQTT packets, and skips what is larger than the limit without keeping it: a
 * broker sends an unacknowledged message again and again, so it must be answered, not refused. Pure.
 */

export type Frame =
  | { readonly kind: "packet"; readonly bytes: Buffer }
  | {
      readonly kind: "oversized";
      readonly topic: string;
      /** Undefined: QoS 0. */
      readonly packetId: number | undefined;
      /** The first bytes of the payload. */
      readonly head: Buffer;
      readonly size: number;
    };

/** Of a packet that is skipped so many bytes are kept, for the record. A topic has at most 65,535. */
const HEAD_BYTES = 128 * 1024;
/** MQTT §2.1.4: the remaining length has at most four bytes. */
const LENGTH_BYTES = 4;
const PUBLISH = 3;

type Packet = { readonly first: number; readonly start: number; readonly length: number };

/** The fixed header at `at`. Undefined: it is not there yet. */
const headerAt = (bytes: Buffer, at: number): Packet | undefined => {
  let length = 0;
  for (let i = 0; i < LENGTH_BYTES; i++) {
    const byte = bytes[at + 1 + i];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return { first: bytes[at] ?? 0, start: at + 2 + i, length };
  }
  throw new Error("Malformed remaining length");
};

const oversized = ({ first, length }: Packet, body: Buffer): Frame | undefined => {
  if (first >> 4 !== PUBLISH || body.length < 2) return undefined;
  const topicEnd = 2 + body.readUInt16BE(0);
  const hasId = (first & 0x06) !== 0;
  if (body.length < topicEnd + 2) return undefined;
  const packetId = hasId ? body.readUInt16BE(topicEnd) : undefined;
  // With MQTT 5 the head begins with the properties.
  const head = Buffer.from(body.subarray(topicEnd + (hasId ? 2 : 0)));
  return { kind: "oversized", topic: body.toString("utf8", 2, topicEnd), packetId, head, size: length };
};

/** A packet of which only a part has come. `kept` of its bytes are in `parts`; `left` are still to come. */
type Unfinished = { readonly packet: Packet; readonly parts: Buffer[]; kept: number; left: number };

export class Frames {
  readonly #maxBytes: number;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #unfinished: Unfinished | undefined;

  /** `maxBytes`: of a packet without its fixed header. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes as they came. All frames of earlier bytes must have been taken. */
  feed(chunk: Buffer): void {
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    this.#at = 0;
  }

  /** The next frame, if it is whole. Throws an Error if this is not MQTT. */
  next(): Frame | undefined {
    if (this.#unfinished) return this.#continue(this.#unfinished);
    const packet = headerAt(this.#bytes, this.#at);
    if (!packet) return undefined;
    const end = packet.start + packet.length;
    if (packet.length <= this.#maxBytes && end <= this.#bytes.length) {
      const bytes = this.#bytes.subarray(this.#at, end);
      this.#at = end;
      return { kind: "packet", bytes };
    }
    const header = this.#bytes.subarray(this.#at, packet.start);
    const isKept = packet.length <= this.#maxBytes;
    this.#at = packet.start;
    const parts = isKept ? [Buffer.from(header)] : [];
    this.#unfinished = { packet, parts, kept: 0, left: packet.length };
    return this.#continue(this.#unfinished);
  }

  #continue(unfinished: Unfinished): Frame | undefined {
    const { packet, parts } = unfinished;
    const piece = this.#bytes.subarray(this.#at, this.#at + unfinished.left);
    this.#at += piece.length;
    unfinished.left -= piece.length;
    const isKept = packet.length <= this.#maxBytes;
    const wanted = isKept ? piece : piece.subarray(0, Math.max(0, HEAD_BYTES - unfinished.kept));
    if (wanted.length > 0) parts.push(Buffer.from(wanted));
    unfinished.kept += wanted.length;
    if (unfinished.left > 0) return undefined;
    this.#unfinished = undefined;
    const bytes = Buffer.concat(parts);
    if (isKept) return { kind: "packet", bytes };
    // Something other than a message, and this large, is of no use.
    return oversized(packet, bytes) ?? this.next();
  }
}

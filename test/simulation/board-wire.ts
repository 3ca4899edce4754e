import { crc16 } from "../../firmware-bridge/crc.ts";

/** What a host says to the board (PROTOCOL.md), read as the firmware reads it. */
export type HostMessage =
  | { readonly kind: "query" }
  | { readonly kind: "confirm"; readonly number: number }
  | {
      readonly kind: "show";
      readonly pattern: number;
      readonly quiet: boolean;
      readonly drill: boolean;
      readonly dark: number;
    };

const QUERY = 0x40;
const CONFIRM = 0x41;
const SHOW = 0x42;
const PAYLOAD_MAX = 24;

/** The body of a sysex, without F0, command and F7; undefined if its length, CRC or type is not right. */
export const readHostMessage = (bytes: Uint8Array): HostMessage | undefined => {
  const [type, length] = bytes;
  if (type === undefined || length === undefined || length > PAYLOAD_MAX) return undefined;
  if (bytes.length !== 6 + 2 * length) return undefined;
  const unpacked = Buffer.alloc(length + 2);
  for (let i = 0; i < unpacked.length; i++) {
    unpacked[i] = bytes[2 + 2 * i]! | (bytes[3 + 2 * i]! << 7);
  }
  const payload = unpacked.subarray(0, length);
  if (unpacked.readUInt16LE(length) !== crc16([type, length, ...payload])) return undefined;
  if (type === QUERY) return { kind: "query" };
  if (type === CONFIRM && length >= 4) return { kind: "confirm", number: payload.readUInt32LE(0) };
  if (type !== SHOW || length < 2) return undefined;
  const flags = payload[1]!;
  const [pattern, , dark = 0] = payload;
  return { kind: "show", pattern: pattern!, quiet: (flags & 1) !== 0, drill: (flags & 2) !== 0, dark };
};

/** Patterns by their number on the line. */
export const PATTERNS = [
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
] as const;

const NAME = "patrol-panic";

/** What Firmata sends at the start: its version, and the name of the firmware. */
export const firmataGreeting = (): Uint8Array =>
  Uint8Array.from([
    0xf9,
    2,
    5,
    0xf0,
    0x79,
    1,
    2,
    ...[...Buffer.from(NAME)].flatMap((letter) => [letter & 0x7f, letter >> 7]),
    0xf7,
  ]);

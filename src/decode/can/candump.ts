import type { CanFrame } from "../../domain/can.ts";

/** A line of a log that is no frame with data: why it is passed over. */
export type NoFrame = "malformed" | "remote" | "error";

const ERROR_FLAG = 0x2000_0000;
const EXTENDED_DIGITS = 8;
const LINE =
  /^\((\d+(?:\.\d+)?)\)\s+(\S+)\s+([0-9A-Fa-f]{3}|[0-9A-Fa-f]{8})(#R\d?|##?)([0-9A-Fa-f_.]*)(?:\s+[RT])?\s*$/;

/**
 * One line of `candump -l` or `-L`: `(seconds) interface id#data`, `id##` and a digit of flags
 * before the data of an FD frame, `id#R` a remote request.
 */
export const parseCandumpLine = (line: string): CanFrame | NoFrame => {
  const match = LINE.exec(line);
  if (!match) return "malformed";
  const [, seconds, bus, digits, separator, rest] = match;
  if (separator!.startsWith("#R")) return "remote";
  const id = Number.parseInt(digits!, 16);
  const extended = digits!.length === EXTENDED_DIGITS;
  if (extended && (id & ERROR_FLAG) !== 0) return "error";
  const fd = separator === "##";
  // `candump -8` writes a DLC above eight behind the data.
  const written = fd ? rest!.slice(1) : rest!.replace(/_[9A-Fa-f]$/, "");
  const hex = written.replaceAll(/[._]/g, "");
  if (hex.length % 2 !== 0 || hex.length > (fd ? 128 : 16) || (fd && rest === "")) return "malformed";
  if (id > (extended ? 0x1fff_ffff : 0x7ff)) return "malformed";
  return { t: Number(seconds), bus: bus!, id, extended, data: Buffer.from(hex, "hex") };
};

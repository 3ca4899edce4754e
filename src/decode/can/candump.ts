import type { CanFrame } from "../../domain/can.ts";

/** Why a line of a log is skipped: it holds no frame with data. */
export type NoFrame = "malformed" | "remote" | "error";

const ERROR_FLAG = 0x2000_0000;
const EXTENDED_DIGITS = 8;
const LINE =
  /^\((\d+(?:\.\d+)?)\)\s+(\S+)\s+([0-9A-Fa-f]{3}|[0-9A-Fa-f]{8})(#R\d?|##?)([0-9A-Fa-f_.]*)(?:\s+[RT])?\s*$/;

/**
 * Parses one line of `candump -l`, `-L` or `-8`: `(seconds) interface id#data`. `id##` and a digit of
 * flags precede the data of an FD frame; `id#R` is a remote request. The ids are hexadecimal: three
 * digits are a standard id, eight an extended one.
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
  // `candump -8` appends a DLC above eight to the data.
  const written = fd ? rest!.slice(1) : rest!.replace(/_[9A-Fa-f]$/, "");
  const hex = written.replaceAll(/[._]/g, "");
  if (hex.length % 2 !== 0 || hex.length > (fd ? 128 : 16) || (fd && rest === "")) return "malformed";
  if (id > (extended ? 0x1fff_ffff : 0x7ff)) return "malformed";
  return { t: Number(seconds), bus: bus!, id, extended, data: Buffer.from(hex, "hex") };
};

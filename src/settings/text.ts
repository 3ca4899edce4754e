import { isUtf8 } from "node:buffer";
import { ConfigurationError, type SettingsFault } from "./fault.ts";

const EXPECTED = "a file in UTF-8";
const NEWLINE = 0x0a;

/** Whether bytes begin like UTF-16: with its byte order mark, or with an ASCII character of two bytes. */
const isUtf16 = ([first, second]: Buffer): boolean =>
  (first === 0xff && second === 0xfe) ||
  (first === 0xfe && second === 0xff) ||
  (first !== undefined && second !== undefined && (first === 0) !== (second === 0));

const linesOf = function* (bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from <= bytes.length;) {
    const end = bytes.indexOf(NEWLINE, from);
    yield bytes.subarray(from, end < 0 ? bytes.length : end);
    from = end < 0 ? bytes.length + 1 : end + 1;
  }
};

/** The first byte of a line that is not UTF-8, and its column. */
const firstWrong = (line: Buffer): { readonly byte: number; readonly column: number } => {
  const again = Buffer.from(line.toString("utf8"));
  const offset = line.findIndex((byte, i) => byte !== again[i]);
  return { byte: line[offset] ?? 0, column: line.subarray(0, offset).toString("utf8").length + 1 };
};

const encodingFault = (bytes: Buffer, file: string): SettingsFault => {
  const wrong = [...linesOf(bytes)].flatMap((line, i) => (isUtf8(line) ? [] : [{ line, number: i + 1 }]));
  const { line, number } = wrong[0] ?? { line: bytes, number: 1 };
  const { byte, column } = firstWrong(line);
  const others = wrong.length - 1;
  const more = others === 0 ? "" : `, and such bytes in ${others} more ${others === 1 ? "line" : "lines"}`;
  return {
    file,
    line: number,
    column,
    path: "",
    code: "invalid",
    expected: EXPECTED,
    found: `the byte 0x${byte.toString(16).toUpperCase().padStart(2, "0")}${more}`,
    remedy: "save it as UTF-8",
    part: "config",
    fatal: false,
  };
};

/**
 * The text of a file. Bytes that are not UTF-8 are replaced, and are one fault. Throws ConfigurationError
 * if the file is UTF-16.
 */
export const textOf = (
  bytes: Buffer,
  file: string,
): { readonly text: string; readonly faults: readonly SettingsFault[] } => {
  if (isUtf16(bytes)) {
    const place = { file, line: 1, column: 1, path: "" };
    throw new ConfigurationError([
      { ...place, code: "yaml", expected: EXPECTED, found: "UTF-16", part: "config", fatal: true },
    ]);
  }
  return { text: bytes.toString("utf8"), faults: isUtf8(bytes) ? [] : [encodingFault(bytes, file)] };
};

/** NMEA 0183 sentence: framing rules and checksum (NMEA 0183 v4.11 §5.3). */

/** `body`: the fields after the address, separated by commas and not split yet. */
export type Sentence = {
  readonly talker: string;
  readonly formatter: string;
  readonly body: string;
};

export type Refusal = "no-checksum" | "checksum" | "malformed";

const hexDigit = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const upper = code & ~0x20;
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : -1;
};

/**
 * Parses one framed line. The checksum is required: without it a flipped bit in a coordinate
 * looks like a coordinate. Anything after its two digits is refused, except blanks.
 */
export const parseSentence = (line: string): Sentence | Refusal => {
  let end = line.length;
  while (end > 0 && line.charCodeAt(end - 1) === 0x20) end--;
  const star = end - 3;
  if (star < 1 || line.charCodeAt(star) !== 0x2a) {
    return line.includes("*") ? "malformed" : "no-checksum";
  }
  // The asterisk is reserved: a second one belongs to no field.
  if (line.indexOf("*") < star) return "malformed";
  const high = hexDigit(line.charCodeAt(star + 1));
  const low = hexDigit(line.charCodeAt(star + 2));
  if (high < 0 || low < 0) return "malformed";
  let sum = 0;
  for (let i = 1; i < star; i++) sum ^= line.charCodeAt(i);
  if (sum !== high * 16 + low) return "checksum";
  const comma = line.indexOf(",");
  if (comma < 0 || comma > star) return "malformed";
  // Proprietary sentences ($P…) have no talker; their address is all formatter.
  const proprietary = line.charCodeAt(1) === 0x50;
  if (!proprietary && comma !== 6) return "malformed";
  return {
    talker: proprietary ? "P" : line.slice(1, 3),
    formatter: proprietary ? line.slice(2, comma) : line.slice(3, 6),
    body: line.slice(comma + 1, star),
  };
};

/** The sentence with this body (what stands between `$` and `*`), with its checksum and CR LF. */
export const formatSentence = (body: string): string => {
  let sum = 0;
  for (let i = 0; i < body.length; i++) sum ^= body.charCodeAt(i);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}\r\n`;
};

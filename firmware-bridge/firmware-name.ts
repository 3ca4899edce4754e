/** Our firmware's name in a Firmata firmware report. */
const OUR_FIRMWARE = "patrol-panic";
const REPORT_FIRMWARE = 0x79;

/** Asks a Firmata board for its firmware's name. */
export const ASK_FIRMWARE_NAME = Uint8Array.of(0xf0, REPORT_FIRMWARE, 0xf7);

/** The name and version in one report: after F0 and 79 two bytes of version, then letters of two bytes each. */
const nameIn = (report: Uint8Array): string => {
  const letters = report.subarray(4);
  const name = Array.from({ length: letters.length >> 1 }, (_, i) =>
    String.fromCodePoint(letters[2 * i]! | (letters[2 * i + 1]! << 7)),
  ).join("");
  return `${name.replace(/\.ino$/, "") || "an unnamed firmware"} ${report[2]}.${report[3]}`;
};

/** The name and version in each whole Firmata firmware report among these bytes. */
export const firmwareNames = (bytes: Uint8Array): string[] => {
  const names: string[] = [];
  for (let at = bytes.indexOf(0xf0); at >= 0; at = bytes.indexOf(0xf0, at + 1)) {
    const end = bytes.indexOf(0xf7, at);
    if (bytes[at + 1] === REPORT_FIRMWARE && end >= at + 4) names.push(nameIn(bytes.subarray(at, end)));
  }
  return names;
};

/** Whether a name and version is that of our firmware. */
export const isOurName = (name: string): boolean => name.startsWith(OUR_FIRMWARE);

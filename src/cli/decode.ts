import { createNmeaDecoder } from "../decode/nmea/decoder.ts";
import { isoInstant } from "../domain/time.ts";
import { reasonOf } from "../runtime/log.ts";
import { readRecording } from "../sources/recording.ts";
import { CommandError, EXIT, options, required, type Command } from "./command.ts";

const CHUNK = 65_536;

export const decode: Command = {
  summary: "every fix of a recording as NDJSON",
  usage: `patrol-unit decode --nmea FILE

One line an epoch on stdout: the \`data\` of a position and \`at\`, as the receiver gave it (dates are
not corrected for week rollover). The last line, on stderr, counts sentences, fixes and rejections.`,
  run(args) {
    const file = required(options(args, { nmea: { type: "string" } }).nmea, "nmea");
    let bytes: Buffer;
    try {
      bytes = readRecording(file);
    } catch (cause) {
      throw new CommandError(EXIT.io, `${file} cannot be read: ${reasonOf(cause)}`, cause);
    }
    let lines = "";
    const decoder = createNmeaDecoder(({ at, ...data }) => {
      lines += `${JSON.stringify({ at: isoInstant(at), ...data })}\n`;
    });
    for (let from = 0; from < bytes.length; from += CHUNK) decoder.push(bytes.subarray(from, from + CHUNK));
    decoder.end();
    process.stdout.write(lines);
    process.stderr.write(`${JSON.stringify(decoder.tally)}\n`);
    return Promise.resolve(EXIT.ok);
  },
};

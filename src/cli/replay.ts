import { accessSync, constants, statSync } from "node:fs";
import { canRecordingSource, hasCandumpLine } from "../sources/can/recording.ts";
import { createNmeaDecoder } from "../decode/nmea/decoder.ts";
import { createLog } from "../runtime/log.ts";
import { systemTime } from "../runtime/time.ts";
import { ConfigurationError, faultText } from "../settings/fault.ts";
import { loadConfiguration } from "../settings/load.ts";
import { linesOf } from "../sources/lines.ts";
import { readRecording, recordingSource, streamRecording } from "../sources/recording.ts";
import { startUnit } from "../unit/start.ts";
import {
  CommandError,
  CONFIG_OPTIONS,
  configSource,
  EXIT,
  options,
  positive,
  unreadable,
  type Command,
} from "./lib/command.ts";
import { onThisMachine } from "./lib/ports.ts";
import { malformedText, noRecording } from "./lib/recordings.ts";
import { onStopRequest } from "./lib/stop.ts";

/** Bytes looked at in one go for a sentence. */
const PIECE = 65_536;

const hasSentence = (bytes: Buffer): boolean => {
  const decoder = createNmeaDecoder(() => undefined);
  for (let at = 0; at < bytes.length && decoder.tally.sentences === 0; at += PIECE)
    decoder.push(bytes.subarray(at, at + PIECE));
  return decoder.tally.sentences > 0;
};

const nmeaRecording = (file: string): Buffer => {
  let bytes: Buffer;
  try {
    bytes = readRecording(file);
  } catch (cause) {
    throw unreadable(file, cause);
  }
  if (!hasSentence(bytes)) throw noRecording(file, "NMEA sentence");
  return bytes;
};

/**
 * A candump log as a bus. `ended` warns about invalid lines, and throws if the log could not be read to
 * its end. Throws a CommandError if the file has no candump line.
 */
const openBus = async (file: string, speed: number, name: string) => {
  try {
    accessSync(file, constants.R_OK);
    // The file is read once to see which buses it has, and then played.
    if (!statSync(file).isFile()) throw new Error("not a regular file");
  } catch (cause) {
    throw unreadable(file, cause);
  }
  let failure: CommandError | undefined;
  const lines = async function* () {
    try {
      yield* linesOf(streamRecording(file));
    } catch (cause) {
      failure = unreadable(file, cause);
      throw cause;
    }
  };
  if (!(await hasCandumpLine(lines()).catch(() => true))) throw noRecording(file, "candump line");
  if (failure) throw failure;
  const source = canRecordingSource(lines, speed, name, systemTime);
  return {
    source,
    ended(): void {
      const { lines: broken, first } = source.malformed;
      if (first !== undefined) process.stderr.write(`${malformedText(file, first, broken)}\n`);
      if (failure) throw failure;
    },
  };
};

export const replay: Command = {
  summary: "runs the service on recordings instead of a receiver and a bus",
  usage: `patrol-unit replay --config FILE | --root DIR [--nmea FILE] [--can FILE] [--speed N]

Plays the recordings (plain or gzip; --can: a candump log of any size) through the same path as
\`run\`, at N times their own pace (default 1; max: at once). Ends when they have ended and everything
is delivered. Dispatch sees the unit of the configuration: give it a unit.id and an outbox of its
own, or the real car appears elsewhere on its map. Invalid lines of a log are counted on stderr at
the end.
Exit: 0 all delivered, 1 stopped before the end, or a file has no NMEA sentence or no candump line,
74 a recording cannot be read, 78 the configuration is not valid.`,
  async run(args) {
    const given = options(args, {
      ...CONFIG_OPTIONS,
      nmea: { type: "string" },
      can: { type: "string" },
      speed: { type: "string" },
    });
    if (given.nmea === undefined && given.can === undefined) {
      throw new CommandError(EXIT.usage, "expected --nmea FILE, --can FILE, or both");
    }
    const source = configSource(given);
    const speed = positive(given.speed, "speed", 1, Infinity);
    const loaded = loadConfiguration(source);
    const { can } = loaded.settings;
    const busFaults = loaded.faults.filter(({ part }) => part === "can");
    if (given.can !== undefined && busFaults.length > 0) throw new ConfigurationError(busFaults);
    if (given.can !== undefined && !can)
      throw new CommandError(EXIT.usage, `--can: ${source.file} has no can block`);
    const nmea = given.nmea === undefined ? Buffer.alloc(0) : nmeaRecording(given.nmea);
    const bus =
      given.can === undefined || !can || !loaded.mapping
        ? undefined
        : { ...(await openBus(given.can, speed, can.interface)), mapping: loaded.mapping };
    const stop = onStopRequest();
    const log = createLog((line) => process.stdout.write(line));
    for (const fault of loaded.faults) log.error(faultText(fault), { part: fault.part, fault: fault.code });
    const machine = await onThisMachine({
      settings: loaded.settings,
      config: loaded.sha256,
      faults: loaded.faults,
      log,
      gps: recordingSource(nmea, speed, systemTime),
      can: bus,
      recorded: true,
    });
    await using unit = await startUnit(machine);
    const played = unit.ended.then(() => unit.drained()).then(() => "the recording has ended");
    const reason = await Promise.race([played, stop.requested]);
    unit.stopBecause(reason);
    bus?.ended();
    return stop.signal.aborted ? EXIT.failed : EXIT.ok;
  },
};

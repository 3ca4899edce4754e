import { createLog, reasonOf } from "../runtime/log.ts";
import { loadSettings } from "../settings/load.ts";
import { readRecording, recordingSource } from "../sources/recording.ts";
import { startUnit } from "../unit.ts";
import { panicBoard } from "./board.ts";
import { CommandError, EXIT, options, positive, required, type Command } from "./command.ts";
import { onStopRequest } from "./stop.ts";

const recording = (file: string): Buffer => {
  try {
    return readRecording(file);
  } catch (cause) {
    throw new CommandError(EXIT.io, `${file} cannot be read: ${reasonOf(cause)}`, cause);
  }
};

export const replay: Command = {
  summary: "the service fed with a recording in place of a receiver",
  usage: `patrol-unit replay --config FILE --nmea FILE [--speed N]

Plays the recording (plain or gzip) through the same path as \`run\`, at N times its own pace
(default 1; max: at once). Ends when the recording has ended and the outbox is drained.
Exit: 0 all delivered, 1 stopped before, 74 the recording cannot be read.`,
  async run(args) {
    const given = options(args, {
      config: { type: "string" },
      nmea: { type: "string" },
      can: { type: "string" },
      speed: { type: "string" },
    });
    if (given.can !== undefined)
      throw new CommandError(EXIT.usage, "--can: this release cannot read CAN yet");
    const loaded = loadSettings(required(given.config, "config"));
    const nmea = recording(required(given.nmea, "nmea"));
    const speed = positive(given.speed, "speed", 1);
    const stop = onStopRequest();
    await using unit = await startUnit({
      settings: loaded.settings,
      config: loaded.sha256,
      gps: recordingSource(nmea, speed),
      recorded: true,
      board: await panicBoard(loaded.settings.panic),
      log: createLog((line) => process.stdout.write(line)),
    });
    const played = unit.ended.then(() => unit.drained()).then(() => "the recording has ended");
    const reason = await Promise.race([played, stop.requested]);
    unit.stopBecause(reason);
    return stop.signal.aborted ? EXIT.failed : EXIT.ok;
  },
};

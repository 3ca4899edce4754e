import type * as z from "zod";
import { Snapshot } from "../domain/snapshot.ts";
import { systemTime } from "../runtime/time.ts";
import { pause } from "../runtime/wait.ts";
import { CONFIG_OPTIONS, EXIT, options, type Command } from "./lib/command.ts";
import { faultLine, loopWord } from "./lib/active-fault.ts";
import { askStatus, unitAddress, wrongFormat, type UnitAddress } from "./lib/ask-unit.ts";
import { onStopRequest } from "./lib/stop.ts";

/** What is printed of the snapshot. */
const { shape } = Snapshot;
const Printed = Snapshot.pick({ unit: true, boot: true, version: true, uptimeS: true, faults: true }).extend({
  outbox: shape.outbox.pick({ records: true, oldestAgeS: true }),
  link: shape.link.pick({ broker: true, reconnects: true, fault: true }),
  gps: shape.gps.pick({ fix: true, satellites: true, fault: true }),
  can: shape.can.unwrap().pick({ frames: true, dropped: true, state: true }).optional(),
  panicBoard: shape.panicBoard
    .unwrap()
    .pick({ connected: true, firmware: true, degraded: true, loops: true })
    .optional(),
  emergency: shape.emergency.pick({ drillArmed: true, lamp: true, episodes: true }),
  position: shape.position.unwrap().pick({ lat: true, lon: true, speedKmh: true }).optional(),
});
type Printed = z.infer<typeof Printed>;

const describeBoard = ({ panicBoard: board, emergency }: Printed): string => {
  if (!board) return "none configured";
  if (!board.connected) return "DOES NOT ANSWER";
  const loops = Object.entries(board.loops ?? {}).map(([name, state]) => `${name}: ${loopWord(state)}`);
  return [
    board.firmware === undefined ? "firmware unknown" : `firmware ${board.firmware}`,
    ...(board.degraded ? ["no latch"] : []),
    ...loops,
    `lamp ${emergency.lamp}`,
  ].join(", ");
};

const describeEmergency = ({ emergency }: Printed): string => {
  const open = emergency.episodes.filter(({ state }) => state !== "cleared");
  const lines = open.map(
    ({ test, state, button, episode }) =>
      `${test ? "DRILL" : "EMERGENCY"} ${state ?? "open"}, button ${button ?? "unknown"}, ${episode}`,
  );
  return [...lines, ...(emergency.drillArmed ? ["the next press is a drill"] : [])].join("; ") || "none";
};

const describeFaults = ({ faults }: Printed): string[] =>
  faults.length === 0
    ? ["faults    none"]
    : faults.map((fault, n) => `${n === 0 ? "faults".padEnd(10) : " ".repeat(10)}${faultLine(fault)}`);

const describe = (s: Printed): string =>
  [
    `unit      ${s.unit}, version ${s.version}, boot ${s.boot}, up ${s.uptimeS} s`,
    `dispatch  ${s.link.broker ?? `not connected${s.link.fault ? ` (${s.link.fault})` : ""}`}, ${s.link.reconnects} reconnects`,
    `gps       ${s.gps.fault ?? `fix ${s.gps.fix}`}${s.gps.satellites === undefined ? "" : `, ${s.gps.satellites} satellites`}${
      s.position ? `, at ${s.position.lat.toFixed(5)} ${s.position.lon.toFixed(5)}` : ""
    }`,
    ...(s.can
      ? [
          `can       ${s.can.state === "heard" ? "heard" : s.can.state.toUpperCase()}, ${s.can.frames} frames, ${s.can.dropped} dropped`,
        ]
      : []),
    `panic     ${describeBoard(s)}`,
    `emergency ${describeEmergency(s)}`,
    `outbox    ${s.outbox.records} waiting${s.outbox.oldestAgeS === undefined ? "" : `, the oldest for ${s.outbox.oldestAgeS} s`}`,
    ...describeFaults(s),
    "",
  ].join("\n");

/** A status as text; with `--json`, the whole status as it was received. */
const linesOf = (unit: UnitAddress, answer: unknown, json: boolean): string => {
  if (json) return `${JSON.stringify(answer)}\n`;
  const { data, error } = Printed.safeParse(answer);
  if (data) return describe(data);
  throw wrongFormat(unit, error);
};

export const status: Command = {
  summary: "the running service's state",
  usage: `patrol-unit status [--config FILE | --root DIR | --address HOST:PORT] [--watch] [--json]

Asks the status address of the configuration (default 127.0.0.1:8080). Lists the active faults;
systemd/RUNBOOK.md has the remedy for each. --watch repeats each second, with the time.
--json: the whole status as the service gives it, in one line.
Exit: 0 it answered, 64 the address is not valid, 69 no service answers, or another unit's does.`,
  async run(args) {
    const given = options(args, {
      ...CONFIG_OPTIONS,
      address: { type: "string" },
      watch: { type: "boolean" },
      json: { type: "boolean" },
    });
    const unit = unitAddress(given);
    const stop = given.watch ? onStopRequest() : undefined;
    const json = given.json ?? false;
    do {
      // oxlint-disable-next-line no-await-in-loop -- a watch repeats
      const lines = linesOf(unit, await askStatus(unit), json);
      process.stdout.write(stop && !json ? `${new Date().toISOString()}\n${lines}\n` : lines);
      // oxlint-disable-next-line no-await-in-loop
      if (stop) await pause(1000, stop.signal, systemTime);
    } while (stop && !stop.signal.aborted);
    return EXIT.ok;
  },
};

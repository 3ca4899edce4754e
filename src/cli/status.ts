import { loadSettings } from "../settings/load.ts";
import { reasonOf } from "../runtime/log.ts";
import { pause } from "../runtime/wait.ts";
import { CommandError, EXIT, options, type Command } from "./lib/command.ts";
import { onStopRequest } from "./lib/stop.ts";

type Snapshot = {
  unit: string;
  boot: number;
  version: string;
  uptimeS: number;
  outbox: { records: number; oldestAgeS?: number };
  link: { broker?: string; reconnects: number; rttMs?: number; fault?: string };
  gps: { fix: string; satellites?: number; fault?: string };
  can?: { frames: number; dropped: number; state: string };
  panicBoard?: { connected: boolean; firmware?: string; degraded?: boolean; loops?: Record<string, string> };
  emergency: {
    drillArmed: boolean;
    lamp: string;
    episodes: { episode: string; test: boolean; state: string; button: string }[];
  };
  position?: { lat: number; lon: number; speedKmh?: number };
};

const describeBoard = ({ panicBoard: board, emergency }: Snapshot): string => {
  if (!board) return "none configured";
  if (!board.connected) return "DOES NOT ANSWER";
  const loops = Object.entries(board.loops ?? {}).map(([name, state]) => `${name} ${state}`);
  return [
    `firmware ${board.firmware}`,
    ...(board.degraded ? ["no latch"] : []),
    ...loops,
    `lamp ${emergency.lamp}`,
  ].join(", ");
};

const describeEmergency = ({ emergency }: Snapshot): string => {
  const open = emergency.episodes.filter(({ state }) => state !== "cleared");
  const lines = open.map(
    ({ test, state, button, episode }) =>
      `${test ? "DRILL" : "EMERGENCY"} ${state}, button ${button}, ${episode}`,
  );
  return [...lines, ...(emergency.drillArmed ? ["the next press is a drill"] : [])].join("; ") || "none";
};

const describe = (s: Snapshot): string =>
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
    "",
  ].join("\n");

const fetchStatus = async (address: string): Promise<Snapshot> => {
  try {
    const response = await fetch(`http://${address}/status.json`, { signal: AbortSignal.timeout(3000) });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as Snapshot;
  } catch (cause) {
    const reason = reasonOf(cause instanceof Error && cause.cause ? cause.cause : cause);
    throw new CommandError(
      EXIT.unavailable,
      `no unit answers at ${address} (${reason}): is the service running?`,
      cause,
    );
  }
};

export const status: Command = {
  summary: "the running service's state",
  usage: `patrol-unit status [--config FILE | --address HOST:PORT] [--watch] [--json]

Asks the status address of the configuration (default 127.0.0.1:8080). --watch repeats each second.
Exit: 0 it answered, 69 no service there.`,
  async run(args) {
    const given = options(args, {
      config: { type: "string" },
      address: { type: "string" },
      watch: { type: "boolean" },
      json: { type: "boolean" },
    });
    const configured =
      given.config === undefined ? undefined : loadSettings(given.config).settings.status.listen;
    const address = given.address ?? configured ?? "127.0.0.1:8080";
    const stop = given.watch ? onStopRequest() : undefined;
    do {
      // oxlint-disable-next-line no-await-in-loop -- a watch looks again and again
      const snapshot = await fetchStatus(address);
      process.stdout.write(given.json ? `${JSON.stringify(snapshot)}\n` : describe(snapshot));
      // oxlint-disable-next-line no-await-in-loop
      if (stop) await pause(1000, stop.signal);
    } while (stop && !stop.signal.aborted);
    return EXIT.ok;
  },
};

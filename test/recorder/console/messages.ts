import { gzipSync } from "node:zlib";
import { Fleet, type Limits, type Touched } from "../../../src/recorder/console/fleet.ts";
import { heardMessage } from "../../../src/recorder/console/heard.ts";
import { emergencyData, STORE, UNIT, wire } from "../reports.ts";

export const EPISODE = emergencyData().episode;
/** The clock of the machine of the console. */
export const NOW = Date.UTC(2026, 10, 24, 9);

/** A console on the bench: each method is one message of a unit. */
export const openBench = (limits?: Limits) => {
  const fleet = new Fleet(limits);
  let now = NOW;
  const say = (channel: string, payload: Buffer | string, retain = false, unit = UNIT): Touched =>
    fleet.hear(heardMessage("patrol/v1", `patrol/v1/${unit}/${channel}`, Buffer.from(payload), retain), now);
  const report = (channel: string, content: Record<string, unknown>, retain = false): Touched =>
    say(channel, JSON.stringify(content), retain, String(content["unit"]));
  return {
    fleet,
    /** Lets time pass. */
    wait: (ms: number) => void (now += ms),
    say,
    position: (seq: number, more: Record<string, unknown> = {}, retain = false) =>
      report("position", wire(seq, more), retain),
    event: (seq: number, data: object, more: Record<string, unknown> = {}) =>
      report("event", wire(seq, { kind: "event", data, ...more })),
    health: (seq: number, data: object = {}, more: Record<string, unknown> = {}) =>
      report("health", wire(seq, { kind: "health", data: healthData(data), ...more })),
    history: (...lines: Record<string, unknown>[]) =>
      say("history", gzipSync(lines.map((line) => `${JSON.stringify({ ...line, live: false })}\n`).join(""))),
    emergency: (seq: number, data: object = {}, more: Record<string, unknown> = {}, retain = false) => {
      const whole = emergencyData({ ...data });
      return report(
        `emergency/${whole.episode}`,
        wire(seq, { kind: "emergency", data: whole, ...more }),
        retain,
      );
    },
    state: (state: "online" | "offline", more: Record<string, unknown> = {}, retain = false) =>
      say(
        "state",
        JSON.stringify({
          state,
          unit: UNIT,
          store: STORE,
          boot: 1,
          connection: 1,
          version: "0.1.0",
          ...more,
        }),
        retain,
      ),
    car: () => fleet.car(UNIT)!,
    details: () => fleet.details(UNIT)!,
    episode: () => fleet.find(UNIT, EPISODE),
  };
};

export const place = (lat: number, more: object = {}) => ({
  data: { lat, lon: 20.39, fix: "3d", reason: "interval", ...more },
});

const healthData = (more: object = {}) => ({
  uptimeS: 1,
  version: "0.1.0",
  config: "0",
  rssMiB: 60,
  outbox: { records: 0, bytes: 0 },
  link: { reconnects: 0 },
  gps: { fix: "3d", sentences: 1, rejected: {} },
  ...more,
});

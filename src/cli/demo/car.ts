import { LiveBus } from "../../demo/live-bus.ts";
import { createLog } from "../../runtime/log.ts";
import type { PowerSwitch } from "../../runtime/power-off.ts";
import { loadConfiguration } from "../../settings/load.ts";
import { ttySource } from "../../sources/tty.ts";
import { openStatusServer } from "../../status/server.ts";
import { startUnit } from "../../unit/start.ts";
import { onThisMachine } from "../lib/ports.ts";
import type { StopRequest } from "../lib/stop.ts";

/** The demo's car must not switch off the computer that shows it. */
const NO_POWER_SWITCH: PowerSwitch = {
  schedule: () => Promise.resolve(),
  cancel: () => Promise.resolve(),
};

/**
 * Runs the demo's unit: the real service, whose bus comes as lines on stdin. It ends when stdin does: then the demo is
 * gone. `frameAncestors`: origins that may show its page.
 */
export const runCar = async (
  file: string,
  frameAncestors: readonly string[],
  stop: StopRequest,
): Promise<void> => {
  const { settings, sha256, faults, mapping } = loadConfiguration(file);
  const bus = new LiveBus(process.stdin);
  void bus.ended.then(() => stop.ask());
  // Nobody reads the log any more.
  process.stdout.removeAllListeners("error").on("error", () => stop.ask());
  const { gps } = settings;
  if (!gps) throw new Error(`${file} names no receiver`);
  const machine = await onThisMachine({
    settings,
    config: sha256,
    faults,
    log: createLog((line) => void process.stdout.write(line)),
    gps: ttySource(gps.port, gps.baud),
    can: mapping && { source: bus, mapping },
    recorded: false,
  });
  const { listen = "" } = settings.status;
  await using unit = await startUnit({
    ...machine,
    ports: {
      ...machine.ports,
      power: NO_POWER_SWITCH,
      page: (on) => openStatusServer({ listen, frameAncestors }, on),
    },
  });
  unit.stopBecause(await Promise.race([unit.restart, stop.requested]));
};

import type { Calibrated } from "../../firmware-bridge/calibration.ts";
import { reasonOf } from "../runtime/log.ts";
import { systemTime } from "../runtime/time.ts";
import { openTty } from "../runtime/tty.ts";
import { loadSettings } from "../settings/load.ts";
import { boardRates } from "./lib/board.ts";
import {
  CommandError,
  CONFIG_OPTIONS,
  configSource,
  EXIT,
  options,
  type Command,
  type ConfigGiven,
} from "./lib/command.ts";

const ACTIONS = ["show", "calibrate"] as const;
const WHOLE = /^\d{1,5}$/;

/** The supply given with --mv, millivolts. A number that nobody can have measured is refused before a board is asked. */
const supplyOf = (value: string | undefined, { min, max }: { min: number; max: number }): number => {
  if (value === undefined)
    throw new CommandError(EXIT.usage, "expected --mv with the supply in millivolts, or --forget");
  const mv = WHOLE.test(value) ? Number(value) : 0;
  if (mv >= min && mv <= max) return mv;
  // Volts, by mistake.
  const meantMv = Math.round(Number(value) * 1_000);
  const hint = meantMv >= min && meantMv <= max ? `: is it ${meantMv}?` : "";
  throw new CommandError(EXIT.usage, `--mv ${value}: expected ${min} to ${max} millivolts${hint}`);
};

/** What is known of the supply, for a person. */
const supplyLines = (
  { board, firmware, calibrated, supplyMv, beforeMv, referenceV }: Calibrated,
  changed: boolean,
): string => {
  const trust = calibrated ? "calibrated" : "not calibrated: up to 9 % off";
  const before = changed ? `, ${beforeMv} mV before` : "";
  return `board ${board}, firmware ${firmware}\nsupply ${supplyMv} mV (${trust}${before}), reference ${referenceV.toFixed(3)} V\n`;
};

/** The port of a configuration's board, and the rates to try. */
const lineOf = async (given: ConfigGiven) => {
  const { panic } = loadSettings(configSource(given)).settings;
  if (typeof panic !== "object")
    throw new CommandError(EXIT.config, "no panic board is configured: add a panic block");
  return {
    path: panic.port,
    bauds: await boardRates(panic.baud),
    openLine: (path: string, baud: number) => openTty(path, baud, { keepDtr: true }),
    time: systemTime,
  };
};

const EXITS = { silent: EXIT.unavailable, old: EXIT.failed, refused: EXIT.failed } as const;

export const board: Command = {
  summary: "shows or calibrates the panic board's measurement of its supply",
  usage: `patrol-unit board show --config FILE | --root DIR [--json]
patrol-unit board calibrate --config FILE | --root DIR (--mv MILLIVOLTS | --forget) [--json]

show prints the board's id, its firmware and its supply. calibrate tells the board its supply:
measure between 5V and GND of the board with a voltmeter, for example 5.02 V, and give it as
--mv 5020. The board keeps it, also without power. Without a calibration its supply is up to
9 % off; --forget goes back to that.
The board has one user: stop the service first, and start it again afterwards.
Exit: 1 the board refuses, or its firmware is older than 1.4, 64 the millivolts are not plausible,
69 no board answers, or its port is in use, 78 no board is configured.`,
  async run(args) {
    const action = ACTIONS.find((name) => name === args[0]);
    if (!action) throw new CommandError(EXIT.usage, `expected ${ACTIONS.join(" or ")} after board`);
    const given = options(args.slice(1), {
      ...CONFIG_OPTIONS,
      mv: { type: "string" },
      forget: { type: "boolean" },
      json: { type: "boolean" },
    });
    if (action === "show" && (given.mv !== undefined || given.forget))
      throw new CommandError(EXIT.usage, "--mv and --forget are options of calibrate");
    if (given.mv !== undefined && given.forget)
      throw new CommandError(EXIT.usage, "--mv and --forget: choose one");
    const { calibrateBoard, CalibrationError, PLAUSIBLE_MV } =
      await import("../../firmware-bridge/calibration.ts");
    const asks = action === "show";
    const supplyMv = asks ? undefined : given.forget ? 0 : supplyOf(given.mv, PLAUSIBLE_MV);
    const line = await lineOf(given);
    try {
      const found = await calibrateBoard(line, supplyMv);
      process.stdout.write(given.json ? `${JSON.stringify(found)}\n` : supplyLines(found, !asks));
    } catch (cause) {
      if (cause instanceof CalibrationError) throw new CommandError(EXITS[cause.code], cause.message, cause);
      throw new CommandError(EXIT.unavailable, `${line.path}: ${reasonOf(cause)}`, cause);
    }
    return EXIT.ok;
  },
};

import { realpathSync } from "node:fs";
import { releasedImage } from "../../../firmware-bridge/image.ts";
import { UpdateError } from "../../../firmware-bridge/update-error.ts";
import { updateBoard, type Updated } from "../../../firmware-bridge/updater.ts";
import { systemTime } from "../../runtime/time.ts";
import { openTty } from "../../runtime/tty.ts";
import { loadSettings, type UnitSettings } from "../../settings/load.ts";
import { addressOf, askStatus } from "../lib/ask-unit.ts";
import { boardRates, discretionOf } from "../lib/board.ts";
import { CommandError, CONFIG_OPTIONS, configSource, EXIT, options } from "../lib/command.ts";
import { openEpisode } from "../lib/root.ts";
import { readImage } from "./image.ts";
import { showInterruption } from "./interruption.ts";
import { showProgress, type Progress } from "./progress.ts";
import { failed, refusal, stopFirst, type Refusal } from "./refusal.ts";

/** `flash firmware`: programs the panic board over its serial port. */

const OPTIONS = {
  ...CONFIG_OPTIONS,
  port: { type: "string" },
  image: { type: "string" },
  force: { type: "boolean" },
  json: { type: "boolean" },
} as const;

type Target = { readonly port: string; readonly isConfigured: boolean; readonly baud: number | undefined };

const realPath = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path; // opening it says why
  }
};

/** The port: that of `--port`, or else of the configuration. Throws a CommandError if there is none. */
const targetOf = ({ panic }: UnitSettings, given: string | undefined): Target => {
  const own = typeof panic === "object" ? panic : undefined;
  const port = given ?? own?.port;
  if (port === undefined)
    throw new CommandError(EXIT.config, "no panic board is configured: add a panic block, or give --port");
  const isConfigured = own !== undefined && realPath(own.port) === realPath(port);
  return { port, isConfigured, baud: isConfigured ? own.baud : undefined };
};

/** Whether this unit's service answers at its status address. */
const isServing = async (settings: UnitSettings): Promise<boolean> => {
  const { listen } = settings.status;
  if (listen === undefined || listen.endsWith(":0")) return false;
  try {
    await askStatus(addressOf(settings));
    return true;
  } catch (cause) {
    if (cause instanceof CommandError) return false;
    throw cause;
  }
};

const idleFor = ({ panic }: UnitSettings) =>
  typeof panic === "object"
    ? ({ kind: "show", pattern: "idle", quiet: false, drill: false, ...discretionOf(panic) } as const)
    : undefined;

type Given = ReturnType<typeof options<typeof OPTIONS>>;
type Done = Updated & { readonly port: string; readonly isConfigured: boolean };

/** The command again, as it was given. */
const againWith = ({ config, root, port, image, force }: Given): string =>
  [
    "patrol-unit flash firmware",
    ...Object.entries({ root, config, port, image }).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name} ${value}`],
    ),
    ...(force ? ["--force"] : []),
  ].join(" ");

const flash = async (given: Given, progress: Progress | undefined): Promise<Done | Refusal> => {
  const { settings } = loadSettings(configSource(given));
  const { port, isConfigured, baud } = targetOf(settings, given.port);
  const file = given.image ?? releasedImage();
  const image = readImage(file);
  if ("error" in image) return image;
  const open = await openEpisode(settings);
  if (open === "emergency") return refusal("emergency", "an emergency is open: try again when it is over");
  const again = againWith(given);
  if (isConfigured && (await isServing(settings)))
    return refusal(
      "in-use",
      "the service runs and uses the board: stop it first, and start it afterwards",
      EXIT.unavailable,
      stopFirst(again),
    );
  progress?.begin(`looking for the panic board at ${port}`);
  using interruption = showInterruption();
  try {
    const updated = await updateBoard({
      path: port,
      openLine: (path, rate) => openTty(path, rate, { keepDtr: true }),
      bauds: await boardRates(baud),
      time: systemTime,
      image,
      force: given.force ?? false,
      atRest: open === "drill" && isConfigured ? idleFor(settings) : undefined,
      onProgress(made) {
        interruption.begun();
        progress?.update(made);
      },
    });
    return { ...updated, port, isConfigured };
  } catch (cause) {
    if (cause instanceof UpdateError) return failed(cause, port, file, again);
    throw cause;
  }
};

const doneText = ({ changed, port, before, after, awayMs, isConfigured }: Done): string => {
  const { board, firmware } = after;
  if (!changed)
    return `panic board ${board} at ${port} has this firmware already (${firmware}): nothing is done; --force programs it again\n`;
  const from = before ? `firmware ${before.firmware}` : "no firmware, as after an interrupted update,";
  const start = isConfigured
    ? "Nobody receives a press until the service runs: systemctl start patrol-unit\n"
    : "";
  return `panic board ${board} at ${port}: ${from} → ${firmware}, written and verified; ${(awayMs / 1000).toFixed(1)} s without a panic path\n${start}`;
};

/** A result as `--json` gives it. */
const resultOf = ({ changed, port, before, after, awayMs }: Done) => ({
  ok: true,
  port,
  board: after.board,
  before: before?.firmware ?? null,
  after: after.firmware,
  changed,
  seconds: Math.round(awayMs / 100) / 10,
});

export const flashFirmware = async (args: readonly string[]): Promise<number> => {
  const given = options(args, OPTIONS);
  const finish = async () => {
    if (given.json) return flash(given, undefined);
    using progress = showProgress(process.stdout);
    return flash(given, progress);
  };
  const result = await finish();
  if ("error" in result) {
    const { exit, hints, code, error } = result;
    if (!given.json) throw new CommandError(exit, [error, ...hints].join("\n"));
    process.stdout.write(`${JSON.stringify({ ok: false, code, error, hints })}\n`);
    return exit;
  }
  process.stdout.write(given.json ? `${JSON.stringify(resultOf(result))}\n` : doneText(result));
  return EXIT.ok;
};

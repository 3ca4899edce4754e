import { realpathSync } from "node:fs";
import type { FirmwareImage } from "../../../firmware-bridge/firmware-image.ts";
import { releasedImage } from "../../../firmware-bridge/image.ts";
import { UpdateError } from "../../../firmware-bridge/update-error.ts";
import { updateBoard, type Updated } from "../../../firmware-bridge/updater.ts";
import { systemTime } from "../../runtime/time.ts";
import { openTty } from "../../runtime/tty.ts";
import { loadSettings, type UnitSettings } from "../../settings/load.ts";
import { boardRates, discretionOf } from "../lib/board.ts";
import { CommandError, CONFIG_OPTIONS, configSource, EXIT, options } from "../lib/command.ts";
import { openEpisode } from "../lib/root.ts";
import { readImage } from "./image.ts";
import { showInterruption } from "./interruption.ts";
import { showProgress, type Progress } from "./progress.ts";
import { failed, refusal, stopFirst, type Refusal } from "./refusal.ts";
import { borrowPort, returnPort, type Loan } from "./service.ts";

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

const idleFor = ({ panic }: UnitSettings) =>
  typeof panic === "object"
    ? ({ kind: "show", pattern: "idle", quiet: false, drill: false, ...discretionOf(panic) } as const)
    : undefined;

/** The image: that of `--image`, or else of the configuration, or else of this release. */
const imageOf = ({ panic }: UnitSettings, given: string | undefined): string =>
  given ?? (typeof panic === "object" ? panic.image : undefined) ?? releasedImage();

type Given = ReturnType<typeof options<typeof OPTIONS>>;
type Done = Updated & {
  readonly port: string;
  /** No service receives its presses. */
  readonly isUnserved: boolean;
};

/** The command again, as it was given. */
const againWith = ({ config, root, port, image, force }: Given): string =>
  [
    "patrol-unit flash firmware",
    ...Object.entries({ root, config, port, image }).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name} ${value}`],
    ),
    ...(force ? ["--force"] : []),
  ].join(" ");

type Job = {
  readonly settings: UnitSettings;
  readonly target: Target;
  readonly image: FirmwareImage;
  /** Where it was read from. */
  readonly imageFile: string;
  readonly isDrill: boolean;
  /** The service has lent the port. */
  readonly isLent: boolean;
};

/** Programs the board on a port that is free, and gives the port back, whatever comes. */
const perform = async (
  { settings, target, image, imageFile, isDrill, isLent }: Job,
  given: Given,
  progress: Progress | undefined,
): Promise<Done | Refusal> => {
  const { port, isConfigured, baud } = target;
  const giveBack = () => (isLent ? returnPort(settings) : Promise.resolve());
  using interruption = showInterruption(giveBack);
  progress?.begin(`looking for the panic board at ${port}`);
  try {
    const updated = await updateBoard({
      path: port,
      openLine: (path, rate) => openTty(path, rate, { keepDtr: true }),
      bauds: await boardRates(baud),
      time: systemTime,
      image,
      force: given.force ?? false,
      atRest: isDrill && isConfigured ? idleFor(settings) : undefined,
      onBegin: () => interruption.begun(),
      onProgress: (made) => progress?.update(made),
    });
    return { ...updated, port, isUnserved: isConfigured && !isLent };
  } catch (cause) {
    if (cause instanceof UpdateError) return failed(cause, port, imageFile, againWith(given));
    throw cause;
  } finally {
    await giveBack();
  }
};

const flash = async (given: Given, progress: Progress | undefined): Promise<Done | Refusal> => {
  const { settings } = loadSettings(configSource(given));
  const target = targetOf(settings, given.port);
  const imageFile = imageOf(settings, given.image);
  const image = readImage(imageFile);
  if ("error" in image) return image;
  const open = await openEpisode(settings);
  if (open === "emergency") return refusal("emergency", "an emergency is open: try again when it is over");
  const loan: Loan = target.isConfigured ? await borrowPort(settings) : { kind: "none" };
  if (loan.kind === "refused") return refusal("refused", `the service keeps the board: ${loan.says}`);
  if (loan.kind === "unable")
    return refusal(
      "in-use",
      "the service runs and keeps the board: stop it first, and start it afterwards",
      EXIT.unavailable,
      stopFirst(againWith(given)),
    );
  const job = { settings, target, image, imageFile, isDrill: open === "drill", isLent: loan.kind === "lent" };
  return perform(job, given, progress);
};

const doneText = ({ changed, port, before, after, awayMs, isUnserved }: Done): string => {
  const { board, firmware } = after;
  if (!changed)
    return `panic board ${board} at ${port} has this firmware already (${firmware}): nothing is done; --force programs it again\n`;
  const from = before ? `firmware ${before.firmware}` : "no firmware, as after an interrupted update,";
  const start = isUnserved
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
    return await flash(given, progress);
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

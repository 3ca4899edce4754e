import { lstatSync } from "node:fs";
import { changeText } from "../bundle/changes.ts";
import { MAX_BUNDLE_BYTES } from "../bundle/format.ts";
import { install, type Installed, type Outcome } from "../bundle/install.ts";
import { tooLarge } from "../bundle/results.ts";
import { beginGoingBack, trialOf } from "../bundle/trial.ts";
import { machineBoot } from "../runtime/machine-boot.ts";
import type { Root } from "../settings/root.ts";
import { CommandError, EXIT, options, takeArgument, type Command } from "./lib/command.ts";
import { readGiven, sizeOf } from "./lib/read-given.ts";
import { lockRoot, openEpisode, openRoot, settingsNow, trustedTime, type OpenRoot } from "./lib/root.ts";

const OPTIONS = { root: { type: "string" }, json: { type: "boolean" } } as const;

/** A larger file is not read: it may be the image of a whole disk. */
const readBundle = (file: string): Buffer | Outcome => {
  const size = sizeOf(file);
  return size > MAX_BUNDLE_BYTES ? tooLarge(size) : readGiven(file, MAX_BUNDLE_BYTES);
};

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

const installedText = ({ version, recipient, signer, previous, trialS }: Installed): string => {
  const trial =
    previous === undefined
      ? "there is no earlier version to go back to"
      : `on trial: if dispatch is not reached within ${trialS} s, version ${previous} returns`;
  return `version ${version} for ${recipient}, signed by ${signer}, is in force; ${trial}`;
};

/** What is printed of a bundle that was not taken, and the exit code. */
const refused = (outcome: Exclude<Outcome, Installed>) => {
  const error = "says" in outcome ? outcome.says : "it is in force already";
  const code = "code" in outcome ? outcome.code : "version";
  return { error, code, exit: code === "invalid" ? EXIT.config : EXIT.failed };
};

/** Throws a CommandError (74) if the configuration in force is not where a switch can replace it. */
const expectLink = ({ current }: Root): void => {
  const found = lstatSync(current, { throwIfNoEntry: false });
  if (found === undefined || found.isSymbolicLink()) return;
  throw new CommandError(
    EXIT.io,
    `${current} is not a link to configs/N: was the root copied without its links?`,
  );
};

const installByHand = async (bytes: Buffer, open: OpenRoot, json: boolean): Promise<Outcome> => {
  using _lock = await lockRoot(open.root);
  expectLink(open.root);
  const settings = settingsNow(open.root);
  return await install(bytes, {
    ...open,
    now: await trustedTime(settings),
    emergency: (await openEpisode(settings)) === "emergency",
    from: "hand",
    machineBoot: machineBoot(),
    show(changes) {
      if (!json) for (const change of changes) process.stdout.write(`  ${changeText(change)}\n`);
    },
  });
};

const flashConfig = async (args: readonly string[]): Promise<number> => {
  const { value: file, rest } = takeArgument(args, OPTIONS, "the bundle FILE");
  const given = options(rest, OPTIONS);
  const open = openRoot(given.root);
  const read = readBundle(file);
  const outcome = "kind" in read ? read : await installByHand(read, open, given.json ?? false);
  if (outcome.kind === "installed") {
    const { kind: _, ...result } = outcome;
    if (given.json) print({ ok: true, ...result });
    else process.stdout.write(`${installedText(outcome)}\n`);
    return EXIT.ok;
  }
  const { error, code, exit } = refused(outcome);
  if (!given.json) throw new CommandError(exit, `${file} is refused: ${error}`);
  print({ ok: false, ...outcome.about, code, error });
  return exit;
};

/** Whether an emergency is open: a service that runs does not interrupt it. False: there is none, or nobody can read it. */
const isKnownOpen = (root: Root): Promise<boolean> =>
  openEpisode(settingsNow(root)).then(
    (open) => open === "emergency",
    () => false,
  );

const flashBack = async (args: readonly string[]): Promise<number> => {
  const given = options(args, OPTIONS);
  const { root, store } = openRoot(given.root);
  using _lock = await lockRoot(root);
  expectLink(root);
  const disk = await store.disk();
  const state = beginGoingBack(disk, await store.state(), "it was taken back by hand");
  if (!state?.going) throw new CommandError(EXIT.failed, "there is no previous configuration to go back to");
  const { from, to } = state.going;
  const later = (await isKnownOpen(root))
    ? "; an emergency is open: a service takes it over when that is over"
    : "";
  await store.goBack(to, state);
  if (given.json) print({ ok: true, version: to, from });
  else process.stdout.write(`version ${to} is in force again; version ${from} was taken back${later}\n`);
  return EXIT.ok;
};

const flashStatus = async (args: readonly string[]): Promise<number> => {
  const given = options(args, OPTIONS);
  const { root, store } = openRoot(given.root);
  const [disk, state] = await Promise.all([store.disk(), store.state()]);
  const { current: version } = disk;
  const trialS = settingsNow(root)?.flash.trialS;
  const trial = trialOf(disk, state);
  const about = version === undefined ? undefined : await store.about(version);
  const status = {
    version: version ?? null,
    previous: trial?.previous ?? disk.previous ?? null,
    trial: trial
      ? {
          version: trial.version,
          previous: trial.previous ?? null,
          crashes: trial.crashes,
          countedS: Math.floor(trial.countedMs / 1000),
          trialS: trialS ?? null,
        }
      : null,
    ...(about ? { for: about.for, signer: about.signer, sha256: about.sha256 } : {}),
    failed: state.failed,
  };
  if (given.json) {
    print(status);
    return EXIT.ok;
  }
  const origin = about ? `for ${about.for}, signed by ${about.signer}` : "not from a bundle";
  const lines = [
    version === undefined ? "no configuration is in force" : `version ${version} is in force, ${origin}`,
    ...(status.previous === null ? [] : [`previous: version ${status.previous}`]),
    ...(status.trial
      ? [`on trial: dispatch was not reached in ${status.trial.countedS} of ${status.trial.trialS} s`]
      : []),
    ...(state.failed.length > 0 ? [`taken back: version ${state.failed.join(", ")}`] : []),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  return EXIT.ok;
};

/** The serial port's library is loaded only for this. */
const flashFirmware = async (args: readonly string[]): Promise<number> =>
  (await import("./flash/firmware.ts")).flashFirmware(args);

const flashRelease = async (args: readonly string[]): Promise<number> =>
  (await import("./flash/release.ts")).flashRelease(args);

const ACTIONS = {
  config: flashConfig,
  release: flashRelease,
  firmware: flashFirmware,
  back: flashBack,
  status: flashStatus,
} as const;
const isAction = (name: string): name is keyof typeof ACTIONS => Object.hasOwn(ACTIONS, name);

export const flash: Command = {
  summary: "installs a signed configuration, release or board firmware, goes back, says what is in force",
  usage: `patrol-unit flash config FILE --root DIR [--json]
patrol-unit flash back --root DIR [--json]
patrol-unit flash status --root DIR [--json]
patrol-unit flash release FILE --root DIR [--package DEB] [--json]
patrol-unit flash release --back
patrol-unit flash firmware --root DIR | --config FILE [--port P] [--image HEX] [--force] [--json]

config checks the bundle and prints what it changes, key by key; secrets are not shown. Then it
switches: a power cut leaves the old or the new configuration. It is refused, and nothing changes,
if its signature is wrong, it is for another unit, its version is not above the one in force, it has
expired or is not valid yet, its configuration with this car's local.yaml is not valid, or an
emergency is open. A bundle with a date needs a known time. A service that runs on DIR takes the new
configuration over within 10 s. If it does not reach dispatch with it within flash.trialS, or
crashes three times, the unit goes back by itself.
back goes to the previous configuration by hand. status --json: {version, previous, trial, failed};
trial is null, or {version, previous, crashes, countedS, trialS}.
release installs a new version of this software beside the one in force, as root, and puts it in
force on trial. FILE is signed by a key in /etc/patrol-unit/release (--trust); DEB is the package
that it names, beside FILE if it is left out. It is refused as a configuration is, and if the
package is another one, or does not run on this computer. A service takes it over within some
seconds. If it does not reach dispatch with it within flash.trialS, or is started six times, the
version before returns by itself. --back returns to it by hand. --into: the folder of the versions,
if it is not that of this program.
firmware programs the panic board with HEX, or panic.image of the configuration, or the image of
this release, verifies it, and waits until it answers. A board that has the image already is left
alone, unless --force is given. The board sees no press for about 12 s. A service that runs lends
the port, reports it to dispatch, and takes it back. It is refused while an emergency is open (a
drill does not count), a press is pending or a button is pressed. While it writes, a signal or a
terminal that is closed does not end it; a second Ctrl-C does. After that, a kill, a power cut or a
pulled plug, the board waits in its boot loader: run it again. If a board cannot be programmed over
its port, the avrdude command that does it is printed.
--json: {ok, port, board, before, after, changed, seconds}, or {ok, code, error, hints}; before is
null if the board had no firmware.
Exit: 0 done, 1 refused or failed, 69 no board answers, or its port is in use, 74 a file cannot be
read or DIR is no root, 78 the configuration is not valid, or names no board.`,
  // A terminal that goes leaves no board without a firmware, and `| head` no bundle that is installed in half.
  outlivesOutput: ([action]) => action === "config" || action === "firmware",
  async run(args) {
    const [action = "", ...rest] = args;
    if (!isAction(action))
      throw new CommandError(EXIT.usage, `expected ${Object.keys(ACTIONS).join(", ")} after flash`);
    return ACTIONS[action](rest);
  },
};

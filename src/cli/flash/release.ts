import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { openFiles } from "../../bundle/files.ts";
import { MAX_BUNDLE_BYTES } from "../../bundle/format.ts";
import { ownName, trustedIn } from "../../bundle/install.ts";
import { lockFolder } from "../../runtime/lock.ts";
import { reasonOf } from "../../runtime/log.ts";
import { systemTime } from "../../runtime/time.ts";
import { installRelease, type Outcome } from "../../update/install.ts";
import { architectureOf, packageName } from "../../update/release.ts";
import { Versions } from "../../update/versions.ts";
import type { Root } from "../../settings/root.ts";
import { asOwner } from "../lib/as-owner.ts";
import { CommandError, EXIT, options, takeArgument } from "../lib/command.ts";
import { installedAt, RELEASE_TRUST } from "../lib/release.ts";
import { readGiven } from "../lib/read-given.ts";
import { openEpisode, openRoot, settingsNow, trustedTime } from "../lib/root.ts";

/** `flash release`: installs a signed version of the software beside the one in force, or goes back to the one before. */

const OPTIONS = {
  root: { type: "string" },
  package: { type: "string" },
  trust: { type: "string" },
  into: { type: "string" },
  back: { type: "boolean" },
  unattended: { type: "boolean" },
  json: { type: "boolean" },
} as const;

/** Ends a trial. It is a part of no version. */
const TRIAL = "/usr/lib/patrol-unit/release-trial.sh";
/** How long to wait for another command. Unpacking takes longer than that. */
const LOCK_MS = 10_000;

type Given = ReturnType<typeof options<typeof OPTIONS>>;

/** The folder of the versions. Throws a CommandError (74) if this is a checkout, for example. */
const folderOf = (given: string | undefined): string => {
  const dir = given ?? installedAt(process.execPath)?.dir;
  if (dir !== undefined) return dir;
  throw new CommandError(
    EXIT.io,
    "this program is not an installed version: releases are for packages (/opt/patrol-unit)",
  );
};

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

const report = (outcome: Outcome, file: string, json: boolean): number => {
  if (outcome.kind === "installed") {
    const { kind: _, ...result } = outcome;
    if (json) print({ ok: true, ...result });
    else
      process.stdout.write(
        `version ${outcome.version}, signed by ${outcome.signer}, is in force, on trial: if dispatch is not reached with it, version ${outcome.previous} returns\n`,
      );
    return EXIT.ok;
  }
  const { code, says } = outcome;
  if (!json) throw new CommandError(EXIT.failed, `${file} is refused: ${says}`);
  print({ ok: false, ...outcome.about, code, error: says });
  return EXIT.failed;
};

/** What the car says of itself, with the rights of its owner only: the service may be compromised. */
const carAt = async (root: Root) => {
  using _ = asOwner(root.dir);
  const settings = settingsNow(root);
  return {
    isKnown: settings !== undefined,
    unit: ownName(root),
    now: await trustedTime(settings),
    emergency: (await openEpisode(settings)) === "emergency",
  };
};

const install = async (file: string, given: Given): Promise<number> => {
  // The service, another user, runs what is installed here.
  process.umask(0o022);
  const dir = folderOf(given.into);
  const { root } = openRoot(given.root);
  const bytes = readGiven(file, MAX_BUNDLE_BYTES);
  const files = openFiles(dir);
  using lock = await lockFolder(dir, LOCK_MS, systemTime);
  if (!lock) throw new CommandError(EXIT.failed, `another patrol-unit is changing ${dir}: try again`);
  const versions = new Versions(dir, files);
  const outcome = await installRelease(bytes, {
    dir,
    versions,
    trusted: await trustedIn(given.trust ?? RELEASE_TRUST, files),
    async circumstances() {
      const { isKnown, ...car } = await carAt(root);
      // A technician knows what car it is, and what goes on in it.
      if (given.unattended && !(isKnown && car.unit !== undefined))
        throw new CommandError(EXIT.config, `${root.dir} has no configuration that can be read`);
      return {
        ...car,
        architecture: architectureOf(process.arch),
        takenBack: given.unattended ? await versions.allTakenBack() : [],
        // The service asks for it before it hands a release over.
        onBattery: false,
      };
    },
    packageFile(version, architecture) {
      const beside = given.package ?? join(dirname(file), packageName(version, architecture));
      return existsSync(beside) ? beside : undefined;
    },
  });
  return report(outcome, file, given.json ?? false);
};

const goBack = (given: Given): number => {
  if (!existsSync(TRIAL))
    throw new CommandError(EXIT.io, `${TRIAL} is not there: install the package with apt`);
  try {
    execFileSync(TRIAL, ["back", folderOf(given.into)], { stdio: ["ignore", "pipe", "inherit"] });
  } catch (cause) {
    throw new CommandError(EXIT.failed, `going back failed: ${reasonOf(cause)}`, cause);
  }
  process.stdout.write(
    "the version before is in force again; a service restarts with it within some seconds, or after an open emergency\n",
  );
  return EXIT.ok;
};

export const flashRelease = async (args: readonly string[]): Promise<number> => {
  if (args.includes("--back")) return goBack(options(args, OPTIONS));
  const { value: file, rest } = takeArgument(args, OPTIONS, "the release FILE");
  return install(file, options(rest, OPTIONS));
};

import { closeSync, openSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { openFiles } from "../../bundle/files.ts";
import type { Files } from "../../bundle/port.ts";
import { Store } from "../../bundle/store.ts";
import { NO_MEMORY } from "../../domain/memory.ts";
import type { EmergencyUpdate } from "../../domain/report.ts";
import { inspectOutbox } from "../../outbox/inspect.ts";
import { orphansIn } from "../../outbox/orphans.ts";
import { readPlaces } from "../../outbox/vital.ts";
import { decodePlaces } from "../../outbox/vital-record.ts";
import { lockFolder } from "../../runtime/lock.ts";
import { reasonOf } from "../../runtime/log.ts";
import { Snapshot } from "../../domain/snapshot.ts";
import { expectRegular } from "../../runtime/regular-file.ts";
import { errorCode } from "../../runtime/system-words.ts";
import { systemTime } from "../../runtime/time.ts";
import { ConfigurationError } from "../../settings/fault.ts";
import { inForce, loadSettings, type UnitSettings } from "../../settings/load.ts";
import { rootAt, type Root } from "../../settings/root.ts";
import { asOwner } from "./as-owner.ts";
import { addressOf, askStatus } from "./ask-unit.ts";
import { CommandError, EXIT, knownTime, required } from "./command.ts";

/** What the commands share that work on a root. */

/** An installation takes some 100 ms: a root that is locked for longer is a fault. */
const LOCK_MS = 10_000;

export type OpenRoot = { readonly root: Root; readonly files: Files; readonly store: Store };

/** The root of `--root`, which is required and must be there. Throws a CommandError. */
export const openRoot = (given: string | undefined): OpenRoot => {
  const dir = required(given, "root");
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CommandError(
      EXIT.io,
      `${dir} is not a folder: \`patrol-unit init --root ${dir}\` makes a root`,
    );
  // Links and settings have whole paths, so those of the root are whole too.
  const root = rootAt(resolve(dir));
  const files = openFiles(root.dir);
  return { root, files, store: new Store(root, files) };
};

/** Throws the system's error if this user may not read `local.yaml`: without it the car has another configuration. */
const expectReadable = ({ local }: Root): void => {
  expectRegular(local);
  try {
    closeSync(openSync(local, "r"));
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
  }
};

/**
 * Locks a root. Until the lock is released, this process has only the rights of the root's owner. Throws a CommandError if another one has
 * it for too long, and the system's error if this user may not read what belongs to the car alone.
 */
export const lockRoot = async (root: Root): Promise<Disposable> => {
  const { dir } = root;
  using held = new DisposableStack();
  held.use(asOwner(dir));
  expectReadable(root);
  const lock = await lockFolder(dir, LOCK_MS, systemTime);
  if (!lock) throw new CommandError(EXIT.failed, `another patrol-unit is changing ${dir}: try again`);
  held.use(lock);
  return held.move();
};

/** The settings in force. Undefined: there are none, or they cannot be used. */
export const settingsNow = (root: Root): UnitSettings | undefined => {
  try {
    return loadSettings(inForce(root, knownTime())).settings;
  } catch (cause) {
    if (cause instanceof ConfigurationError) return undefined;
    throw cause;
  }
};

/**
 * The emergencies that an outbox knows, open or not. Without its vital file: those of the copy of the memory in the
 * store, or else of the reports there. Throws a CommandError if none of them can be read.
 */
const emergenciesIn = async (path: string): Promise<readonly EmergencyUpdate[]> => {
  const { newest } = decodePlaces(await readPlaces(path));
  if (newest) return newest.memory.emergency.episodes.map(({ report }) => report);
  // A unit that has never run.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
  try {
    await using inspection = await inspectOutbox(path);
    if (inspection.memory) return inspection.openEpisodes;
    const reports: EmergencyUpdate[] = [];
    for await (const report of inspection.reports()) if (report.kind === "emergency") reports.push(report);
    return orphansIn(reports, NO_MEMORY, NO_MEMORY);
  } catch (cause) {
    throw new CommandError(
      EXIT.io,
      `whether an emergency is open cannot be read: ${reasonOf(cause)}: start the service, which repairs ${path}, and try again`,
      cause,
    );
  }
};

/** What is open: also while no service runs. A drill is `drill`; beside an emergency it does not count. */
export const openEpisode = async (
  settings: UnitSettings | undefined,
): Promise<"emergency" | "drill" | "none"> => {
  if (!settings) return "none";
  const known = await emergenciesIn(settings.outbox.path);
  const open = known.filter(({ data }) => data.state !== "cleared");
  if (open.length === 0) return "none";
  return open.every(({ data }) => data.test) ? "drill" : "emergency";
};

const Timed = Snapshot.pick({ at: true, clock: true });

/**
 * The time, UTC milliseconds: this machine's, or else that of the running service, which may have it from its
 * receiver. Undefined: neither is trusted.
 */
export const trustedTime = async (settings: UnitSettings | undefined): Promise<number | undefined> => {
  const own = knownTime();
  if (own !== undefined || settings?.status.listen === undefined) return own;
  try {
    const { data } = Timed.safeParse(await askStatus(addressOf(settings)));
    return data?.at !== undefined && data.clock !== "unset" ? Date.parse(data.at) : undefined;
  } catch (cause) {
    if (cause instanceof CommandError) return undefined;
    throw cause;
  }
};

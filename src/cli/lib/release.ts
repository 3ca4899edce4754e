import { chmodSync, readlinkSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { openFiles } from "../../bundle/files.ts";
import { reasonOf, type Log } from "../../runtime/log.ts";
import type { Timer } from "../../runtime/ports.ts";
import { systemTime } from "../../runtime/time.ts";
import type { UnitSettings } from "../../settings/load.ts";
import type { Unit } from "../../unit/start.ts";
import { isVersion } from "../../update/release.ts";
import { Versions } from "../../update/versions.ts";
import { ReleaseWatch } from "../../update/watch.ts";
import { couldCarryTo } from "./interfaces.ts";

/** The version of the software with which this process runs, where versions lie side by side. */

/** Keys that may sign releases. Only root may change them, because a new version may do anything. */
export const RELEASE_TRUST = "/etc/patrol-unit/release";

const LOOK_MS = 1_000;
/** A version on trial whose unit has not started in this time goes back. A large outbox opens in minutes. */
const START_MS = 900_000;

/** Undefined: this is a checkout, for example. `node`: the program that runs. */
export const installedAt = (node: string): { readonly dir: string; readonly version: string } | undefined => {
  const folder = dirname(dirname(node));
  const [dir, version] = [dirname(folder), basename(folder)];
  try {
    return isVersion(version) && isVersion(readlinkSync(join(dir, "current"))) ? { dir, version } : undefined;
  } catch {
    return undefined;
  }
};

/** Replaces the file at once. `release-trial.sh` runs without capabilities, so it must be readable by everybody. */
const write = (file: string, line: string): void => {
  writeFileSync(`${file}.new`, `${line}\n`);
  chmodSync(`${file}.new`, 0o644);
  renameSync(`${file}.new`, file);
};

export type ReleaseKeeper = {
  /** Another unit runs in this process. */
  started(unit: Unit, settings: UnitSettings): void;
} & Disposable;

/**
 * Watches the version for as long as the process runs. `env`: of a service with RuntimeDirectory=; elsewhere nothing is
 * watched. `anew`: asks for an end of the process, which the service manager starts again.
 */
export const keepRelease = (
  env: NodeJS.ProcessEnv,
  log: Log,
  anew: (reason: string) => void,
): ReleaseKeeper => {
  const folder = env["RUNTIME_DIRECTORY"]?.split(":", 1)[0];
  const installed = installedAt(process.execPath);
  if (folder === undefined || !installed)
    return { started: () => undefined, [Symbol.dispose]: () => undefined };
  const { dir, version } = installed;
  const watch = new ReleaseWatch({
    time: systemTime,
    version,
    versions: new Versions(dir, openFiles(dir)),
    say(line) {
      log.info("the trial of the software", { says: line });
      write(join(folder, "release"), line);
    },
  });
  let timer: Timer | undefined;
  const starting = systemTime.after(START_MS, () => {
    void watch
      .neverStarted(START_MS)
      .catch((cause: unknown) =>
        log.error("the version of the software cannot be watched", { cause: reasonOf(cause) }),
      );
  });
  let isLooking = false;
  let failed = "";
  const look = async (
    unit: Unit,
    { dispatch: { brokers }, flash: { trialS } }: UnitSettings,
  ): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      const reason = await watch.look({
        reached: () => unit.reached(),
        proven: () => unit.proven(),
        inEmergency: () => unit.inEmergency(),
        couldCarry: () => couldCarryTo(brokers),
        trialMs: () => trialS * 1_000,
        announce: (event) => unit.announce(event),
        written: () => unit.written(),
      });
      // Once: a second request would end the process at once.
      if (reason !== undefined) {
        timer?.[Symbol.dispose]();
        anew(reason);
      }
      failed = "";
    } catch (cause) {
      // Each error is logged once, not every second.
      const why = reasonOf(cause);
      if (why !== failed) log.error("the version of the software cannot be watched", { cause: why });
      failed = why;
    } finally {
      isLooking = false;
    }
  };
  return {
    started(unit, settings) {
      starting[Symbol.dispose]();
      timer?.[Symbol.dispose]();
      timer = systemTime.every(LOOK_MS, () => void look(unit, settings));
    },
    [Symbol.dispose]() {
      starting[Symbol.dispose]();
      timer?.[Symbol.dispose]();
    },
  };
};

import { statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { begin, end, supervise, type Begun, type Running, type Supervision } from "../../bundle/supervise.ts";
import { couldCarry, type Result } from "../../bundle/trial.ts";
import type { EventData } from "../../domain/report.ts";
import { lockFolder } from "../../runtime/lock.ts";
import { reasonOf, type Log } from "../../runtime/log.ts";
import { machineBoot } from "../../runtime/machine-boot.ts";
import { systemTime } from "../../runtime/time.ts";
import { pause } from "../../runtime/wait.ts";
import { inForce, loadConfiguration, type Configuration } from "../../settings/load.ts";
import { certificateFileOf, type Root } from "../../settings/root.ts";
import type { Unit } from "../../unit/start.ts";
import { knownTime } from "./command.ts";
import type { OpenRoot } from "./root.ts";

/** The service on a root: starts units one after the other, each with the configuration then in force. */

/** The root may be locked by an installation, which takes some 100 ms. */
const LOCK_MS = 2_000;
/** A configuration that crashes at once is not started more often than this. */
const CRASH_PAUSE_MS = 1_000;

const eventOf = ({ version, ok, error, signer, other }: Result): EventData => ({
  type: "config",
  version,
  ok,
  ...(error === undefined
    ? {}
    : { error: other === undefined ? error : `${error}; version ${other} is in force again` }),
  ...(signer === undefined ? {} : { signer }),
  ...(other === undefined ? {} : { previous: other }),
});

/** When the certificate was changed; 0: there is none. */
const certifiedAt = (root: Root): number =>
  statSync(certificateFileOf(root), { throwIfNoEntry: false })?.mtimeMs ?? 0;

const runningOf = (unit: Unit, root: Root, brokers: readonly string[]): Running => {
  const certified = certifiedAt(root);
  return {
    reached: () => unit.reached(),
    inEmergency: () => unit.inEmergency(),
    couldCarry: () =>
      couldCarry(
        brokers,
        Object.values(networkInterfaces()).flatMap((one) => one ?? []),
      ),
    changed: () => (certifiedAt(root) === certified ? undefined : "the certificate was replaced"),
    report: (result) => unit.announce(eventOf(result)),
  };
};

type Serving = {
  readonly open: OpenRoot;
  readonly log: Log;
  /** Resolves with the reason of a stop that was asked for. */
  readonly requested: Promise<string>;
  readonly signal: AbortSignal;
  /** Starts a unit. It is disposed here. */
  readonly start: (loaded: Configuration) => Promise<Unit>;
};

/** Runs one unit until it must be started anew. Returns whether the service is to stop. */
const serveOnce = async (serving: Serving, on: Supervision, begun: Begun): Promise<boolean> => {
  const { open, log, requested, signal, start } = serving;
  const loaded = loadConfiguration(inForce(open.root, knownTime()));
  await using unit = await start(loaded);
  const over = new AbortController();
  const { brokers } = loaded.settings.dispatch;
  const supervised = supervise(on, begun, runningOf(unit, open.root, brokers), {
    trialMs: loaded.settings.flash.trialS * 1000,
    signal: over.signal,
    failed: (cause) => log.error("the configuration cannot be watched", { cause: reasonOf(cause) }),
  });
  const anew = supervised.then((why) => why ?? requested);
  const reason = await Promise.race([anew, requested, unit.restart.then((why) => `restart: ${why}`)]);
  over.abort();
  await supervised;
  if (!signal.aborted) log.info("the unit is started anew", { reason });
  unit.stopBecause(reason);
  return signal.aborted;
};

/**
 * Runs the service on a root until a stop is asked for. A configuration on trial that cannot be started counts
 * as crashed; without a version to go back to, the error is thrown. Resolves to false if there is no
 * configuration.
 */
export const serveRoot = async (serving: Serving): Promise<boolean> => {
  const { open, log, signal } = serving;
  const on: Supervision = {
    store: open.store,
    time: systemTime,
    lock: () => lockFolder(open.root.dir, LOCK_MS, systemTime),
    machineBoot: machineBoot(),
  };
  for (let isOver = false; !isOver;) {
    // oxlint-disable-next-line no-await-in-loop -- one unit after the other
    const begun = await begin(on);
    if (!begun) return false;
    if (begun.back !== undefined)
      log.warn("went back to an earlier configuration", { version: begun.version, reason: begun.back });
    try {
      // oxlint-disable-next-line no-await-in-loop
      isOver = await serveOnce(serving, on, begun);
      // oxlint-disable-next-line no-await-in-loop
      await end(on, begun);
    } catch (cause) {
      if (!begun.guarded || signal.aborted) throw cause;
      log.error("a configuration on trial crashed", { version: begun.version, cause: reasonOf(cause) });
      // oxlint-disable-next-line no-await-in-loop
      await pause(CRASH_PAUSE_MS, signal, systemTime);
    }
  }
  return true;
};

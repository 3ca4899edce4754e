import { changeText } from "../../bundle/changes.ts";
import { Receiver } from "../../bundle/receive.ts";
import { sealedType } from "../../bundle/sealed-type.ts";
import { begin, end, supervise, type Begun, type Running, type Supervision } from "../../bundle/supervise.ts";
import type { Result } from "../../bundle/trial.ts";
import { unitName } from "../../domain/identity.ts";
import type { EventData } from "../../domain/report.ts";
import { lockFolder } from "../../runtime/lock.ts";
import { reasonOf, type Log } from "../../runtime/log.ts";
import { machineBoot } from "../../runtime/machine-boot.ts";
import { readRegular } from "../../runtime/regular-file.ts";
import { Signal } from "../../runtime/signal.ts";
import { systemTime } from "../../runtime/time.ts";
import { pause } from "../../runtime/wait.ts";
import { inForce, loadConfiguration, type Configuration, type UnitSettings } from "../../settings/load.ts";
import { certificateFileOf, type Root } from "../../settings/root.ts";
import type { Unit } from "../../unit/start.ts";
import { RELEASE } from "../../update/release.ts";
import { knownTime } from "./command.ts";
import { eachSecond } from "./each-second.ts";
import type { ExpiryReminder } from "./expiry.ts";
import { couldCarryTo } from "./interfaces.ts";
import { ResultLamp } from "./result-lamp.ts";
import { takeReleases } from "./release-way.ts";
import type { OpenRoot } from "./root.ts";
import type { StopRequest } from "./stop.ts";

export { installedOn } from "./installed.ts";
export { openRoot } from "./root.ts";

/** The service on a root: starts units one after the other, each with the configuration then in force. */

/** The root may be locked by an installation, which takes some 100 ms. */
const LOCK_MS = 2_000;
/** How often it is asked whether a reminder is due: the time may become known late. */
const REMIND_MS = 10_000;
/** A configuration that crashes at once is not started more often than this. */
const CRASH_PAUSE_MS = 1_000;

const eventOf = ({ version, ok, error, signer, other }: Result): EventData => ({
  type: "config",
  ...(version === undefined ? {} : { version }),
  ok,
  ...(error === undefined
    ? {}
    : { error: other === undefined ? error : `${error}; version ${other} is in force again` }),
  ...(signer === undefined ? {} : { signer }),
  ...(other === undefined ? {} : { previous: other }),
});

/** A certificate's text; empty: there is none. */
const certificateAt = (file: string | undefined): string => {
  try {
    return file === undefined ? "" : readRegular(file).toString("utf8");
  } catch {
    return "";
  }
};

/** Whether another certificate than the one in use was installed since. */
const watchCertificate = (root: Root, used: string | undefined): (() => boolean) => {
  const before = new Set([certificateAt(certificateFileOf(root)), certificateAt(used)]);
  return () => !before.has(certificateAt(certificateFileOf(root)));
};

const runningOf = (
  unit: Unit,
  root: Root,
  { brokers, cert }: UnitSettings["dispatch"],
  hasNews: Running["hasNews"],
): Running => {
  const isCertifiedAnew = watchCertificate(root, cert);
  return {
    reached: () => unit.reached(),
    proven: () => unit.proven(),
    inEmergency: () => unit.inEmergency(),
    couldCarry: () => couldCarryTo(brokers),
    changed: () => (isCertifiedAnew() ? "the certificate was replaced" : undefined),
    hasNews,
    report: (result) => unit.announce(eventOf(result)),
    written: () => unit.written(),
  };
};

type Serving = {
  readonly open: OpenRoot;
  readonly log: Log;
  /** Resolves with the reason of a stop that was asked for. */
  readonly requested: Promise<string>;
  readonly signal: AbortSignal;
  readonly deadline: StopRequest["deadline"];
  readonly reminder: ExpiryReminder;
  /** Starts a unit. It is disposed here. */
  readonly start: (loaded: Configuration, bundle: (bytes: Buffer) => void) => Promise<Unit>;
};

type Receives = {
  readonly unit: Unit;
  /** The unit's name, `directorate/id`. */
  readonly name: string;
  readonly trialS: number;
  readonly on: Supervision;
  readonly lamp: ResultLamp;
  readonly signal: AbortSignal;
};

/** Installs bundles while a unit runs. Returns whether it has had results since it was asked last. */
const receiving = ({ open, log }: Serving, { unit, name, trialS, on, lamp, signal }: Receives) => {
  let news = false;
  const receiver = new Receiver({
    ...open,
    unit: name,
    trialS,
    mono: () => systemTime.mono(),
    lock: on.lock,
    async install(bytes, from) {
      // Loaded when the first bundle comes: most starts see none.
      const { install } = await import("../../bundle/install.ts");
      return install(bytes, {
        ...open,
        now: unit.now(),
        emergency: unit.inEmergency(),
        from,
        machineBoot: on.machineBoot,
        show: (changes) => log.info("a bundle changes", { changes: changes.map(changeText) }),
      });
    },
    result(outcome, line, from) {
      news = true;
      if (outcome.kind === "refuse") log.warn(`bundle ${line}`);
      else log.info(`bundle ${line}`);
      if (from === "dispatch") return;
      lamp.set(outcome.kind === "refuse" ? "refused" : "done");
      // After an installation the unit restarts, and the new one shows the result.
      if (outcome.kind !== "installed") lamp.showOn(unit);
    },
  });
  const ended = eachSecond(
    () => receiver.look(),
    signal,
    (cause) => failed(log, cause),
  );
  return {
    ended,
    offer: (bytes: Buffer) => receiver.offer(bytes),
    hasNews: () => {
      const had = news;
      news = false;
      return had;
    },
  };
};

const failed = (log: Log, cause: unknown): void =>
  log.error("the configuration cannot be watched", { cause: reasonOf(cause) });

/** Tells dispatch once a day that the certificate is about to expire. Returns what stops that. */
const remind = (unit: Unit, settings: UnitSettings, { reminder, log }: Serving): Disposable =>
  systemTime.every(REMIND_MS, () => {
    void reminder
      .due(settings, unit.now(), systemTime.mono())
      .then((event) => {
        if (!event) return undefined;
        unit.announce(event);
        return unit.written();
      })
      .catch((cause: unknown) => log.error("the certificate cannot be watched", { cause: reasonOf(cause) }));
  });

type Taker = { offer(bytes: Buffer): void };

/** Dispatch keeps one message on the topic: one for one of them withdraws what the other still holds. */
const to =
  (configurations: Taker, releases: Taker) =>
  (bytes: Buffer): void => {
    const isRelease = sealedType(bytes) === RELEASE.type;
    releases.offer(isRelease ? bytes : Buffer.alloc(0));
    configurations.offer(isRelease ? Buffer.alloc(0) : bytes);
  };

/** Runs one unit until it must be started anew. Returns whether the service is to stop. */
const serveOnce = async (
  serving: Serving,
  on: Supervision,
  begun: Begun,
  lamp: ResultLamp,
): Promise<boolean> => {
  const { open, log, requested, signal, start } = serving;
  const loaded = loadConfiguration(inForce(open.root, knownTime()));
  // Keeps what comes before somebody listens.
  const bundles = new Signal<Buffer>();
  using deadline = serving.deadline();
  await using unit = await start(loaded, (bytes) => bundles.emit(bytes));
  using _reminding = remind(unit, loaded.settings, serving);
  const over = new AbortController();
  lamp.showOn(unit);
  const name = unitName(loaded.settings.unit);
  const { trialS } = loaded.settings.flash;
  const received = receiving(serving, { unit, name, trialS, on, lamp, signal: over.signal });
  const releases = takeReleases({ ...open, unit, settings: loaded.settings, log, signal: over.signal });
  bundles.listen(to(received, releases));
  const supervised = supervise(
    on,
    begun,
    runningOf(unit, open.root, loaded.settings.dispatch, received.hasNews),
    {
      trialMs: trialS * 1000,
      signal: over.signal,
      failed: (cause) => failed(log, cause),
    },
  );
  const anew = supervised.then((why) => why ?? requested);
  const reason = await Promise.race([anew, requested, unit.restart.then((why) => `restart: ${why}`)]);
  over.abort();
  deadline.begin();
  await Promise.all([supervised, received.ended, releases.ended]);
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
  const lamp = new ResultLamp(open, systemTime);
  for (let isOver = false; !isOver;) {
    // oxlint-disable-next-line no-await-in-loop -- one unit after the other
    const begun = await begin(on, (cause) => failed(log, cause));
    if (!begun) return false;
    if (begun.back !== undefined)
      log.warn("went back to an earlier configuration", { version: begun.version, reason: begun.back });
    // oxlint-disable-next-line no-await-in-loop
    await lamp.began(begun);
    try {
      // oxlint-disable-next-line no-await-in-loop
      isOver = await serveOnce(serving, on, begun, lamp);
      // oxlint-disable-next-line no-await-in-loop
      await end(on, begun, (cause) => failed(log, cause));
    } catch (cause) {
      if (!begun.guarded || signal.aborted) throw cause;
      log.error("a configuration on trial crashed", { version: begun.version, cause: reasonOf(cause) });
      // oxlint-disable-next-line no-await-in-loop
      await pause(CRASH_PAUSE_MS, signal, systemTime);
    }
  }
  return true;
};

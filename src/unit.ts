import type { ByteSource, SourceFault } from "./domain/bytes.ts";
import type { Fix } from "./domain/fix.ts";
import { clientId, unitName } from "./domain/identity.ts";
import type { StateMessage } from "./domain/messages.ts";
import type { Draft, EventData, HealthData, Part } from "./domain/report.ts";
import { isoInstant } from "./domain/time.ts";
import type { NmeaTally } from "./decode/nmea/decoder.ts";
import { createLink, type Link } from "./dispatch/link.ts";
import { createRoutes } from "./dispatch/topics.ts";
import { openOutbox, type Outbox } from "./outbox/outbox.ts";
import { createPositionPolicy } from "./policy/position.ts";
import { createBackoff } from "./runtime/backoff.ts";
import { createClock } from "./runtime/clock.ts";
import { reasonOf, type Log } from "./runtime/log.ts";
import type { Settings } from "./settings/schema.ts";
import { readGps } from "./sources/gps.ts";
import { createHealthReporter } from "./status/health.ts";
import { openStatusServer } from "./status/server.ts";
import { createMachineProbe } from "./status/snapshot.ts";
import { VERSION } from "./version.ts";

/** One running unit: the only place where the rooms are wired to each other. */
export type Unit = AsyncDisposable & {
  /** Resolves when the GPS source has ended, which only a recording does. */
  readonly ended: Promise<void>;
  /** Resolves when everything made so far has been delivered. */
  drained(): Promise<void>;
  /** Why it is stopped: said in the farewell. */
  stopBecause(reason: string): void;
};

export type UnitOptions = {
  readonly settings: Settings;
  /** sha256 of the configuration. */
  readonly config: string;
  readonly gps: ByteSource;
  /** The source is a recording: it ends, and its times say nothing about now. */
  readonly recorded: boolean;
  readonly log: Log;
};

const RECONNECT_MS = { min: 1_000, max: 60_000 };
const REOPEN_MS = { min: 500, max: 15_000 };
/** While connected, telemetry waits this long for its PUBACK before it costs the card a write. */
const LINGER_MS = 100;
/** No fix for this long, or three of the receiver's own intervals, is no fix. */
const FIX_LOST_MS = 5_000;
const FIX_LOST_LATEST_MS = 30_000;
const TICK_MS = 1_000;
/** What a stop may spend on getting the last reports out. */
const FAREWELL_DRAIN_MS = 1_500;

const within = async (ms: number, work: Promise<unknown>): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
};

/** Parts of the car that are configured but that this release cannot read, said at start. */
const missingParts = (settings: Settings): readonly [Part, string][] => [
  ...(settings.panic === undefined
    ? [
        ["panic-board", "no panic board is configured (panic: none says that this is meant)"] as [
          Part,
          string,
        ],
      ]
    : []),
  ...(typeof settings.panic === "object"
    ? [["panic-board", `this release cannot read a panic board: buttons are not watched`] as [Part, string]]
    : []),
  ...(settings.can === undefined
    ? []
    : [["can", "this release cannot read CAN: signals are not watched"] as [Part, string]]),
];

export const startUnit = async (options: UnitOptions): Promise<Unit> => {
  const { settings, log } = options;
  const name = unitName(settings.unit);
  const clock = createClock();
  const probe = createMachineProbe(settings.outbox.path);
  const policy = createPositionPolicy(settings.report);
  const tally: NmeaTally = { sentences: 0, fixes: 0, rejected: {} };
  const gpsState: { fix?: Fix; at: number; intervalMs: number; fault?: string } = {
    at: -Infinity,
    intervalMs: 1000,
  };
  const stopGps = new AbortController();
  let link: Link | undefined;
  let stopReason = "stopped";
  let clockSaid = false;
  let unsetSent = false;

  await using stack = new AsyncDisposableStack();

  const event = (data: EventData): void => {
    outbox.append({ kind: "event", data, ...clock.now() });
  };
  const outbox: Outbox = stack.use(
    await openOutbox({
      path: settings.outbox.path,
      unit: name,
      clock,
      lingerMs: () => (link?.status.broker === undefined ? 0 : LINGER_MS),
      onStored: (lane) => link?.stored(lane),
      onFault(cause) {
        const detail = cause === undefined ? "written again" : `cannot be written: ${reasonOf(cause)}`;
        log[cause === undefined ? "info" : "error"](`the outbox: ${detail}`, { part: "outbox" });
        if (link) event({ type: cause === undefined ? "recovered" : "fault", part: "outbox", detail });
      },
    }),
  );

  /** Telemetry goes out live at once, unless its number could be used again after a crash. */
  const report = (draft: Draft): void => {
    const made = outbox.append(draft);
    if (outbox.leased(made.seq)) link?.offer(made);
  };

  const currentFix = (): Fix | undefined => {
    const patience = Math.min(FIX_LOST_LATEST_MS, Math.max(FIX_LOST_MS, gpsState.intervalMs * 3));
    return clock.mono() - gpsState.at <= patience ? gpsState.fix : undefined;
  };

  const health = async (): Promise<HealthData> => {
    const { records, bytes, oldestAt } = await outbox.stats();
    const fix = currentFix();
    return {
      uptimeS: Math.floor(clock.mono() / 1000),
      version: VERSION,
      config: options.config,
      ...probe(),
      outbox: {
        records,
        ...(oldestAt === undefined
          ? {}
          : { oldestAgeS: Math.max(0, Math.floor((clock.now().at - oldestAt) / 1000)) }),
        bytes,
      },
      link: { ...(link?.status ?? { reconnects: 0 }) },
      gps: {
        fix: fix?.fix ?? "none",
        ...(fix?.satellites === undefined ? {} : { satellites: fix.satellites }),
        sentences: tally.sentences,
        rejected: { ...tally.rejected },
        ...(gpsState.fault === undefined ? {} : { fault: gpsState.fault }),
      },
    };
  };

  const reporter = createHealthReporter({
    intervalS: settings.health.intervalS,
    mono: () => clock.mono(),
    read: health,
    fix: () => currentFix()?.fix ?? "none",
    report(data) {
      if (!stopGps.signal.aborted && !outbox.pressure()) report({ kind: "health", data, ...clock.now() });
    },
    onError: (cause) => log.error("health cannot be read", { cause: reasonOf(cause) }),
  });

  /** Once the time is known, what already went out without it can be put right by dispatch. */
  const sayClock = (): void => {
    if (clockSaid || !unsetSent || clock.now().clock === "unset") return;
    clockSaid = true;
    const mono = clock.mono();
    event({ type: "clock", boot: outbox.boot, mono, at: isoInstant(clock.when(mono).at) });
  };

  const tick = (): void => {
    sayClock();
    if (!stopGps.signal.aborted) reporter.tick();
  };

  const takeFix = (fix: Fix): void => {
    if (!options.recorded) clock.discipline(fix.at);
    sayClock();
    const now = clock.mono();
    if (gpsState.fix) gpsState.intervalMs = Math.max(1, fix.at - gpsState.fix.at);
    gpsState.fix = fix;
    gpsState.at = now;
    const reason = policy.decide(fix);
    if (reason === undefined) return;
    const { at, ...data } = fix;
    report({ kind: "position", data: { ...data, reason }, at, clock: "gnss" });
  };

  const state = (what: StateMessage["state"], reason?: string): StateMessage => {
    const { at, clock: trust } = clock.now();
    return {
      state: what,
      unit: name,
      boot: outbox.boot,
      version: VERSION,
      ...(reason === undefined ? {} : { reason }),
      at: isoInstant(at),
      clock: trust,
    };
  };

  const { dispatch } = settings;
  const routes = createRoutes(dispatch.prefix, name);
  const will: StateMessage = { state: "offline", unit: name, boot: outbox.boot, version: VERSION };
  let linkDown = false;
  link = createLink({
    brokers: dispatch.brokers,
    broker: {
      clientId: clientId(settings.unit),
      username: dispatch.username ?? name,
      ...(dispatch.password === undefined ? {} : { password: dispatch.password }),
      ...(dispatch.ca === undefined ? {} : { ca: dispatch.ca }),
      ...(dispatch.cert === undefined ? {} : { cert: dispatch.cert }),
      ...(dispatch.key === undefined ? {} : { key: dispatch.key }),
      keepaliveS: dispatch.keepaliveS,
      will: { topic: routes.state.topic, payload: Buffer.from(JSON.stringify(will)) },
    },
    routes,
    clock,
    outbox,
    backoff: createBackoff(RECONNECT_MS.min, RECONNECT_MS.max),
    state,
    on: {
      up(broker, version) {
        log.info("connected to dispatch", { part: "link", broker, mqtt: version === 5 ? "5" : "3.1.1" });
        if (linkDown) event({ type: "recovered", part: "link", detail: `connected to ${broker}` });
        linkDown = false;
        reporter.due();
      },
      down(error) {
        log.warn(error.message, { part: "link", fault: error.code });
        if (!linkDown) event({ type: "fault", part: "link", detail: error.message });
        linkDown = true;
        reporter.due();
        // What waited in memory for its acknowledgement must not wait any longer.
        outbox.flush().catch(() => undefined);
      },
      sentUnset() {
        unsetSent = true;
      },
    },
  });

  const dispatching = link;
  stack.defer(async () => {
    await dispatching.stop(stopReason);
    log.info("stopped", { reason: stopReason });
  });
  event({ type: "boot", version: VERSION, config: options.config });
  log.info("started", { unit: name, boot: outbox.boot, version: VERSION });
  for (const [part, detail] of missingParts(settings)) {
    event({ type: "fault", part, detail });
    log.warn(detail, { part });
  }

  stack.use(
    await openStatusServer(settings.status.listen, async () => ({
      ...state("online"),
      ...(await health()),
      ...(currentFix() ? { position: currentFix() } : {}),
    })),
  );
  const ticker = setInterval(tick, TICK_MS);
  stack.defer(() => clearInterval(ticker));

  const ended = readGps(
    {
      source: options.gps,
      tally,
      backoff: createBackoff(REOPEN_MS.min, REOPEN_MS.max),
      hostNow: Date.now,
      once: options.recorded,
    },
    {
      fix: takeFix,
      pressure: () => outbox.pressure(),
      fault(code: SourceFault, detail) {
        gpsState.fault = code;
        reporter.due();
        log.warn(detail, { part: "gps", fault: code });
        event({ type: "fault", part: "gps", detail });
      },
      heard(afterFault) {
        log.info("the receiver is heard", { part: "gps" });
        if (!afterFault) return;
        delete gpsState.fault;
        reporter.due();
        event({ type: "recovered", part: "gps", detail: "the receiver is heard again" });
      },
      rollover(correctionMs) {
        const detail = `the receiver's dates are ${correctionMs / 604_800_000} weeks back (week rollover) and put right`;
        log.warn(detail, { part: "gps" });
        event({ type: "fault", part: "gps", detail });
      },
    },
    stopGps.signal,
  );
  stack.defer(async () => {
    stopGps.abort();
    await ended;
    event({ type: "shutdown", reason: stopReason });
    await outbox
      .flush()
      .catch((cause: unknown) => log.error("the outbox cannot be written", { cause: reasonOf(cause) }));
    if (dispatching.status.broker !== undefined) await within(FAREWELL_DRAIN_MS, dispatching.drained());
  });
  tick();

  const owned = stack.move();
  return {
    ended,
    async drained() {
      await outbox.flush();
      await link.drained();
    },
    stopBecause(reason) {
      stopReason = reason;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

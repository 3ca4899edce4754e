import type { ByteSource } from "./domain/bytes.ts";
import type { CanSource } from "./domain/can.ts";
import { clientId, unitName } from "./domain/identity.ts";
import { ReportCommand, type StateMessage } from "./domain/messages.ts";
import type { BoardListener, PanicBoard } from "./domain/panic.ts";
import { LANES } from "./domain/pending.ts";
import type { Draft, EventData, HealthData, Part } from "./domain/report.ts";
import { isoInstant } from "./domain/time.ts";
import { createAirbagWatch } from "./airbag.ts";
import { createBoardDesk } from "./board-desk.ts";
import { openCanDesk, type CanDesk } from "./can-desk.ts";
import type { CanMapping } from "./decode/can/mapping.ts";
import { createCommandDesk } from "./command-desk.ts";
import { createLink, type Link } from "./dispatch/link.ts";
import { createRoutes } from "./dispatch/topics.ts";
import { createEmergencyDesk } from "./emergency-desk.ts";
import { openGpsDesk } from "./gps-desk.ts";
import { openOutbox, type Outbox } from "./outbox/outbox.ts";
import { createPowerDesk } from "./power-desk.ts";
import { createBackoff } from "./runtime/backoff.ts";
import { createClock } from "./runtime/clock.ts";
import { createPowerSwitch } from "./runtime/power-off.ts";
import { reasonOf, type Log } from "./runtime/log.ts";
import type { ConfigFault } from "./settings/fault.ts";
import type { UnitSettings } from "./settings/load.ts";
import { createHealthReporter } from "./status/health.ts";
import { openStatusServer } from "./status/server.ts";
import { createMachineProbe } from "./status/snapshot.ts";
import { VERSION } from "./version.ts";

/** One running unit: the only place where the rooms are wired to each other. */
export type Unit = AsyncDisposable & {
  /** Resolves when the sources have ended, which only recordings do. */
  readonly ended: Promise<void>;
  /** Resolves when everything made so far has been delivered. */
  drained(): Promise<void>;
  /** Resolves with a reason when it should be stopped and started anew. */
  readonly restart: Promise<string>;
  /** Why it is stopped: said in the farewell. */
  stopBecause(reason: string): void;
};

export type UnitOptions = {
  readonly settings: UnitSettings;
  /** sha256 of the configuration. */
  readonly config: string;
  /** What is wrong with the configuration: reported at start. */
  readonly configFaults?: readonly ConfigFault[];
  readonly gps: ByteSource;
  /** The source is a recording: it ends, and its times say nothing about now. */
  readonly recorded: boolean;
  /** Opens the panic board; undefined where there is none. */
  readonly board: ((on: BoardListener) => PanicBoard) | undefined;
  /** The vehicle's bus; undefined where none can be listened to. */
  readonly can: { readonly source: CanSource; readonly mapping: CanMapping } | undefined;
  readonly log: Log;
};

const BUS_REOPEN_MS = { min: 500, max: 15_000 };
const RECONNECT_MS = { min: 1_000, max: 60_000 };
/** While connected, telemetry waits this long for its PUBACK before it costs the card a write. */
const LINGER_MS = 100;
const TICK_MS = 1_000;
const RESTART_MS = 500;
/** What a stop may spend on getting the last reports out. */
const FAREWELL_DRAIN_MS = 1_500;

const within = async (ms: number, work: Promise<unknown>): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
};

/** A command that nothing can be wrong with. */
const always = (act: () => unknown) => (): undefined => {
  act();
};

/** Parts of the car that are not watched, said at start. */
const missingParts = ({
  settings,
  can,
  configFaults = [],
}: UnitOptions): readonly (readonly [Part, string])[] => [
  ...(settings.panic === undefined && !configFaults.some(({ part }) => part === "panic-board")
    ? [["panic-board", "no panic board is configured (panic: none says that this is meant)"] as const]
    : []),
  ...(settings.can === undefined || can
    ? []
    : [["can", "the bus is not listened to: signals are not watched"] as const]),
];

const brokerCredentials = ({ dispatch, unit }: UnitSettings) => ({
  clientId: clientId(unit),
  username: dispatch.username ?? unitName(unit),
  ...(dispatch.password === undefined ? {} : { password: dispatch.password }),
  ...(dispatch.ca === undefined ? {} : { ca: dispatch.ca }),
  ...(dispatch.cert === undefined ? {} : { cert: dispatch.cert }),
  ...(dispatch.key === undefined ? {} : { key: dispatch.key }),
  keepaliveS: dispatch.keepaliveS,
});

export const startUnit = async (options: UnitOptions): Promise<Unit> => {
  const { settings, log } = options;
  const name = unitName(settings.unit);
  const clock = createClock();
  const probe = createMachineProbe(settings.outbox.path);
  const routes = createRoutes(settings.dispatch.prefix, name);
  const buttons = typeof settings.panic === "object" ? settings.panic.buttons : {};
  let link: Link | undefined;
  let board: PanicBoard | undefined;
  let bus: CanDesk | undefined;
  let stopping = false;
  let stopReason = "stopped";
  let clockSaid = false;
  let unsetSent = false;
  let linkDown = false;

  const restarting = Promise.withResolvers<string>();
  const restart = (reason: string): void => restarting.resolve(reason);

  await using stack = new AsyncDisposableStack();

  const event = (data: EventData): void => {
    outbox.append({ kind: "event", data, ...clock.now() });
  };
  /** Told from inside the opening, too, when there is no outbox yet to put an event into. */
  const outboxTrouble = (detail: string): void => {
    log.error(detail, { part: "outbox" });
    if (link) event({ type: "fault", part: "outbox", detail });
  };
  const outbox: Outbox = stack.use(
    await openOutbox({
      path: settings.outbox.path,
      maxBytes: settings.outbox.maxMiB * 1024 * 1024,
      unit: name,
      clock,
      lingerMs: () => (link?.status.broker === undefined ? 0 : LINGER_MS),
      onStored: (lane) => link?.stored(lane),
      onNews: (line) => outboxTrouble(line),
      onReturn: () => restart("the disk is back: what it holds is taken up"),
      onFault(cause) {
        const detail = cause === undefined ? "written again" : `cannot be written: ${reasonOf(cause)}`;
        log[cause === undefined ? "info" : "error"](`the outbox: ${detail}`, { part: "outbox" });
        if (!link) return;
        event({ type: cause === undefined ? "recovered" : "fault", part: "outbox", detail });
        desk.fault("outbox", cause !== undefined);
        // What cannot be written goes out from memory.
        if (cause !== undefined) for (const lane of LANES) link.stored(lane);
      },
    }),
  );

  /** Telemetry goes out live at once, unless its number could be used again after a crash. */
  const report = (draft: Draft): void => {
    const made = outbox.append(draft);
    if (outbox.leased(made.seq)) link?.offer(made);
  };

  /** What led up to a press, behind it: the press itself is on its way before any of this is written. */
  const keepEvidence = async (episode: string, test: boolean): Promise<void> => {
    const drafts = bus?.evidence(episode, test) ?? [];
    await outbox.flush().catch(() => undefined); // told by the outbox
    for (const draft of drafts) {
      // oxlint-disable-next-line no-await-in-loop -- asked again until there is room
      for (let full = outbox.pressure(); full; full = outbox.pressure()) await full;
      outbox.append(draft);
    }
  };

  /** Once the time is known, what already went out without it can be put right by dispatch. */
  const sayClock = (): void => {
    if (clockSaid || !unsetSent || clock.now().clock === "unset") return;
    clockSaid = true;
    const mono = clock.mono();
    event({ type: "clock", boot: outbox.boot, mono, at: isoInstant(clock.when(mono).at) });
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

  const health = async (): Promise<HealthData> => {
    const { records, bytes, oldestAt } = await outbox.stats();
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
      gps: gps.health(),
      ...(bus ? { can: bus.health() } : {}),
      ...(board ? { panicBoard: boardDesk.health(board) } : {}),
    };
  };

  const reporter = createHealthReporter({
    intervalS: settings.health.intervalS,
    mono: () => clock.mono(),
    read: health,
    fix: () => gps.health().fix,
    report(data) {
      if (!stopping && !outbox.pressure()) report({ kind: "health", data, ...clock.now() });
    },
    onError: (cause) => log.error("health cannot be read", { cause: reasonOf(cause) }),
  });

  const power = createPowerDesk({
    settings: options.recorded ? undefined : settings.power,
    circumstances: () => ({
      ignition: bus?.motion().ignition,
      moving: gps.moving(),
      emergency: desk.open,
    }),
    mono: () => clock.mono(),
    event,
    log,
    power: createPowerSwitch(process.env),
  });

  const desk = stack.use(
    createEmergencyDesk({
      outbox,
      clock,
      link: () => link,
      buttons,
      scene: () => ({ ...gps.scene(), ...bus?.snapshot() }),
      pressed: (episode, test) => void keepEvidence(episode, test),
      board: {
        confirm: (press) => board?.confirm(press),
        show: (pattern, quiet) => board?.show(pattern, quiet),
      },
      log,
    }),
  );

  const commands = createCommandDesk({
    outbox,
    clock,
    log,
    event,
    route: routes.reply,
    reply: (route, payload) => link?.reply(route, payload),
    connected: () => link?.status.broker !== undefined,
    kinds: {
      ping: always(() => undefined),
      drill: () => desk.drill(),
      locate: always(() => gps.locate()),
      report(command) {
        const asked = ReportCommand.safeParse(command);
        if (!asked.success) {
          const [issue] = asked.error.issues;
          return `${issue!.path.join(".")}: ${issue!.message}`;
        }
        const { forS, ...intervals } = asked.data;
        gps.reportFor(forS, intervals);
        return undefined;
      },
      restart() {
        if (outbox.fault !== undefined)
          return "the disk takes no write: a restart would forget what is held in memory";
        // Its answer goes out first.
        setTimeout(() => restart("asked by dispatch"), RESTART_MS).unref();
        return undefined;
      },
    },
  });

  const will: StateMessage = { state: "offline", unit: name, boot: outbox.boot, version: VERSION };
  const dispatching = createLink({
    brokers: settings.dispatch.brokers,
    broker: {
      ...brokerCredentials(settings),
      will: { topic: routes.state.topic, payload: Buffer.from(JSON.stringify(will)) },
    },
    routes,
    clock,
    outbox,
    backoff: createBackoff(RECONNECT_MS.min, RECONNECT_MS.max),
    maxInFlightBytes: settings.dispatch.maxInFlightKiB * 1024,
    state,
    on: {
      up(broker, version) {
        log.info("connected to dispatch", { part: "link", broker, mqtt: version === 5 ? "5" : "3.1.1" });
        if (linkDown) event({ type: "recovered", part: "link", detail: `connected to ${broker}` });
        linkDown = false;
        desk.connected();
        bus?.refresh();
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
      delivered: (emergency, broker) => desk.delivered(emergency, broker),
      takenOff: (episode, broker) => desk.takenOff(episode, broker),
      async message(message) {
        const episode = routes.acknowledged(message.topic);
        if (episode !== undefined) await desk.acknowledge(episode, message.payload);
        else if (message.topic === routes.command) await commands.take(message);
      },
    },
  });
  link = dispatching;
  stack.defer(async () => {
    await dispatching.stop(stopReason);
    log.info("stopped", { reason: stopReason });
  });

  for (const line of outbox.news) outboxTrouble(line);
  if (outbox.notesDoubtful) outboxTrouble("what was kept of open emergencies may be lost");
  if (outbox.fault !== undefined) {
    outboxTrouble(`cannot be written: ${reasonOf(outbox.fault)}`);
    desk.fault("outbox", true);
  }
  event({ type: "boot", version: VERSION, config: options.config });
  log.info("started", { unit: name, boot: outbox.boot, version: VERSION });
  for (const [part, detail] of missingParts(options)) {
    event({ type: "fault", part, detail });
    log.warn(detail, { part });
  }
  // They are in the log already, before there was a unit.
  for (const fault of options.configFaults ?? []) event({ type: "fault", ...fault });

  const boardDesk = createBoardDesk({ buttons, desk, log, event, changed: () => reporter.due() });
  board = options.board?.({
    ...boardDesk.listener,
    press(press) {
      // Before anything else: the power must not go, whatever becomes of the press.
      power.pressed();
      boardDesk.listener.press(press);
    },
  });
  if (board) stack.use(board);
  desk.showLamp();

  const gps = openGpsDesk({
    source: options.gps,
    recorded: options.recorded,
    policy: settings.report,
    clock,
    log,
    report,
    event,
    pressure: () => outbox.pressure(),
    circumstances: () => ({ emergency: desk.open, vehicle: bus?.motion() }),
    on: { fix: sayClock, changed: () => reporter.due() },
  });
  bus = options.can
    ? openCanDesk({
        ...options.can,
        recorded: options.recorded,
        backoff: createBackoff(BUS_REOPEN_MS.min, BUS_REOPEN_MS.max),
        clock,
        log,
        report,
        event,
        pressure: () => outbox.pressure(),
        changed: () => reporter.due(),
        second: () => power.look(),
        airbag:
          settings.can?.airbag === false
            ? () => undefined
            : createAirbagWatch(outbox, () => desk.alarm("airbag")),
      })
    : undefined;
  // Pushed before the status server and the ticker: what follows must end before the last report.
  stack.defer(async () => {
    stopping = true;
    await Promise.all([gps[Symbol.asyncDispose](), bus?.[Symbol.asyncDispose]()]);
    event({ type: "shutdown", reason: stopReason });
    await outbox
      .flush()
      .catch((cause: unknown) => log.error("the outbox cannot be written", { cause: reasonOf(cause) }));
    if (dispatching.status.broker !== undefined) await within(FAREWELL_DRAIN_MS, dispatching.drained());
  });

  const openPage = (listen: string) =>
    openStatusServer(
      { ...settings.status, listen },
      {
        status: async () => ({
          ...state("online"),
          ...(await health()),
          ...(gps.fix() ? { position: gps.fix() } : {}),
          satellites: await gps.satellites(),
          emergency: desk.status,
        }),
        drill: () => desk.drill(),
        disarm: () => desk.disarm(),
      },
    );
  // Without its page the unit is hard to look at, but a press gets through.
  if (settings.status.listen !== undefined)
    await openPage(settings.status.listen).then(
      (page) => void stack.use(page),
      (cause: unknown) => {
        log.error(reasonOf(cause), { part: "status" });
        event({ type: "fault", part: "status", code: "cannot-listen", detail: reasonOf(cause) });
      },
    );
  const tick = (): void => {
    sayClock();
    if (stopping) return;
    commands.clock().catch((cause: unknown) => log.error("held commands", { cause: reasonOf(cause) }));
    reporter.tick();
    // A recording is looked at by its own time.
    if (!options.recorded) power.look();
  };
  const ticker = setInterval(tick, TICK_MS);
  stack.defer(() => clearInterval(ticker));
  tick();

  const owned = stack.move();
  return {
    ended: Promise.all([gps.ended, bus?.ended]).then(() => undefined),
    async drained() {
      await outbox.flush();
      await dispatching.drained();
    },
    restart: restarting.promise,
    stopBecause(reason) {
      stopReason = reason;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

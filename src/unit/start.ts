import { NoAnswerError } from "../outbox/port.ts";
import { observeProgress, PROGRESS, stuckBecause, type Signs } from "../policy/progress.ts";
import type { LinkEvents } from "../dispatch/link.ts";
import type { Connection } from "../dispatch/port.ts";
import type { BundleSign } from "../domain/panic.ts";
import type { EventData } from "../domain/report.ts";
import { knownAt } from "../domain/time.ts";
import { VSS_VERSION } from "../domain/vss.ts";
import { reasonOf } from "../runtime/log.ts";
import type { Time } from "../runtime/ports.ts";
import { systemWords } from "../runtime/system-words.ts";
import { within } from "../runtime/wait.ts";
import { VERSION } from "../domain/version.ts";
import type { CommandPart } from "./commands.ts";
import { openCore, type Core } from "./core.ts";
import { ClockEvent, openCommands, openHealth, type Parts } from "./duties.ts";
import { openCar, openPanic, type CarParts, type PanicParts } from "./parts.ts";
import type { Faults } from "./faults.ts";
import { recordsIn, statusActions } from "./page.ts";
import type { UnitOptions } from "./ports.ts";
import { Reach } from "./reach.ts";
import { createAdmission } from "./signatures.ts";

export type { UnitOptions } from "./ports.ts";

/** One running unit: the only place where the rooms are wired to each other. */
export type Unit = AsyncDisposable & {
  /** Resolves when presses are stored and the board has been asked for pending ones. */
  readonly armed: Promise<void>;
  /** Resolves when the sources have ended. Only recordings end. */
  readonly ended: Promise<void>;
  /** Resolves when everything made so far has been delivered. */
  drained(): Promise<void>;
  /** Resolves with a reason when the unit should be stopped and restarted. */
  readonly restart: Promise<string>;
  /** Whether a broker has acknowledged the unit's birth on the connection that is open. */
  reached(): boolean;
  /**
   * Whether dispatch has been reached in this life: a broker has acknowledged the birth, and in custody `dispatch` a
   * receipt covers the `boot` event (contract §8).
   */
  proven(): boolean;
  /** Whether an emergency is open. A drill does not count. */
  inEmergency(): boolean;
  /** Whether the ignition is known to be off. The computer may lose its power then. */
  onBattery(): boolean;
  /** The time, UTC milliseconds. Undefined: it cannot be trusted. */
  now(): number | undefined;
  /** Tries to connect to dispatch now, if it waits with that. */
  retryLink(): void;
  /** Makes an event. It is in memory then; `written` says when it is on disk. */
  announce(data: EventData): void;
  /** Resolves when all events are on disk. Rejects if the disk cannot be written: they stay in memory then. */
  written(): Promise<void>;
  /** Shows the result of a bundle on the board's lamp for `ms`, unless an episode is open or opens. A fault is shown instead. */
  showResult(sign: BundleSign, ms: number): void;
  /** Why the unit should be started anew: it makes no progress. Undefined: it does, or it is stopping. */
  stuck(): string | undefined;
  /** Sets the reason for the stop, which the last `state` message gives. */
  stopBecause(reason: string): void;
};

const TICK_MS = 1_000;
/** The longest topic of a skipped message that is named whole. */
const TOPIC_LETTERS = 200;
/** The time that a stop may wait for reports to be written before it says farewell. */
const FLUSH_MS = 1_000;
/** At stop, the longest wait for the service manager to cancel a power-off. */
const POWER_MS = 1_000;
/** The time that a stop may spend on sending the last reports. */
const FAREWELL_DRAIN_MS = 1_500;

/** Parts of the car that are missing. They are reported at the start. */
const missingParts = ({
  settings,
  ports,
  configFaults,
}: UnitOptions): readonly (readonly ["panic-board" | "can", string])[] => [
  ...(settings.panic === undefined && !configFaults.some(({ part }) => part === "panic-board")
    ? [["panic-board", "no panic board is configured (write panic: none if the car has none)"] as const]
    : []),
  ...(settings.can && !ports.can
    ? [["can", "the bus cannot be read: its signals are not watched"] as const]
    : []),
];

/** The first events of a boot. Returns the number of the first one. */
const announce = ({ options, name, outbox, faults, history }: Core): number => {
  const data = { type: "boot", version: VERSION, config: options.config, vss: VSS_VERSION } as const;
  const { clock } = options.ports;
  const now = clock.now();
  const { seq } = outbox.append({ kind: "event", data, ...now });
  history.event(data, clock.mono(), now.at);
  options.ports.log.info("starting", { unit: name, boot: outbox.boot, version: VERSION });
  // Several faults may have no key. Their text then distinguishes them.
  for (const { part, code, where, detail } of options.configFaults)
    faults.add({ part, code, where: where ?? detail }, detail);
  for (const [part, detail] of missingParts(options)) faults.raise({ part, code: "not-configured" }, detail);
  return seq;
};

/** Reports the PEM file that cannot be used now, and that the others can be used again. */
const reportFiles = (faults: Faults, unusable: Connection["unusableFile"]): void => {
  for (const { part, code, where } of faults.active)
    if (part === "link" && code === "credentials-kept" && where !== undefined && where !== unusable?.file)
      faults.clear({ part, code, where }, `${where} can be used again`);
  if (!unusable) return;
  const detail = `${unusable.message}: the unit goes on with what it read last`;
  faults.raise({ part: "link", code: "credentials-kept", where: unusable.file }, detail);
};

/** Passes each message of dispatch on to the part that it is for. */
const receiver = (
  { routes, options, faults }: Core,
  { emergency, custody }: Parts,
  commands: CommandPart,
): LinkEvents["message"] => {
  const admit = createAdmission({ keys: options.settings.dispatch.requireSigned, routes, faults });
  return async (given, broker, waitedMs) => {
    const message = admit(given, broker);
    if (!message) return;
    const episode = routes.acknowledged(message.topic);
    if (episode !== undefined)
      await emergency.acknowledge(episode, message.payload, broker, {
        waitedMs,
        repeated: given.repeated,
        retained: given.retained,
      });
    else if (message.topic === routes.command) await commands.receive(message);
    else if (message.topic === routes.receipt) void custody.receive(message.payload, broker, waitedMs);
    else if (message.topic === routes.bundle) options.bundle?.(message.payload);
  };
};

/** Passes the events of the link on to the parts that they concern. */
const linkEvents = (core: Core, parts: Parts, commands: CommandPart): LinkEvents => {
  const { faults, connected, routes } = core;
  const { clock, log } = core.options.ports;
  const { emergency, can } = parts;
  return {
    up(broker, version) {
      log.info("connected to dispatch", { part: "link", broker, mqtt: version === 5 ? "5" : "3.1.1" });
      connected.emit(true);
      emergency.give({ kind: "connected", broker, mono: clock.mono() });
      can?.refresh();
    },
    born: () => undefined,
    down(error, broker, silentMs) {
      connected.emit(false);
      emergency.give({ kind: "listening", listening: false, mono: clock.mono() - silentMs });
      const { code } = error;
      if (code === "unconfirmed") parts.custody.left();
      else faults.raise({ part: "link", code, where: broker }, error.message);
      // Write the telemetry that was waiting in memory for its PUBACK.
      core.outbox.flush().catch(() => undefined); // reported by the outbox
    },
    deserted: ({ message }, broker) =>
      faults.raise({ part: "link", code: "no-listener", where: broker }, message),
    silent: (ms) => emergency.give({ kind: "listening", listening: false, mono: clock.mono() - ms }),
    recovered: (broker, code) =>
      faults.clear(
        { part: "link", code, where: broker },
        code === "no-listener" ? `dispatch listens at ${broker} again` : `connected to ${broker}`,
      ),
    refused: (broker, topic, why) =>
      faults.raise(
        { part: "link", code: "topic-refused", where: `${broker} ${topic}` },
        `${broker} refuses ${topic}: ${why}`,
      ),
    accepted: (broker, topic) =>
      faults.clear(
        { part: "link", code: "topic-refused", where: `${broker} ${topic}` },
        `${broker} accepts ${topic} again`,
      ),
    tooLarge: (bytes) =>
      faults.raise(
        { part: "link", code: "emergency-too-large" },
        `an emergency needs a packet of ${bytes} bytes, and no broker accepts one`,
      ),
    files: (unusable) => reportFiles(faults, unusable),
    oversize(topic, bytes) {
      // The topic is the sender's choice: it may be 64 KiB long, and another one each time.
      const channel = routes.acknowledged(topic) === undefined ? "other" : "ack";
      const own = new Map([
        [routes.command, "command"],
        [routes.receipt, "receipt"],
      ]);
      const where = own.get(topic) ?? channel;
      const named = topic.length > TOPIC_LETTERS ? `${topic.slice(0, TOPIC_LETTERS)}…` : topic;
      faults.note(
        { part: "link", code: "oversize", where },
        `a message of ${bytes} bytes on ${named} is larger than a unit accepts: it was skipped`,
      );
    },
    publishing: (report, broker) => emergency.publishing(report, broker),
    delivered(report, broker, afterMs) {
      emergency.delivered(report, afterMs);
      faults.clear({ part: "link", code: "emergency-too-large" }, `${broker} accepts emergencies`);
    },
    emergencyRefused: (broker) => emergency.give({ kind: "refused", broker }),
    removed: (id, broker, prefix) => emergency.give({ kind: "removed", id, broker, prefix }),
    left: (id, broker, prefix) => emergency.give({ kind: "left", id, broker, prefix }),
    acknowledged: (reports, broker) => parts.custody.acknowledged(reports, broker),
    heard: (listening) => emergency.give({ kind: "listening", listening, mono: clock.mono() }),
    message: receiver(core, parts, commands),
  };
};

/** Opens the status page. If that fails, the unit runs without it. */
const openPage = async (
  core: Core,
  parts: Parts,
  stack: AsyncDisposableStack,
): Promise<{ statusPort?: number }> => {
  const { ports, settings } = core.options;
  if (settings.status.listen === undefined) return {};
  try {
    const actions = statusActions(core, parts);
    const { port } = stack.use(await ports.page(actions));
    stack.use(actions.list);
    return { statusPort: port };
  } catch (cause) {
    const detail = `${settings.status.listen}: ${systemWords("listen", cause)}`;
    core.faults.raise({ part: "status", code: "cannot-listen" }, detail);
    return {};
  }
};

const stopCar = async ({ gps, can, power }: CarParts, time: Time): Promise<void> => {
  await Promise.all([
    gps[Symbol.asyncDispose](),
    can?.[Symbol.asyncDispose](),
    // The service manager may not answer while the computer is being switched off.
    within(POWER_MS, power[Symbol.asyncDispose](), time),
  ]);
};

/** Writes the last reports, and sends them if a broker is connected, for a short time. */
const sendLast = async ({ outbox, link, options }: Core): Promise<void> => {
  const { time, log } = options.ports;
  // A store that is being scanned, or does not answer, would be waited for. What is in memory is written when it
  // is closed.
  const written = outbox
    .flush()
    .catch((cause: unknown) => log.error("not all reports could be written", { cause: reasonOf(cause) }));
  await within(FLUSH_MS, written, time);
  if (link.status.broker !== undefined) await within(FAREWELL_DRAIN_MS, link.drained(), time);
};

/** Gives what a newer copy of the memory knows to its owners, once it is found. */
const recalling = ({ recalled }: Core, { emergency }: Parts, commands: CommandPart): CommandPart => {
  recalled.listen((memory) => {
    emergency.recall(memory.emergency);
    commands.recall(memory.commands);
  });
  return commands;
};

/** Samples what the page shows of the past. */
const remember = ({ history, link, outbox, options }: Core, { gps }: Parts): void =>
  history.tick(
    options.ports.clock.mono(),
    () => gps.fix(),
    () => ({ records: recordsIn(outbox.waiting), connected: link.connected }),
  );

const isEmergencyOpen = ({ emergency }: PanicParts): boolean =>
  emergency.status.episodes.some(({ test, state }) => !test && state !== "cleared");

const questions = (
  { link, options }: Core,
  parts: Parts,
): Pick<Unit, "inEmergency" | "onBattery" | "now" | "retryLink"> => ({
  inEmergency: () => isEmergencyOpen(parts),
  onBattery: () => parts.can?.motion().ignition === "off",
  now: () => knownAt(options.ports.clock.now()),
  retryLink: () => link.hurry(),
});

/** What is seen now of the parts that must make progress. */
const signsOf = ({ outbox, link, options }: Core): Signs => {
  const { state } = outbox;
  const cause = state.kind === "away" || state.kind === "reopening" ? state.cause : undefined;
  return {
    mono: options.ports.time.mono(),
    isDiskSilent: cause instanceof NoAnswerError || outbox.isSilent,
    linkStillMs: link.stillMs,
  };
};

/** Says why a unit makes no progress, whenever it is asked, until it is disposed. */
const watchProgress = (core: Core): Disposable & { stuck(): string | undefined } => {
  let progress = PROGRESS;
  let isOver = false;
  return {
    stuck() {
      if (isOver) return undefined;
      const signs = signsOf(core);
      progress = observeProgress(progress, signs);
      return stuckBecause(progress, signs);
    },
    [Symbol.dispose]: () => void (isOver = true),
  };
};

/**
 * Starts a unit. Rejects with StoreError if the outbox cannot be opened, NameError if the unit's name has
 * changed too early.
 */
export const startUnit = async (options: UnitOptions): Promise<Unit> => {
  const { time, log } = options.ports;
  await using stack = new AsyncDisposableStack();
  let stopReason = "stopped";
  const stopping = new AbortController();

  const core = await openCore(options);
  const { outbox, link, event } = core;
  stack.use(outbox);
  const panic = openPanic(core, stack);
  const boot = announce(core);
  stack.defer(async () => {
    await link.stop(stopReason);
    log.info("stopped", { reason: stopReason });
  });
  const car = openCar(core, panic);
  const parts: Parts = { ...panic, ...car, custody: core.custody };
  stack.defer(async () => {
    stopping.abort();
    core.custody.stop();
    await stopCar(car, time);
    event({ type: "shutdown", reason: stopReason });
    await sendLast(core);
  });

  const commands = recalling(core, parts, openCommands(core, parts));
  const health = openHealth(core, parts, () => stopping.signal.aborted);
  const clockEvent = new ClockEvent(core);
  const tick = (): void => {
    clockEvent.tick();
    core.faults.tick();
    remember(core, parts);
    if (stopping.signal.aborted) return;
    commands.tick();
    panic.buttonTests.tick();
    parts.custody.tick(link);
    health.tick();
    if (!options.recorded) car.power.look();
  };
  car.gps.fixed.listen(() => clockEvent.tick());
  stack.use(time.every(TICK_MS, tick));
  const reach = new Reach();
  link.start(reach.watch(linkEvents(core, parts, commands)));
  const page = await openPage(core, parts, stack);
  log.info("started", { unit: core.name, boot: outbox.boot, version: VERSION, ...page });
  tick();

  // The last one in is the first one out: a unit that stops is not asked any more.
  const progress = stack.use(watchProgress(core));
  const restart = Promise.withResolvers<string>();
  core.restart.listen((reason) => restart.resolve(reason));
  const owned = stack.move();
  return {
    armed: panic.board?.asked ?? Promise.resolve(),
    ended: Promise.all([car.gps.ended, car.can?.ended]).then(() => undefined),
    async drained() {
      await outbox.flush();
      await link.drained();
    },
    restart: restart.promise,
    reached: () => reach.reached,
    proven: () => reach.reached && core.custody.covers(boot),
    ...questions(core, parts),
    announce: (data) => event(data),
    written: () => outbox.flush(),
    showResult: (sign, ms) => panic.emergency.showResult(sign, ms),
    stuck: () => progress.stuck(),
    stopBecause(reason) {
      stopReason = reason;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

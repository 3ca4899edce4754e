import { Link } from "../dispatch/link.ts";
import { unitName } from "../domain/identity.ts";
import type { StateMessage } from "../domain/messages.ts";
import type { Memory } from "../domain/memory.ts";
import { LANES, type Lane } from "../domain/pending.ts";
import type { Draft, EmergencyUpdate, EventData } from "../domain/report.ts";
import { isoInstant } from "../domain/time.ts";
import { createRoutes, type Routes } from "../domain/wire.ts";
import { removableCopies, renameWords, type Pending } from "../outbox/other-name.ts";
import { openOutbox, type Outbox, type OutboxFault } from "../outbox/outbox.ts";
import { Signal } from "../runtime/signal.ts";
import { History } from "../status/history.ts";
import { VERSION } from "../domain/version.ts";
import { credentialsOf } from "./credentials.ts";
import { CustodyPart } from "./custody.ts";
import { Faults } from "./faults.ts";
import type { UnitOptions } from "./ports.ts";

/**
 * What every part of a unit uses: the outbox, the link (not connecting yet), the faults, events and
 * reports.
 */
export type Core = {
  readonly options: UnitOptions;
  readonly name: string;
  readonly routes: Routes;
  readonly outbox: Outbox;
  readonly link: Link;
  readonly custody: CustodyPart;
  readonly faults: Faults;
  /** Whether the outbox can be written. */
  readonly writable: Signal<boolean>;
  /** Emergencies in the store that the memory lacks, or may have as they stood before: the newest report of each. */
  readonly orphans: Signal<EmergencyUpdate>;
  /** A newer memory than that with which the unit began. Only one listener. */
  readonly recalled: Signal<Memory>;
  /** Whether the link is connected to a broker. */
  readonly connected: Signal<boolean>;
  /** The reason to stop and restart the unit. */
  readonly restart: Signal<string>;
  readonly event: (data: EventData) => void;
  /** What the page shows of the past. */
  readonly history: History;
  /**
   * Appends a report to the outbox, and offers it to the link at once, unless its number might be used
   * again after a crash.
   */
  readonly report: (draft: Draft) => void;
  readonly state: (what: StateMessage["state"], connection?: number, reason?: string) => StateMessage;
};

/** The configured name differs from the name under which something is pending. */
class NameError extends Error {
  readonly code = "CONFIGURATION";
  constructor(before: string, name: string, pending: Pending) {
    const { expected, found, remedy } = renameWords(before, name, pending);
    super(`unit: expected ${expected}, found ${found}; ${remedy}`);
  }
}

/** While connected, telemetry waits this long for its PUBACK before it is written to disk. */
const LINGER_MS = 100;
const MIB = 1024 * 1024;

type Outside = {
  readonly stored: Signal<Lane>;
  readonly troubles: Signal<OutboxFault | undefined>;
  readonly news: Signal<string>;
  readonly gaps: Signal<EventData>;
  readonly spareUsed: Signal<string | undefined>;
  readonly orphans: Signal<EmergencyUpdate>;
  readonly recalled: Signal<Memory>;
  readonly connected: Signal<boolean>;
};

/** Rejects with StoreError if another process has the outbox, or if its disk has never been writable. */
const open = ({ settings, ports }: UnitOptions, name: string, on: Outside): Promise<Outbox> => {
  const { clock, time, random, disk } = ports;
  let lingerMs = 0;
  on.connected.listen((is) => {
    lingerMs = is ? LINGER_MS : 0;
  });
  return openOutbox({
    disk,
    unit: name,
    clock,
    time,
    random,
    maxBytes: settings.outbox.maxMiB * MIB,
    lingerMs: () => lingerMs,
    on: {
      stored: (lane) => on.stored.emit(lane),
      fault: (fault) => on.troubles.emit(fault),
      news: (line) => on.news.emit(line),
      gap: (gap) => on.gaps.emit(gap),
      spareUsed: (reason) => on.spareUsed.emit(reason),
      orphan: (report) => on.orphans.emit(report),
      recalled: (memory) => on.recalled.emit(memory),
      doubtful: () => on.news.emit("what was kept of open emergencies may be incomplete"),
    },
  });
};

/**
 * Remembers the unit's name. It may change only while no report with the old name is pending (contract
 * §1), and while no broker may have a retained emergency of the old name: nobody could remove it under
 * another name. Returns whether it has changed: then the outbox must be opened again. Rejects with NameError.
 */
const renamed = async (outbox: Outbox, name: string): Promise<boolean> => {
  if (outbox.memory.unit === undefined) outbox.remember({ unit: name });
  if (outbox.unit === name) return false;
  await outbox.opened;
  const { records } = await outbox.stats();
  const { emergency } = outbox.memory;
  const { episodes } = emergency;
  const copies = removableCopies(outbox.memory);
  if (records + episodes.length + copies.length > 0 || outbox.state.kind !== "open")
    throw new NameError(outbox.unit, name, { reports: records, copies: copies.length });
  outbox.remember({ emergency: { ...emergency, copies } });
  await outbox.rename(name);
  return true;
};

/** Opens the outbox under this name. Rejects as `open`, and with NameError if the name has changed too early. */
const openNamed = async (options: UnitOptions, name: string, on: Outside): Promise<Outbox> => {
  const outbox = await open(options, name, on);
  const again = await renamed(outbox, name).catch(async (cause: unknown) => {
    await outbox[Symbol.asyncDispose]();
    throw cause;
  });
  if (!again) return outbox;
  await outbox[Symbol.asyncDispose]();
  return open(options, name, on);
};

const stateOf =
  ({ ports }: UnitOptions, name: string, outbox: Outbox): Core["state"] =>
  (what, connection, reason) => {
    const { at, clock } = ports.clock.now();
    return {
      state: what,
      unit: name,
      store: outbox.store,
      boot: outbox.counted,
      ...(connection === undefined ? {} : { connection }),
      version: VERSION,
      ...(reason === undefined ? {} : { reason }),
      at: isoInstant(at),
      clock,
    };
  };

const createLink = (
  { settings, ports }: UnitOptions,
  routes: Routes,
  outbox: Outbox,
  state: Core["state"],
  custody: CustodyPart,
): Link => {
  const { clock, time, random, connect, compress } = ports;
  const { brokers, maxInFlightKiB, noSubscribers } = settings.dispatch;
  return new Link({
    brokers,
    connect,
    broker: credentialsOf(settings),
    routes,
    clock,
    time,
    random,
    compress,
    outbox,
    sessions: {
      // Another name of the unit, or another list of brokers: nothing waits there, or nobody can ask.
      kept: (outbox.memory.sessions ?? []).filter((url) => brokers.includes(url)),
      keep: (urls) => outbox.remember({ sessions: [...urls] }),
    },
    maxInFlightBytes: maxInFlightKiB * 1024,
    unheardCounts: (url) => noSubscribers === "settle" || custody.isHeard(url),
    unconfirmed: (url) => custody.isMoveDue(url),
    settlesUnheard: noSubscribers === "settle",
    state,
  });
};

/** Passes on what the outbox reports. */
const listenToStore = (
  outside: Outside,
  { link, faults, writable }: Pick<Core, "link" | "faults" | "writable">,
): void => {
  outside.stored.listen((lane) => link.stored(lane));
  outside.news.listen((line) => faults.note({ part: "outbox", code: "repaired" }, line));
  outside.spareUsed.listen((reason) => {
    const where = { part: "outbox", where: "vital file" } as const;
    if (reason === undefined) faults.clear(where, "the vital file is used again");
    else faults.raise({ ...where, code: "vital-file" }, `${reason}: its spare is used`);
  });
  outside.troubles.listen((fault) => {
    if (fault)
      faults.raise({ part: "outbox", code: fault.code }, `the outbox cannot be written: ${fault.detail}`);
    else faults.clear({ part: "outbox" }, "the outbox can be written again");
    writable.emit(fault === undefined);
    // Reports that cannot be written are sent from memory.
    if (fault) for (const lane of LANES) link.stored(lane);
  });
};

/**
 * Opens the outbox and makes the link. Rejects with StoreError if another process has the outbox, or if
 * its disk has never been writable, and with NameError if the unit's name has changed too early.
 */
export const openCore = async (options: UnitOptions): Promise<Core> => {
  const { clock, log } = options.ports;
  const name = unitName(options.settings.unit);
  const routes = createRoutes(options.settings.dispatch.prefix, name, options.bundle !== undefined);
  const outside: Outside = {
    stored: new Signal(),
    troubles: new Signal(),
    news: new Signal(),
    gaps: new Signal(),
    spareUsed: new Signal(),
    orphans: new Signal(),
    recalled: new Signal(),
    connected: new Signal(),
  };
  const outbox = await openNamed(options, name, outside);
  const history = new History();
  outside.gaps.listen((gap) => history.event(gap, clock.mono(), clock.now().at));
  const event = (data: EventData): void => {
    const now = clock.now();
    outbox.append({ kind: "event", data, ...now });
    history.event(data, clock.mono(), now.at);
  };
  const faults = new Faults({ log, event, mono: () => clock.mono() });
  const state = stateOf(options, name, outbox);
  const restart = new Signal<string>();
  const { custody: setting, requireSigned } = options.settings.dispatch;
  const custody = new CustodyPart({
    // A broker that keeps the receipts back must not get reports deleted after a day.
    setting: requireSigned && setting === "auto" ? "dispatch" : setting,
    outbox,
    clock,
    faults,
    log,
    restart: (reason) => restart.emit(reason),
  });
  const link = createLink(options, routes, outbox, state, custody);
  const writable = new Signal<boolean>();
  listenToStore(outside, { link, faults, writable });
  const report = (draft: Draft): void => {
    const made = outbox.append(draft);
    if (outbox.leased(made.seq)) link.offer(made);
  };
  const { connected, orphans, recalled } = outside;
  return {
    options,
    name,
    routes,
    outbox,
    link,
    custody,
    faults,
    writable,
    orphans,
    recalled,
    connected,
    restart,
    event,
    history,
    report,
    state,
  };
};

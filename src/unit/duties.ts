import { ReportCommand, type CommandMessage } from "../domain/messages.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { HealthData } from "../domain/report.ts";
import { isoInstant } from "../domain/time.ts";
import { lookAtClock, type ClockKnown } from "../policy/clock-event.ts";
import { reasonOf } from "../runtime/log.ts";
import { createHealthReporter, type HealthReporter } from "../status/health.ts";
import type { MachineHealth } from "../status/machine.ts";
import { VERSION } from "../domain/version.ts";
import { CommandPart } from "./commands.ts";
import type { Core } from "./core.ts";
import type { CustodyPart } from "./custody.ts";
import { boardHealth, buttonSettings } from "./panic.ts";
import type { CarParts, PanicParts } from "./parts.ts";

/** What a unit does besides its reports: health, commands, the status page, and the clock event. */
export type Parts = PanicParts & CarParts & { readonly custody: CustodyPart };

/** The delay of a `restart`, so that its answer is sent first. */
const RESTART_MS = 500;

/** What waits in the outbox: see `Outbox.stats`. */
export type Waiting = Awaited<ReturnType<Outbox["stats"]>>;

/** The unit's health, with these figures of the outbox and the machine. */
export const healthOf = (
  { link, options }: Core,
  { gps, can, board, buttonTests, custody }: Parts,
  { records, bytes, oldestAt }: Waiting,
  machine: MachineHealth,
): HealthData => {
  const { clock } = options.ports;
  const { buttons } = buttonSettings(options.settings);
  const expiresAt = options.certificateExpiresAt?.();
  const now = clock.now();
  const ageMs = oldestAt === undefined || now.clock === "unset" ? undefined : Math.max(0, now.at - oldestAt);
  return {
    uptimeS: Math.floor(clock.mono() / 1_000),
    version: VERSION,
    config: options.config,
    ...machine,
    outbox: {
      records,
      ...(ageMs === undefined ? {} : { oldestAgeS: Math.floor(ageMs / 1_000) }),
      bytes,
    },
    link: { ...link.status, custody: custody.health },
    gps: gps.health(),
    ...(can ? { can: can.health() } : {}),
    ...(board ? { panicBoard: { ...boardHealth(board, buttons), ...buttonTests.health() } } : {}),
    ...(expiresAt === undefined ? {} : { certificateExpiresAt: isoInstant(expiresAt) }),
  };
};

/**
 * The reporter of `health`. It reports nothing while the unit is stopping, or while the outbox has no
 * room.
 */
export const openHealth = (core: Core, parts: Parts, stopping: () => boolean): HealthReporter => {
  const { outbox, options, faults } = core;
  const { clock, log } = options.ports;
  const reporter = createHealthReporter({
    intervalS: options.settings.health.intervalS,
    mono: () => clock.mono(),
    read: async () => healthOf(core, parts, await outbox.stats(), options.ports.machine("health")),
    fix: () => parts.gps.health().fix,
    report(data) {
      if (!stopping() && !outbox.pressure()) core.report({ kind: "health", data, ...clock.now() });
    },
    onError: (cause) => log.error("health cannot be read", { cause: reasonOf(cause) }),
  });
  faults.changed.listen(() => reporter.due());
  return reporter;
};

const reportFor = ({ gps }: Parts, command: CommandMessage): string | undefined => {
  const asked = ReportCommand.safeParse(command);
  if (!asked.success) {
    const [issue] = asked.error.issues;
    return issue ? `${issue.path.join(".")}: ${issue.message}` : "it cannot be read";
  }
  const { forS, ...intervals } = asked.data;
  gps.reportFor(forS, intervals);
  return undefined;
};

const ANSWERS_DROPPED =
  "more answers to commands wait for the broker than the unit keeps: the oldest are dropped, and what became of their commands is in the command events";

/** The commands that dispatch can give, and what each does. */
export const openCommands = (core: Core, parts: Parts): CommandPart => {
  const { outbox, link, options, routes, event, faults, restart } = core;
  const { clock, log, time } = options.ports;
  return new CommandPart({
    outbox,
    clock,
    time,
    log,
    routes,
    event,
    // To wait instead would keep the client from reading the acknowledgements that make room.
    reply(route, payload) {
      if (link.reply(route, payload)) faults.note({ part: "link", code: "answers-dropped" }, ANSWERS_DROPPED);
    },
    connected: () => link.status.broker !== undefined,
    kinds: {
      ping: () => undefined,
      drill: () => parts.emergency.drill("dispatch"),
      locate() {
        parts.gps.locate();
        return undefined;
      },
      report: (command) => reportFor(parts, command),
      restart() {
        if (outbox.state.kind !== "open")
          return "the disk cannot be written: a restart would lose the reports that are only in memory";
        // Its id is on disk first: otherwise it would be run again when the broker delivers it again.
        time.after(RESTART_MS, () => {
          outbox.secure().then(
            () => restart.emit("asked by dispatch"),
            (cause: unknown) =>
              log.error("a restart is not made: its command cannot be stored", { cause: reasonOf(cause) }),
          );
        });
        return undefined;
      },
    },
  });
};

/**
 * Makes the `clock` events, with which dispatch corrects the reports that were made before. Those that are still unsent may
 * be sent by a later boot, which cannot correct them.
 */
export class ClockEvent {
  readonly #core: Core;
  #known: ClockKnown;

  constructor(core: Core) {
    this.#core = core;
    this.#known = { isKnown: core.options.ports.clock.now().clock !== "unset" };
  }

  tick(): void {
    const { outbox, options, event } = this.#core;
    const { clock } = options.ports;
    const mono = clock.mono();
    const now = { ...clock.when(mono), mono };
    const { known, isDue } = lookAtClock(this.#known, now);
    this.#known = known;
    if (isDue) event({ type: "clock", boot: outbox.boot, mono, at: isoInstant(now.at) });
  }
}

import { basename } from "node:path";
import type { BrokerStatus } from "../dispatch/link-events.ts";
import { LANES, type Lane } from "../domain/pending.ts";
import type { BrokerSnapshot, InstalledSnapshot, Snapshot } from "../domain/snapshot.ts";
import { VSS_VERSION } from "../domain/vss.ts";
import { Latest } from "../runtime/latest.ts";
import type { StatusActions } from "../status/server.ts";
import type { MachineHealth } from "../status/machine.ts";
import { commissioningOf } from "./commissioning/event.ts";
import { ListOnPage } from "./commissioning/on-page.ts";
import type { Core } from "./core.ts";
import { healthOf, type Parts } from "./duties.ts";
import { boardLoops, buttonSettings } from "./panic.ts";

/** What the unit's page shows and accepts. Nothing is read or kept for it while nobody asks. */

/** How long the disk is waited for; after that its last answer counts. */
const DISK_MS = 500;
/** Figures that the system is asked for are at most this old. */
const SYSTEM_MS = 5_000;

/** `now`: on the clock of `time.mono`. */
const brokerOf = ({ url, state, fault, rtt }: BrokerStatus, now: number): BrokerSnapshot => ({
  url,
  state,
  ...(fault === undefined ? {} : { fault }),
  ...(rtt === undefined ? {} : { rttMs: rtt.ms, rttAgeS: Math.floor((now - rtt.at) / 1_000) }),
});

/** Records of all lanes. */
export const recordsIn = (lanes: Readonly<Record<Lane, number>>): number =>
  LANES.reduce((sum, lane) => sum + lanes[lane], 0);

/** Makes snapshots. */
class Snapshots {
  readonly #core: Core;
  readonly #parts: Parts;
  readonly #installed: Latest<InstalledSnapshot> | undefined;
  #machine: { readonly at: number; readonly figures: MachineHealth } | undefined;

  constructor(core: Core, parts: Parts) {
    this.#core = core;
    this.#parts = parts;
    const { options } = core;
    const { time } = options.ports;
    this.#installed =
      options.installed && new Latest({ ask: options.installed, time, waitMs: DISK_MS, freshMs: SYSTEM_MS });
  }

  async read(): Promise<Snapshot> {
    const [core, parts] = [this.#core, this.#parts];
    const { clock, time } = core.options.ports;
    const stats = await core.outbox.stats();
    const lanes = core.outbox.waiting;
    const waiting = { ...stats, records: recordsIn(lanes) };
    const installed = await this.#installed?.read();
    const satellites = await parts.gps.satellites();
    const position = parts.gps.fix();
    const now = time.mono();
    const health = healthOf(core, parts, waiting, this.#readMachine());
    return {
      ...core.state(core.link.connected ? "online" : "offline"),
      clock: clock.now().clock,
      mono: clock.mono(),
      vss: VSS_VERSION,
      ...health,
      ...(installed ? { installed } : {}),
      outbox: {
        ...health.outbox,
        lanes,
        disk: core.outbox.state.kind,
        store: core.outbox.store,
        history: core.history.outbox,
      },
      link: { ...health.link, brokers: core.link.brokers.map((one) => brokerOf(one, now)) },
      gps: { ...health.gps, configured: core.options.settings.gps !== undefined },
      ...(position ? { position } : {}),
      trail: core.history.trail,
      satellites,
      ...this.#can(),
      ...this.#board(health.panicBoard),
      faults: core.faults.active.map(({ part, code, where, detail }) => ({ part, code, where, detail })),
      emergency: parts.emergency.status,
      events: core.history.events,
    };
  }

  #readMachine(): MachineHealth {
    const { clock, machine } = this.#core.options.ports;
    const now = clock.mono();
    if (!this.#machine || now - this.#machine.at >= SYSTEM_MS)
      this.#machine = { at: now, figures: machine("page") };
    return this.#machine.figures;
  }

  #can(): Pick<Snapshot, "can"> {
    const { can } = this.#parts;
    const settings = this.#core.options.settings.can;
    if (!can) return {};
    const names = settings && {
      interface: settings.interface,
      database: basename(settings.database),
      ...(settings.profile === undefined ? {} : { profile: basename(settings.profile) }),
    };
    return { can: { ...can.health(), ...names, signals: can.signals() } };
  }

  #board(health: Snapshot["panicBoard"]): Pick<Snapshot, "panicBoard"> {
    const { board } = this.#parts;
    if (!board || !health) return {};
    const { buttons } = buttonSettings(this.#core.options.settings);
    return { panicBoard: { ...health, ...boardLoops(board, buttons) } };
  }
}

/** What the status server needs of the unit: see `StatusActions`. */
export const statusActions = (
  core: Core,
  parts: Parts,
): Omit<StatusActions, "list"> & { readonly list: ListOnPage } => {
  const snapshots = new Snapshots(core, parts);
  const { emergency, loan } = parts;
  const commissioning = commissioningOf(core);
  const list = new ListOnPage(core, parts, commissioning, () => snapshots.read());
  return {
    async status() {
      const shown = list.shown();
      return { ...(await snapshots.read()), ...(shown ? { commissioning: shown } : {}) };
    },
    lamp() {
      const { lamp, lampDrill, quiet } = emergency.status;
      const t = core.options.ports.time.host();
      return { t, lamp, drill: lampDrill, ...(quiet ? { sounder: false } : {}) };
    },
    lampChanged: (listener) => emergency.lampChanged.listen(listener),
    drill: () => emergency.drill("technician"),
    disarm() {
      emergency.give({ kind: "no-drill" });
      return undefined;
    },
    lend: () => loan.lend(),
    takeBack: () => loan.takeBack(),
    commissioned: (order) => commissioning.receive(order),
    list,
  };
};

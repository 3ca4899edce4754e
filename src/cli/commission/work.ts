import { existsSync } from "node:fs";
import { advance } from "../../commissioning/advance.ts";
import { isArmed } from "../../commissioning/buttons.ts";
import { isOver, type List, type ListEvent, type Order } from "../../commissioning/list.ts";
import { seenIn } from "../../commissioning/snapshot.ts";
import { reasonOf } from "../../runtime/log.ts";
import { systemTime } from "../../runtime/time.ts";
import { pause } from "../../runtime/wait.ts";
import { isFailed } from "../doctor/finding.ts";
import { tryBroker } from "../doctor/broker.ts";
import { askUnit } from "../lib/ask-unit.ts";
import { CommandError, EXIT } from "../lib/command.ts";
import { statusOf, type Car } from "./car.ts";
import type { Display } from "./display.ts";

/** The loop that works through a list: asks the service, performs orders, shows what has changed. */

const LOOK_MS = 500;
/** The service may be silent for so long, for example while its disk is slow. */
const AWAY_MS = 30_000;
/** systemd-logind has this file while a power-off is scheduled. */
const SCHEDULED = "/run/systemd/shutdown/scheduled";

/** HTTP statuses: the unit refuses now; success. */
const CONFLICT = 409;
const DONE = 204;

export type Job = {
  readonly car: Car;
  readonly list: List;
  readonly triesPowerOff: boolean;
  readonly withinMs: number;
  readonly display: Display;
  /** Aborted: the technician leaves, and there is no report. */
  readonly signal: AbortSignal;
};

export class Work {
  readonly #job: Job;
  readonly #until: number;
  /** Orders about drills that are being performed: at most one of each kind. */
  readonly #drills = new Set<Promise<void>>();
  #list: List;
  #failure: { readonly cause: unknown } | undefined;
  #heardAt = systemTime.mono();

  constructor(job: Job) {
    this.#job = job;
    this.#list = job.list;
    this.#until = systemTime.mono() + job.withinMs;
  }

  get list(): List {
    return this.#list;
  }

  /** Gives the list an event, performs the orders, and shows what has changed. */
  give(event: ListEvent): void {
    const before = this.#list;
    const { list, orders } = advance(before, event, systemTime.mono());
    this.#list = list;
    this.#job.display.changed(before, list);
    for (const order of orders) this.#perform(order);
  }

  /**
   * Works until each step has ended, the list is broken, or the technician leaves. Rejects with a CommandError (69)
   * if the service does not answer any more. A drill that is armed at the end is disarmed.
   */
  async run(): Promise<List> {
    const { signal, display } = this.#job;
    try {
      while (!signal.aborted && !isOver(this.#list) && this.#list.broken === undefined) {
        // oxlint-disable-next-line no-await-in-loop -- looked again and again
        await this.#look();
        if (this.#failure) throw this.#failure.cause;
        if (systemTime.mono() >= this.#until) this.give({ kind: "end", by: "time" });
        display.instruct(this.#list, systemTime.mono());
        // oxlint-disable-next-line no-await-in-loop
        if (!isOver(this.#list)) await pause(LOOK_MS, signal, systemTime);
      }
    } finally {
      await this.#end();
    }
    return this.#list;
  }

  async #end(): Promise<void> {
    await Promise.all(this.#drills);
    if (isArmed(this.#list)) await this.#order("DELETE").catch(() => undefined); // nobody is there to disarm
  }

  async #look(): Promise<void> {
    const { car, triesPowerOff } = this.#job;
    try {
      const status = seenIn(await statusOf(car.address));
      this.#heardAt = systemTime.mono();
      this.give({ kind: "status", status, ...(triesPowerOff ? { scheduled: existsSync(SCHEDULED) } : {}) });
    } catch (cause) {
      const isAway = cause instanceof CommandError && cause.exit === EXIT.unavailable;
      if (!isAway || systemTime.mono() - this.#heardAt > AWAY_MS) throw cause;
      this.give({ kind: "away", why: cause.message });
    }
  }

  #perform(order: Order): void {
    if (order.kind === "try-broker") {
      void this.#tryBroker(order.url);
      return;
    }
    const done = (order.kind === "arm" ? this.#arm() : this.#disarm())
      .catch((cause: unknown) => void (this.#failure ??= { cause }))
      .finally(() => void this.#drills.delete(done));
    this.#drills.add(done);
  }

  /** `tryBroker` does not reject for what a broker does. */
  async #tryBroker(url: string): Promise<void> {
    try {
      const finding = await tryBroker(url, this.#job.car.configuration.settings, true);
      const { says, cure } = finding;
      const whole = cure === undefined ? says : `${says}: ${cure}`;
      this.give({ kind: "broker", url, says: whole, failed: isFailed(finding) });
    } catch (cause) {
      this.give({ kind: "broker", url, says: reasonOf(cause), failed: true });
    }
  }

  /** The unit's refusal; undefined: done. Rejects with a CommandError (69). */
  async #order(method: "POST" | "DELETE"): Promise<string | undefined> {
    const { status, text } = await askUnit(this.#job.car.address, "/drill", method);
    if (status === DONE) return undefined;
    if (status === CONFLICT) return text.trim();
    throw new CommandError(EXIT.unavailable, `no drill: ${text.trim()} (${status})`);
  }

  async #arm(): Promise<void> {
    this.give({ kind: "armed", why: await this.#order("POST") });
  }

  async #disarm(): Promise<void> {
    await this.#order("DELETE");
  }
}

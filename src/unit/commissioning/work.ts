import { advance } from "../../commissioning/advance.ts";
import { isArmed } from "../../commissioning/buttons.ts";
import { isOver, type List, type ListEvent, type Order } from "../../commissioning/list.ts";
import { reasonOf } from "../../runtime/log.ts";
import type { Time } from "../../runtime/ports.ts";
import { pause } from "../../runtime/wait.ts";

/** The loop that works through a list: looks at the unit, performs orders, shows what has changed. */

const LOOK_MS = 500;
/** The unit may be out of sight for so long, for example while its disk is slow. */
export const AWAY_MS = 30_000;
/** systemd-logind has this file while a power-off is scheduled. */
export const SCHEDULED = "/run/systemd/shutdown/scheduled";

/** What the loop does to the unit: the service in its own process, the command over HTTP. */
export type WorkPorts = {
  readonly time: Time;
  /** The unit as it is now, or that it cannot be seen for a moment. Rejects: the list cannot go on. */
  readonly look: () => Promise<ListEvent & { readonly kind: "status" | "away" }>;
  /** Tries a broker. `cure`: why it cannot be used, absent: it can. Rejects: it cannot be used either. */
  readonly tryBroker: (url: string) => Promise<{ readonly says: string; readonly cure?: string | undefined }>;
  /** Arms a drill. Resolves with the reason if the unit refuses. Rejects: the list cannot go on. */
  readonly arm: () => Promise<string | undefined>;
  readonly disarm: () => Promise<void>;
};

export type Job = {
  readonly ports: WorkPorts;
  readonly list: List;
  readonly withinMs: number;
  /** Called at each change of the list, and after each look. */
  readonly display: {
    readonly changed: (before: List, after: List) => void;
    readonly instruct: (list: List, mono: number) => void;
  };
  /** Aborted: the list is left, and there is no report. */
  readonly signal: AbortSignal;
};

export class Work {
  readonly #job: Job;
  readonly #until: number;
  /** Orders about drills that are being performed: at most one of each kind. */
  readonly #drills = new Set<Promise<void>>();
  #list: List;
  #failure: { readonly cause: unknown } | undefined;

  constructor(job: Job) {
    this.#job = job;
    this.#list = job.list;
    this.#until = job.ports.time.mono() + job.withinMs;
  }

  get list(): List {
    return this.#list;
  }

  /** Milliseconds until the list ends by itself. */
  get leftMs(): number {
    return Math.max(0, this.#until - this.#job.ports.time.mono());
  }

  /** Gives the list an event, performs the orders, and shows what has changed. */
  give(event: ListEvent): void {
    const before = this.#list;
    const { list, orders } = advance(before, event, this.#job.ports.time.mono());
    this.#list = list;
    this.#job.display.changed(before, list);
    for (const order of orders) this.#perform(order);
  }

  /**
   * Works until each step has ended, the list is broken, or it is left. Rejects if the unit cannot be seen or ordered
   * any more. A drill that is armed at the end is disarmed.
   */
  async run(): Promise<List> {
    const { signal, display, ports } = this.#job;
    try {
      while (!signal.aborted && !isOver(this.#list) && this.#list.broken === undefined) {
        // oxlint-disable-next-line no-await-in-loop -- looked again and again
        this.give(await ports.look());
        if (this.#failure) throw this.#failure.cause;
        if (this.leftMs === 0) this.give({ kind: "end", by: "time" });
        display.instruct(this.#list, ports.time.mono());
        // oxlint-disable-next-line no-await-in-loop
        if (!isOver(this.#list)) await pause(LOOK_MS, signal, ports.time);
      }
    } finally {
      await this.#end();
    }
    return this.#list;
  }

  async #end(): Promise<void> {
    await Promise.all(this.#drills);
    if (isArmed(this.#list)) await this.#job.ports.disarm().catch(() => undefined); // nobody is there to disarm
  }

  #perform(order: Order): void {
    if (order.kind === "try-broker") {
      void this.#tryBroker(order.url);
      return;
    }
    const done = (order.kind === "arm" ? this.#arm() : this.#job.ports.disarm())
      .catch((cause: unknown) => void (this.#failure ??= { cause }))
      .finally(() => void this.#drills.delete(done));
    this.#drills.add(done);
  }

  async #tryBroker(url: string): Promise<void> {
    try {
      const { says, cure } = await this.#job.ports.tryBroker(url);
      const whole = cure === undefined ? says : `${says}: ${cure}`;
      this.give({ kind: "broker", url, says: whole, failed: cure !== undefined });
    } catch (cause) {
      this.give({ kind: "broker", url, says: reasonOf(cause), failed: true });
    }
  }

  async #arm(): Promise<void> {
    this.give({ kind: "armed", why: await this.#job.ports.arm() });
  }
}

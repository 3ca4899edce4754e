import { existsSync } from "node:fs";
import { beginList } from "../../commissioning/begin.ts";
import { isArmed } from "../../commissioning/buttons.ts";
import type { List } from "../../commissioning/list.ts";
import { planFor, type Fitted } from "../../commissioning/plan.ts";
import { seenIn } from "../../commissioning/snapshot.ts";
import type { ListOrder } from "../../domain/commissioning.ts";
import type { Snapshot } from "../../domain/snapshot.ts";
import type { ListSnapshot } from "../../domain/snapshot/commissioning.ts";
import { lockFolder } from "../../runtime/lock.ts";
import { reasonOf, type Log } from "../../runtime/log.ts";
import type { Time } from "../../runtime/ports.ts";
import { within } from "../../runtime/wait.ts";
import type { Refusal } from "../../status/list-routes.ts";
import { finish, ReportError, type Finished, type Place } from "./finish.ts";
import { identityOf, type Identity } from "./identity.ts";
import { lockList } from "./list-lock.ts";
import { conflict, judgeOrder, NO_LIST } from "./list-order.ts";
import { shownList } from "./shown-list.ts";
import { AWAY_MS, SCHEDULED, Work, type WorkPorts } from "./work.ts";

/**
 * The commissioning list of the page: the service works through it itself, one at a time. It goes on when the browser
 * goes away, and ends by itself after its time limit.
 */

export type PageListOptions = Pick<WorkPorts, "tryBroker" | "arm" | "disarm"> & {
  readonly time: Time;
  readonly log: Log;
  readonly place: Place;
  /** Where the unit's key and certificate are. */
  readonly identity: Parameters<typeof identityOf>[0];
  /** sha256 of the configuration in force, hex. */
  readonly config: string;
  readonly fitted: (triesPowerOff: boolean) => Fitted;
  readonly snapshot: () => Promise<Snapshot>;
  /** Accepts a signed report, for dispatch. Resolves with the reason if it is refused. */
  readonly accept: (signed: string) => Promise<string | undefined>;
};

/** As long as a list on the command line. */
const WITHIN_MS = 3_600_000;
/** The result is shown for so long, unless somebody closes it. */
const SHOWN_MS = 3_600_000;
/** Another process may be installing a configuration, which takes some 100 ms. */
const LOCK_MS = 10_000;
/** A stop waits so long for a report that is being written. */
const STOP_MS = 1_000;

type Working = {
  readonly kind: "working";
  readonly technician: string;
  readonly work: Work;
  readonly left: AbortController;
};
type Over = {
  readonly kind: "over";
  readonly technician: string;
  readonly list: List;
  readonly at: number;
  readonly over: NonNullable<ListSnapshot["over"]>;
};
type State = { readonly kind: "none" } | { readonly kind: "opening" } | Working | Over;

export class PageList {
  readonly #options: PageListOptions;
  #state: State = { kind: "none" };
  /** The list before, which may still be disarming a drill after it was left. */
  #ended: Promise<void> = Promise.resolve();

  constructor(options: PageListOptions) {
    this.#options = options;
  }

  /** Opens a list. Resolves with the reason if that cannot be done now. */
  async begin(order: ListOrder): Promise<Refusal | undefined> {
    const before = this.#state;
    if (before.kind === "opening" || before.kind === "working")
      return conflict("open", "a list is open: end it first");
    this.#state = { kind: "opening" };
    const opened = await this.#open(order).catch((cause: unknown) => conflict("failed", reasonOf(cause)));
    if ("code" in opened) this.#state = before;
    else this.#state = opened;
    return "code" in opened ? opened : undefined;
  }

  /** Performs what somebody asks for. `local`: from this machine. Returns the reason if it cannot be done. */
  step(order: unknown, local: boolean): Refusal | undefined {
    if (this.#state.kind !== "working") return NO_LIST;
    const { work } = this.#state;
    const judged = judgeOrder(order, work.list, local, this.#options.time.mono());
    if ("code" in judged) return judged;
    work.give(judged);
    return judged.kind === "ready" && !isArmed(work.list)
      ? conflict("failed", "a drill is armed already: press a button, or wait until it ends")
      : undefined;
  }

  /** Leaves the list without a report, or closes the result of one that is over. */
  leave(): Refusal | undefined {
    const state = this.#state;
    if (state.kind === "none" || state.kind === "opening") return NO_LIST;
    if (state.kind === "working") {
      state.left.abort();
      this.#options.log.info("the commissioning list was left", { technician: state.technician });
    }
    // What still ends belongs to no list any more.
    this.#state = { kind: "none" };
    return undefined;
  }

  /** What the page shows. Undefined: no list. */
  shown(): ListSnapshot | undefined {
    const state = this.#state;
    const mono = this.#options.time.mono();
    if (state.kind === "over" && mono - state.at > SHOWN_MS) this.#state = { kind: "none" };
    if (state.kind === "working") {
      const { technician, work } = state;
      return shownList(work.list, mono, { technician, leftS: Math.ceil(work.leftMs / 1_000) });
    }
    if (this.#state.kind !== "over") return undefined;
    const { technician, list, over } = this.#state;
    return shownList(list, mono, { technician, over });
  }

  /** The service stops: a list that is open has no report. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.kind !== "working") return;
    this.#state.left.abort();
    await within(STOP_MS, this.#ended, this.#options.time);
  }

  async #open({ technician, tryPowerOff = false }: ListOrder): Promise<Refusal | Working> {
    const { time, place, log, fitted } = this.#options;
    let identity: Identity;
    try {
      identity = identityOf(this.#options.identity);
    } catch (cause) {
      return conflict("no-identity", `the unit has no key to sign the report: ${reasonOf(cause)}`);
    }
    await this.#ended;
    const lock = await lockList(place, time);
    if (!lock) return conflict("elsewhere", "a list is open on the command line: end it there first");
    const left = new AbortController();
    const work: Work = new Work({
      ports: this.#ports(tryPowerOff),
      list: beginList(planFor(fitted(tryPowerOff)), time.mono(), true),
      withinMs: WITHIN_MS,
      display: { changed: () => undefined, instruct: () => undefined },
      signal: left.signal,
    });
    this.#ended = this.#work(work, technician, identity, left.signal).finally(() => lock[Symbol.dispose]());
    log.info("a commissioning list was opened on the page", { technician });
    return { kind: "working", technician, work, left };
  }

  #ports(triesPowerOff: boolean): WorkPorts {
    const { time, snapshot, tryBroker, arm, disarm } = this.#options;
    let seenAt = time.mono();
    return {
      time,
      async look() {
        try {
          const status = seenIn(await snapshot());
          seenAt = time.mono();
          return { kind: "status", status, ...(triesPowerOff ? { scheduled: existsSync(SCHEDULED) } : {}) };
        } catch (cause) {
          if (time.mono() - seenAt > AWAY_MS) throw cause;
          return { kind: "away", why: reasonOf(cause) };
        }
      },
      tryBroker,
      arm,
      disarm,
    };
  }

  /** Works until the list is over or left. Does not reject. */
  async #work(work: Work, technician: string, identity: Identity, signal: AbortSignal): Promise<void> {
    const { log, time } = this.#options;
    let over: Over["over"];
    try {
      const list = await work.run();
      if (signal.aborted) return;
      over = await this.#finish(list, technician, identity);
    } catch (cause) {
      over = { fault: reasonOf(cause) };
      log.error("the commissioning list has no report", { cause: reasonOf(cause) });
    }
    if (signal.aborted) return;
    this.#state = { kind: "over", technician, list: work.list, at: time.mono(), over };
  }

  async #finish(list: List, technician: string, identity: Identity): Promise<Over["over"]> {
    const { place, time, snapshot, config, accept } = this.#options;
    let finished: Finished;
    {
      using lock = await lockFolder(place.root.dir, LOCK_MS, time);
      if (!lock) throw new ReportError(`another patrol-unit is changing ${place.root.dir}: try again`);
      const ended = { list, technician, snapshot: await snapshot(), config, mono: time.mono() };
      finished = await finish(place, identity, ended);
    }
    const refused = await accept(finished.jws);
    const { report, number } = finished;
    return {
      result: report.result,
      report: number,
      ...(refused === undefined ? {} : { fault: `dispatch is not told: ${refused}` }),
    };
  }
}

import type { X509Certificate } from "node:crypto";
import { CommissioningOrder, eventOf } from "../../domain/commissioning.ts";
import type { EventData } from "../../domain/report.ts";
import { reasonOf, type Log } from "../../runtime/log.ts";
import type { Core } from "../core.ts";

/**
 * Sends the event of a commissioning. Whoever worked through the list, the command or the page, hands over the signed report, not the
 * event: only who has the unit's key can make one, so no other program on this machine can claim a commissioning.
 */
export type CommissioningOptions = {
  /** `directorate/id` */
  readonly unit: string;
  readonly store: () => string;
  readonly boot: () => number;
  /** The certificate in use. Undefined: the unit has none, and no report counts. */
  readonly certificate: () => X509Certificate | undefined;
  readonly event: (data: EventData) => void;
  /** Resolves when the events are on disk. */
  readonly flush: () => Promise<void>;
  readonly log: Log;
};

/** Reports of this boot whose event was made: the oldest is forgotten, and could make a second event. */
const MADE_MAX = 16;

export class Commissioning {
  readonly #options: CommissioningOptions;
  readonly #made: string[] = [];

  constructor(options: CommissioningOptions) {
    this.#options = options;
  }

  /**
   * Makes the event of a report that this unit's key has signed in this boot, and resolves when it is on disk. A report
   * that comes again makes no second event. Returns why it is refused; undefined: the event is made.
   */
  async receive(order: unknown): Promise<string | undefined> {
    const { unit, store, boot, event, flush, log } = this.#options;
    const { data } = CommissioningOrder.safeParse(order);
    if (!data) return 'expected {"report":"…"} with a signed report';
    // Loaded when a car is commissioned: most starts see none.
    const { openReport } = await import("../../bundle/signed-report.ts");
    const opened = await openReport(data.report);
    if ("refused" in opened) return `the report is refused: ${opened.refused}`;
    const { report, chain, sha256 } = opened;
    const own = this.#options.certificate();
    if (!own || !chain[0]?.publicKey.equals(own.publicKey))
      return "the report is refused: it is not signed by the key that this unit uses";
    if (report.unit !== unit || report.store !== store() || report.boot !== boot())
      return "the report is refused: it is about another unit, or about an earlier start of this one";
    if (!this.#made.includes(report.id)) {
      this.#made.push(report.id);
      this.#made.splice(0, this.#made.length - MADE_MAX);
      event(eventOf(report, sha256));
      log.info("the unit was commissioned", { report: report.id, result: report.result });
    }
    try {
      await flush();
    } catch (cause) {
      return `the event is made, and cannot be written to the disk: ${reasonOf(cause)}`;
    }
    return undefined;
  }
}

/** Of a unit that runs. */
export const commissioningOf = ({ name, outbox, options, event }: Core): Commissioning =>
  new Commissioning({
    unit: name,
    store: () => outbox.store,
    boot: () => outbox.counted,
    certificate: () => options.certificate?.(),
    event,
    flush: () => outbox.flush(),
    log: options.ports.log,
  });

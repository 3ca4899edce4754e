import type { FaultCode } from "../domain/faults.ts";
import type { EventData, Part } from "../domain/report.ts";
import { Damping, type Change, type Condition, type News } from "../policy/damping.ts";
import type { Log } from "../runtime/log.ts";
import { Signal } from "../runtime/signal.ts";

export type FaultsOptions = {
  readonly log: Log;
  readonly event: (data: EventData) => void;
  /** Milliseconds on a clock that never jumps. */
  readonly mono: () => number;
};

/** A part, or one loop, broker, topic or interface of it. */
type Place = { readonly part: Part; readonly where?: string };

/**
 * The one place for the unit's faults. Each part reports its state. Changes are damped and reported once,
 * to the log and to dispatch.
 */
export class Faults {
  readonly #options: FaultsOptions;
  readonly #damping = new Damping();
  /** A fault has begun or is over: health is due. */
  readonly changed = new Signal<Change>();

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /** Conditions that are faulty now. */
  get active(): readonly Change[] {
    return this.#damping.active;
  }

  /**
   * A fault has begun. It replaces a fault with another code at the same place, whose end is reported
   * first.
   */
  raise(condition: Condition, detail: string): void {
    const ended = `it is now ${condition.code}: ${detail}`;
    for (const one of this.#at(condition))
      if (one.code !== condition.code) this.#change({ ...one, faulty: false, detail: ended }, true);
    this.#change({ ...condition, faulty: true, detail }, true);
  }

  /** A fault has begun. Other faults at this place stay: a key can be wrong in several ways. */
  add(condition: Condition, detail: string): void {
    this.#change({ ...condition, faulty: true, detail }, true);
  }

  /** A fault is over. Without a code: every fault at this place. */
  clear(condition: Place & { readonly code?: FaultCode }, detail: string): void {
    for (const one of this.#at(condition)) {
      if (condition.code !== undefined && one.code !== condition.code) continue;
      this.#change({ ...one, faulty: false, detail }, true);
    }
  }

  /** Something went wrong once and is over. Other faults at this place stay. */
  note(condition: Condition, detail: string): void {
    if (this.#at(condition).some(({ code }) => code === condition.code)) return; // the fault is active, so it is reported already
    this.#change({ ...condition, faulty: true, detail }, true);
    this.#change({ ...condition, faulty: false, detail }, false);
  }

  /** Called about once a second. */
  tick(): void {
    for (const news of this.#damping.tick(this.#options.mono())) this.#announce(news);
  }

  #at({ part, where }: Place): Change[] {
    return this.#damping.active.filter((one) => one.part === part && one.where === where);
  }

  #change(change: Change, reported: boolean): void {
    const begunOrOver = this.#at(change).some(({ code }) => code === change.code) !== change.faulty;
    const news = this.#damping.change(change, this.#options.mono());
    // The report that announces the damping is always made.
    if (news && (reported || news.flapping)) this.#announce(news);
    // A fault that is raised again, as at each attempt to open a device, makes no health due.
    if (begunOrOver) this.changed.emit(change);
  }

  #announce({ part, code, where, detail, faulty, flapping }: News): void {
    const { log, event } = this.#options;
    const text = flapping ? `${detail} (it changes often: reported again when it is steady)` : detail;
    log[faulty ? "warn" : "info"](text, { part, ...(faulty ? { fault: code } : {}) });
    event({
      type: faulty ? "fault" : "recovered",
      part,
      code,
      ...(where === undefined ? {} : { where }),
      detail: text,
    });
  }
}

import type { FaultCode } from "../domain/faults.ts";
import type { EventData, Part } from "../domain/report.ts";
import { Damping, type Change, type Condition, type News } from "../policy/damping.ts";
import type { Log } from "../runtime/log.ts";
import { Signal } from "../runtime/signal.ts";

/**
 * The one place where the unit's faults meet: each part reports how it is, and this reports what has
 * changed, once, damped, to the log and to dispatch.
 */
export type FaultsOptions = {
  readonly log: Log;
  readonly event: (data: EventData) => void;
  /** Milliseconds on a clock that never jumps. */
  readonly mono: () => number;
};

/** Where something can be wrong. */
type Place = { readonly part: Part; readonly where?: string };

export class Faults {
  readonly #options: FaultsOptions;
  readonly #damping = new Damping();
  /** Something that `health` tells has changed. */
  readonly changed = new Signal<Change>();

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /** Conditions that are faulty now. */
  get active(): readonly Change[] {
    return this.#damping.active;
  }

  /** Something does not work. Another code of the same part and place takes the place of the one before. */
  raise(condition: Condition, detail: string): void {
    for (const one of this.#at(condition))
      if (one.code !== condition.code) this.#change({ ...one, faulty: false, detail }, false);
    this.#change({ ...condition, faulty: true, detail }, true);
  }

  /** It works again; `condition` without a code: whatever was wrong there. */
  clear(condition: Place & { readonly code?: FaultCode }, detail: string): void {
    for (const one of this.#at(condition)) {
      if (condition.code !== undefined && one.code !== condition.code) continue;
      this.#change({ ...one, faulty: false, detail }, true);
    }
  }

  /** Something went wrong once, and is over. What else is wrong there stays so. */
  note(condition: Condition, detail: string): void {
    if (this.#at(condition).some(({ code }) => code === condition.code)) return; // it is wrong now: reported already
    this.#change({ ...condition, faulty: true, detail }, true);
    this.#change({ ...condition, faulty: false, detail }, false);
  }

  /** Called about once a second. */
  tick(): void {
    for (const news of this.#damping.tick(this.#options.mono())) this.#say(news);
  }

  #at({ part, where }: Place): Change[] {
    return this.#damping.active.filter((one) => one.part === part && one.where === where);
  }

  #change(change: Change, said: boolean): void {
    const news = this.#damping.change(change, this.#options.mono());
    // That further changes are not reported is said in any case.
    if (news && (said || news.flapping)) this.#say(news);
    this.changed.emit(change);
  }

  #say({ part, code, where, detail, faulty, flapping }: News): void {
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

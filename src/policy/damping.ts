import type { FaultName } from "../domain/faults.ts";

/**
 * Which changes of a fault are reported (contract §3): at most six a minute for one (part, code, where);
 * after that, one report says that the fault changes often, and the next follows when the fault has been
 * steady for a minute. Pure: `now` is in milliseconds.
 */
export type Condition = FaultName & {
  /** The loop, broker, topic or interface. */
  readonly where?: string;
};

export type Change = Condition & { readonly faulty: boolean; readonly detail: string };

/** A change to report. `flapping`: further changes are not reported until the fault is steady. */
export type News = Change & { readonly flapping?: true };

const WINDOW_MS = 60_000;
const CHANGES = 6;
/**
 * The most conditions that are remembered. Beyond that, the condition without a fault that changed
 * longest ago is forgotten; if all are faulty, the one that changed longest ago.
 */
const REMEMBERED = 256;

type Known = {
  /** As it is now. */
  now: Change;
  changedAt: number[];
  damped: boolean;
};

const nameOf = ({ part, code, where = "" }: Condition): string => `${part} ${code} ${where}`;

/** Keeps the state of each condition and decides which changes are reported. */
export class Damping {
  readonly #known = new Map<string, Known>();

  /** Conditions that are faulty now. */
  get active(): Change[] {
    return [...this.#known.values()].map(({ now }) => now).filter(({ faulty }) => faulty);
  }

  /** Records the state of a condition at `now`. Undefined: there is nothing to report. */
  change(change: Change, now: number): News | undefined {
    const name = nameOf(change);
    const known = this.#known.get(name) ?? {
      now: { ...change, faulty: false },
      changedAt: [],
      damped: false,
    };
    if (known.now.faulty === change.faulty) {
      // Only its words have changed: no event, but what is shown must be true.
      known.now = change;
      return undefined;
    }
    known.now = change;
    this.#known.delete(name);
    this.#known.set(name, known);
    this.#forget();
    known.changedAt = [...known.changedAt.filter((at) => now - at < WINDOW_MS), now].slice(-CHANGES - 1);
    if (known.damped) return undefined;
    if (known.changedAt.length > CHANGES) {
      known.damped = true;
      return { ...change, flapping: true };
    }
    return change;
  }

  /** Called about once a second. Returns the conditions that have become steady, as they are now. */
  tick(now: number): News[] {
    const news: News[] = [];
    for (const known of this.#known.values()) {
      if (!known.damped || now - known.changedAt.at(-1)! < WINDOW_MS) continue;
      known.damped = false;
      known.changedAt = [];
      news.push(known.now);
    }
    return news;
  }

  #forget(): void {
    if (this.#known.size <= REMEMBERED) return;
    for (const [name, { now, damped }] of this.#known) {
      if (now.faulty || damped) continue;
      this.#known.delete(name);
      return;
    }
    const eldest = this.#known.keys().next();
    if (!eldest.done) this.#known.delete(eldest.value);
  }
}

import type { FaultName } from "../domain/faults.ts";

/**
 * Which changes of a fault are reported (contract §3): at most six a minute for one (part, code, where);
 * then one report says so, and the next comes when the fault has been steady for a minute. Pure: `now`
 * is in milliseconds.
 */
export type Condition = FaultName & {
  /** The loop, broker, topic or interface. */
  readonly where?: string;
};

export type Change = Condition & { readonly faulty: boolean; readonly detail: string };

/** What is to be reported. `flapping`: that further changes are not. */
export type News = Change & { readonly flapping?: true };

const WINDOW_MS = 60_000;
const CHANGES = 6;
/** Conditions that are remembered. Beyond them the one that has been calm for longest is forgotten. */
const REMEMBERED = 256;

type Known = {
  /** As it is now. */
  now: Change;
  changedAt: number[];
  damped: boolean;
};

const nameOf = ({ part, code, where = "" }: Condition): string => `${part} ${code} ${where}`;

export class Damping {
  readonly #known = new Map<string, Known>();

  /** Conditions that are faulty now. */
  get active(): Change[] {
    return [...this.#known.values()].map(({ now }) => now).filter(({ faulty }) => faulty);
  }

  /** A condition is as `change` says. Undefined: nothing is to be reported. */
  change(change: Change, now: number): News | undefined {
    const name = nameOf(change);
    const known = this.#known.get(name) ?? {
      now: { ...change, faulty: false },
      changedAt: [],
      damped: false,
    };
    if (known.now.faulty === change.faulty) return undefined;
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

  /** Called about once a second: what has become steady is reported as it is. */
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

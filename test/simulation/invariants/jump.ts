import type { Fact } from "../facts.ts";
import { allSince, Since, SinceEach, type Invariant } from "./invariant.ts";

/** Between two reports that dispatch gets, a unit gives far fewer numbers. When it skips numbers, it skips far more. */
const JUMP = 10_000;
/** Events come before everything but emergencies. */
const AT_ONCE_MS = 60_000;

/** What dispatch has of one store. */
class Heard {
  #last = 0;
  readonly #below = new Map<number, number>();
  readonly #arrived = new Set<number>();
  #declared: (readonly [from: number, to: number])[] = [];

  arrived(seq: number, at: number): void {
    if (this.#last > 0 && seq - this.#last > JUMP) this.#below.set(seq - 1, at);
    this.#last = Math.max(this.#last, seq);
    this.#arrived.add(seq);
  }

  /** The unit has not skipped it. If dispatch lacks it, receipts say so. */
  published(seq: number): void {
    this.#arrived.add(seq);
  }

  declared(from: number, to: number): void {
    this.#declared.push([from, to]);
  }

  /** A number just below a jump that was seen before `until`, that neither came nor is declared. */
  missing(until: number): number | undefined {
    for (const [seq, at] of this.#below) {
      const known = this.#arrived.has(seq) || this.#declared.some(([from, to]) => from <= seq && seq <= to);
      if (known) this.#below.delete(seq);
      else if (at <= until) return seq;
    }
    return undefined;
  }

  forget(): void {
    this.#below.clear();
  }

  /** A life may skip numbers at its start. It declares them on the disk, if that takes anything then. */
  newLife(): void {
    this.forget();
    this.#last = 0;
  }
}

/**
 * Contract §3: every number is "delivered or declared", and a unit whose disk takes nothing may never have another time
 * for it (DECISIONS 20). Excuses: a life that began with such a disk does not know where the one before ended;
 * what a life skipped at its start is on the disk, if that took anything then.
 */
const jumpIsDeclared: Invariant = {
  name: "jump-is-declared-at-once",
  sentence:
    "While the disk takes nothing and every broker is healthy, numbers that the unit skips are declared within 60 s.",
  begin() {
    let heard: { readonly store: string; readonly of: Heard } | undefined;
    let takes = true;
    /** Whether the disk has taken something in this life. */
    let began = true;
    const unwritable = new Since();
    const healthy = new Map<string, Since>();
    const open = new SinceEach();
    const of = (store: string): Heard => {
      if (heard?.store !== store) heard = { store, of: new Heard() };
      return heard.of;
    };
    const see = (fact: Fact): void => {
      if (fact.what === "arrived") of(fact.store).arrived(fact.seq, fact.at);
      if (fact.what === "published" && fact.report) of(fact.report.store).published(fact.report.seq);
      if (fact.what === "declared") of(fact.store).declared(fact.from, fact.to);
      if (fact.what === "connected") open.set(String(fact.connection), true, fact.at);
      if (fact.what === "disconnected") open.set(String(fact.connection), false, fact.at);
      if (fact.what === "broker") {
        const since = healthy.get(fact.broker) ?? new Since();
        healthy.set(fact.broker, since);
        since.set(fact.healthy, fact.at);
      }
      if (fact.what === "disk") {
        takes = fact.writable;
        began ||= takes;
        unwritable.set(!takes && began, fact.at);
        if (!takes) heard?.of.forget();
      }
      if (fact.what === "unit") {
        began = takes;
        unwritable.set(false, fact.at);
        heard?.of.newLife();
      }
    };
    return (fact) => {
      see(fact);
      if (fact.what !== "second") return undefined;
      const ready = allSince(unwritable.at, open.longest, ...[...healthy.values()].map(({ at }) => at));
      if (ready === undefined || fact.at - ready < AT_ONCE_MS) return undefined;
      const missing = heard?.of.missing(fact.at - AT_ONCE_MS);
      return missing === undefined
        ? undefined
        : `${missing} neither came nor is declared, and later ones came`;
    };
  },
};

export const JUMP_INVARIANTS: readonly Invariant[] = [jumpIsDeclared];

import type { StreamName } from "./store.ts";

/** When receipts are due (contract §4). What a receipt says comes from the committed ledger. Pure. */

/** At most one receipt for a unit in so long, ms. */
const PACE_MS = 10_000;
/** After an emergency was committed, or at a birth: at once, but not more often than this, ms. */
const URGENT_MS = 500;
/** Units that are remembered. Beyond it those unheard for the longest time go: they get one when they are heard. */
const UNITS = 100_000;

/** `store`: of the newest birth or live report. A unit uses one at a time, and has one topic for receipts. */
type Unit = { readonly store: string; readonly dueAt: number; readonly sentAt: number };

/** How a (unit, store) was heard: history may be of an older store. */
export type HeardIn = "emergency" | "live" | "history";

export class Receipts {
  readonly #units = new Map<string, Unit>();
  /** Units whose receipt is due some time. */
  readonly #due = new Set<string>();

  /** Something of this (unit, store) was committed, new or again. `now`: milliseconds that never jump. */
  committed({ unit, store }: StreamName, heardIn: HeardIn, now: number): void {
    const known = this.#units.get(unit);
    if (heardIn === "history" && known && known.store !== store) return;
    this.#ask(unit, store, heardIn === "emergency" ? URGENT_MS : PACE_MS, now);
  }

  /** The unit has connected, with this store. */
  birth({ unit, store }: StreamName, now: number): void {
    this.#ask(unit, store, URGENT_MS, now);
  }

  /** The receipts to publish now. Each counts as published. */
  take(now: number): StreamName[] {
    const names: StreamName[] = [];
    for (const unit of this.#due) {
      const known = this.#units.get(unit);
      if (known && known.dueAt > now) continue;
      this.#due.delete(unit);
      if (!known) continue;
      names.push({ unit, store: known.store });
      this.#units.set(unit, { ...known, sentAt: now, dueAt: Infinity });
    }
    return names;
  }

  /** `paceMs`: the shortest time since the last one. */
  #ask(unit: string, store: string, paceMs: number, now: number): void {
    const known = this.#units.get(unit);
    const sentAt = known?.sentAt ?? -Infinity;
    const dueAt = Math.min(known?.dueAt ?? Infinity, Math.max(now, sentAt + paceMs));
    this.#units.delete(unit);
    this.#units.set(unit, { store, dueAt, sentAt });
    this.#due.add(unit);
    const [oldest] = this.#units.keys();
    if (this.#units.size > UNITS && oldest !== undefined) this.#units.delete(oldest);
  }
}

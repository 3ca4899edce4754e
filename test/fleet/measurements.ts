import type { Journey } from "./figures.ts";
import type { Press } from "./messages.ts";
import type { Receipt } from "./watched-connect.ts";

/** What one unit's reports and presses have gone through. At most KEPT of each: later ones are not measured. */
const KEPT = 4_096;

type Numbered = { readonly store: string; readonly seq: number };

export class Measurements {
  readonly #unit: string;
  /** Positions by (store, seq), in the order in which they were published. */
  #journeys = new Map<string, Journey>();
  /** Those without a receipt. */
  #open = new Map<string, Journey>();
  #presses: Press[] = [];
  /** When the button was pressed, until the first report of it is published. */
  #pressedAt: number | undefined;
  /** The highest number that was published, and that of the mark. */
  #newest: Numbered | undefined;
  #due: Numbered | undefined;

  constructor(unit: string) {
    this.#unit = unit;
  }

  begin(): void {
    this.#journeys = new Map();
    this.#open = new Map();
    this.#presses = [];
  }

  pressed(at: number): void {
    this.#pressedAt = at;
  }

  /** The lamp shows that dispatch has the emergency. */
  received(at: number): void {
    const last = this.#presses.at(-1);
    if (last && last.receivedAt === undefined)
      this.#presses[this.#presses.length - 1] = { ...last, receivedAt: at };
  }

  /** A report of the emergency is published. The first one after a press is that of the press. */
  emergency({ store, seq }: Numbered): void {
    this.#published({ store, seq });
    if (this.#pressedAt === undefined || this.#presses.length >= KEPT) return;
    this.#presses.push({ unit: this.#unit, store, seq, pressedAt: this.#pressedAt });
    this.#pressedAt = undefined;
  }

  position({ store, seq }: Numbered, at: number): void {
    this.#published({ store, seq });
    const key = `${store} ${seq}`;
    if (this.#journeys.has(key) || this.#journeys.size >= KEPT) return;
    const journey = { unit: this.#unit, store, seq, publishedAt: at, receiptAt: undefined };
    this.#journeys.set(key, journey);
    this.#open.set(key, journey);
  }

  /** `isUnreceipted` is about what was published so far. */
  mark(): void {
    this.#due = this.#newest;
  }

  /** No receipt has covered all that was published before the mark. */
  get isUnreceipted(): boolean {
    return this.#due !== undefined;
  }

  #published({ store, seq }: Numbered): void {
    if (this.#newest?.store !== store || this.#newest.seq < seq) this.#newest = { store, seq };
  }

  receipt({ store, upTo, missing }: Receipt, at: number): void {
    const due = this.#due;
    if (due?.store === store && due.seq <= upTo && !missing.some(([from]) => from <= due.seq))
      this.#due = undefined;
    for (const [key, journey] of this.#open) {
      const { seq } = journey;
      if (journey.store !== store || seq > upTo) continue;
      if (missing.some(([from, to]) => from <= seq && seq <= to)) continue;
      this.#open.delete(key);
      this.#journeys.set(key, { ...journey, receiptAt: at });
    }
  }

  get journeys(): readonly Journey[] {
    return [...this.#journeys.values()];
  }

  get presses(): readonly Press[] {
    return this.#presses;
  }
}

import { LAST_INSTANT } from "../../domain/time.ts";
import { DAY_MS } from "./fields.ts";

/** Dates the epochs whose own sentences have no date (GGA alone), from the last dated sentence. */
export class Calendar {
  #date: number | undefined;
  #tod = 0;
  #confirmed = false;

  /** A sentence gave `date` (midnight UTC, milliseconds) with the time of day `tod` (milliseconds). */
  set(date: number, tod: number): void {
    this.#date = date;
    this.#tod = tod;
    this.#confirmed = true;
  }

  /**
   * The instant `tod` of an epoch, or undefined if no date is known or it is after the year 9999. `own`:
   * the date of the epoch's own sentences. Without one, the date is the last known day or a neighbour of
   * it.
   */
  instant(tod: number, own: number | undefined): number | undefined {
    const date = own ?? this.#near(tod);
    if (date === undefined) return undefined;
    if (own !== undefined) this.#confirmed = true;
    this.#date = date;
    this.#tod = tod;
    return date + tod <= LAST_INSTANT ? date + tod : undefined;
  }

  /** Whether a sentence has named a date since this was last asked: one date counts once. */
  takeConfirmation(): boolean {
    const confirmed = this.#confirmed;
    this.#confirmed = false;
    return confirmed;
  }

  #near(tod: number): number | undefined {
    if (this.#date === undefined) return undefined;
    const step = tod - this.#tod;
    if (step < -DAY_MS / 2) return this.#date + DAY_MS;
    return step > DAY_MS / 2 ? this.#date - DAY_MS : this.#date;
  }
}

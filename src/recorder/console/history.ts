import * as z from "zod";
import type { TrackAnswer, TrackPoint } from "../../domain/fleet.ts";
import { IDENTITY_PART } from "../../domain/identity.ts";
import { PlaceData } from "./data.ts";

/** The track of a unit from the recorder's store, thinned for a page. */

/**
 * The lines of `record track` for a unit and a period (UTC milliseconds, inclusive). It must not delay the recorder: it
 * reads the store by itself.
 */
export type ReadTrack = (
  unit: string,
  period: { readonly from: number; readonly to: number },
  signal: AbortSignal,
) => AsyncIterable<string>;

/** Points of an answer. Beyond it every second one is left out, and again. */
const POINTS = 4_000;
/** The longest period, ms. */
const PERIOD_MS = 7 * 24 * 3_600_000;
/** How long one answer may take, ms. */
const ANSWER_MS = 20_000;
/** Questions that wait for the one that is being answered. Further ones are refused. */
const WAITING = 8;

const Line = z.union([
  z.object({ gap: z.object({ count: z.number() }) }),
  z.object({ at: z.iso.datetime(), data: PlaceData }),
]);

/** Keeps the points that fit, evenly, with their gaps. */
export class Thinner {
  readonly #most: number;
  #points: TrackPoint[] = [];
  #stride = 1;
  #seen = 0;
  #isAfterGap = false;

  constructor(most = POINTS) {
    this.#most = most;
  }

  gap(): void {
    this.#isAfterGap = true;
  }

  add(point: TrackPoint): void {
    if (this.#seen++ % this.#stride !== 0) return;
    this.#points.push(this.#isAfterGap ? { ...point, isGap: true } : point);
    this.#isAfterGap = false;
    if (this.#points.length <= this.#most) return;
    this.#points = this.#points.filter((one, i) => {
      const next = this.#points[i + 1];
      // What is left out leaves its gap to the one after it.
      if (i % 2 === 1 && one.isGap && next) this.#points[i + 1] = { ...next, isGap: true };
      return i % 2 === 0;
    });
    this.#stride *= 2;
  }

  get points(): readonly TrackPoint[] {
    return this.#points;
  }

  get isCut(): boolean {
    return this.#stride > 1;
  }
}

const isUnit = (unit: string): boolean => {
  const parts = unit.split("/");
  return parts.length === 2 && parts.every((part) => IDENTITY_PART.test(part));
};

/** A question for a track. */
export const TrackQuestion = z
  .object({ unit: z.string().refine(isUnit), from: z.coerce.number().int(), to: z.coerce.number().int() })
  .refine(({ from, to }) => from <= to && to - from <= PERIOD_MS);
export type TrackQuestion = z.infer<typeof TrackQuestion>;

/** Answers one question after the other. */
export class History {
  readonly #read: ReadTrack;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(read: ReadTrack) {
    this.#read = read;
  }

  /** Undefined: too many questions wait. Rejects if the store cannot be read, or not in time. */
  ask(question: TrackQuestion, gone: AbortSignal): Promise<TrackAnswer> | undefined {
    if (this.#waiting > WAITING) return undefined;
    this.#waiting++;
    const answer = this.#last.then(() => this.#answer(question, gone)).finally(() => this.#waiting--);
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async #answer({ unit, from, to }: TrackQuestion, gone: AbortSignal): Promise<TrackAnswer> {
    const thinner = new Thinner();
    const signal = AbortSignal.any([gone, AbortSignal.timeout(ANSWER_MS)]);
    signal.throwIfAborted();
    for await (const text of this.#read(unit, { from, to }, signal)) {
      const line = Line.safeParse(JSON.parse(text)).data;
      if (line && "gap" in line) thinner.gap();
      else if (line) thinner.add({ ...line.data, at: Date.parse(line.at) });
    }
    signal.throwIfAborted();
    const points = [...thinner.points].toSorted((a, b) => a.at - b.at);
    return { from, to, points, isCut: thinner.isCut };
  }
}

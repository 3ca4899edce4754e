import { eventText } from "../domain/event-text.ts";
import type { Fix } from "../domain/fix.ts";
import type { EventData } from "../domain/report.ts";
import {
  MOST_EVENTS,
  type OutboxHistory,
  type PastEvent,
  type TrailHistory,
} from "../domain/snapshot/histories.ts";
import { isoInstant } from "../domain/time.ts";
import { Ring } from "./ring.ts";

/**
 * What the unit remembers for its page, whether somebody looks or not. It takes some 100 KiB of memory and is lost
 * with the process. Pure: times are in milliseconds on the clock that never jumps.
 */

const TRAIL_MS = 5_000;
/** 30 minutes. */
const MOST_TRAIL = 360;
const OUTBOX_MS = 10_000;
/** An hour. */
const MOST_OUTBOX = 360;

type Column = Exclude<keyof TrailHistory, "monoS" | "fix">;
/** A sample of the trail, rounded once. */
type Place = Readonly<Record<Column, number | null>> & { readonly monoS: number; readonly fix: number };
type Waiting = { readonly monoS: number; readonly records: number; readonly connected: boolean };

const secondsOf = (mono: number): number => Math.round(mono / 100) / 10;

/** Whether a sample is due, for ticks of about a second: they do not match the interval exactly. */
const isDue = (before: number, everyMs: number, mono: number): boolean => mono - before >= everyMs - 500;

/** `parts`: of one, for example 10 for tenths. */
const rounded = (value: number | undefined, parts: number): number | null =>
  value === undefined ? null : Math.round(value * parts) / parts;

const placeAt = (monoS: number, fix: Fix | undefined): Place => ({
  monoS,
  // A tenth of a metre.
  lat: rounded(fix?.lat, 1_000_000),
  lon: rounded(fix?.lon, 1_000_000),
  speedKmh: rounded(fix?.speedKmh, 10),
  accuracyM: rounded(fix?.accuracyM, 10),
  fix: fix === undefined ? 0 : fix.fix === "3d" ? 3 : 2,
  quality: rounded(fix?.quality, 1),
  satellites: rounded(fix?.satellites, 1),
  hdop: rounded(fix?.hdop, 100),
});

const trailOf = (items: readonly Place[]): TrailHistory => ({
  monoS: items.map(({ monoS }) => monoS),
  lat: items.map(({ lat }) => lat),
  lon: items.map(({ lon }) => lon),
  speedKmh: items.map(({ speedKmh }) => speedKmh),
  accuracyM: items.map(({ accuracyM }) => accuracyM),
  fix: items.map(({ fix }) => fix),
  quality: items.map(({ quality }) => quality),
  satellites: items.map(({ satellites }) => satellites),
  hdop: items.map(({ hdop }) => hdop),
});

const outboxOf = (items: readonly Waiting[]): OutboxHistory => ({
  monoS: items.map(({ monoS }) => monoS),
  records: items.map(({ records }) => records),
  connected: items.map(({ connected }) => (connected ? 1 : 0)),
});

export class History {
  readonly #trail = new Ring<Place>(MOST_TRAIL);
  readonly #outbox = new Ring<Waiting>(MOST_OUTBOX);
  readonly #events = new Ring<PastEvent>(MOST_EVENTS);
  #trailAt = -Infinity;
  #outboxAt = -Infinity;
  #trailShown: TrailHistory | undefined;
  #outboxShown: OutboxHistory | undefined;

  /** Called about once a second. `fix`: the newest, while it is recent. */
  tick(mono: number, fix: () => Fix | undefined, outbox: () => Omit<Waiting, "monoS">): void {
    if (isDue(this.#trailAt, TRAIL_MS, mono)) {
      this.#trailAt = mono;
      this.#trail.add(placeAt(secondsOf(mono), fix()));
      this.#trailShown = undefined;
    }
    if (!isDue(this.#outboxAt, OUTBOX_MS, mono)) return;
    this.#outboxAt = mono;
    this.#outbox.add({ monoS: secondsOf(mono), ...outbox() });
    this.#outboxShown = undefined;
  }

  /** The unit has made an event. `at`: UTC milliseconds. */
  event(data: EventData, mono: number, at: number): void {
    const isFault = data.type === "fault" || data.type === "recovered";
    const { part, code, where } = isFault ? data : {};
    this.#events.add({
      at: isoInstant(at),
      monoS: secondsOf(mono),
      type: data.type,
      text: eventText(data),
      ...(part === undefined ? {} : { part }),
      ...(code === undefined ? {} : { code }),
      ...(where === undefined ? {} : { where }),
    });
  }

  get events(): readonly PastEvent[] {
    return this.#events.items;
  }

  /** The columns are made once for each sample, when somebody looks. */
  get outbox(): OutboxHistory {
    return (this.#outboxShown ??= outboxOf(this.#outbox.items));
  }

  get trail(): TrailHistory {
    return (this.#trailShown ??= trailOf(this.#trail.items));
  }
}

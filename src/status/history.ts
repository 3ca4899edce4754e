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

type Place = { readonly monoS: number; readonly fix: Fix | undefined };
type Waiting = { readonly monoS: number; readonly records: number; readonly connected: boolean };

const secondsOf = (mono: number): number => Math.round(mono / 100) / 10;

/** Whether a sample is due, for ticks of about a second: they do not match the interval exactly. */
const isDue = (before: number, everyMs: number, mono: number): boolean => mono - before >= everyMs - 500;

const FIX_NUMBER = { "2d": 2, "3d": 3 } as const;

const rounded = (value: number | undefined, digits: number): number | null =>
  value === undefined ? null : Number(value.toFixed(digits));

export class History {
  readonly #trail = new Ring<Place>(MOST_TRAIL);
  readonly #outbox = new Ring<Waiting>(MOST_OUTBOX);
  readonly #events = new Ring<PastEvent>(MOST_EVENTS);
  #trailAt = -Infinity;
  #outboxAt = -Infinity;

  /** Called about once a second. `fix`: the newest, while it is recent. */
  tick(mono: number, fix: () => Fix | undefined, outbox: () => Omit<Waiting, "monoS">): void {
    if (isDue(this.#trailAt, TRAIL_MS, mono)) {
      this.#trailAt = mono;
      this.#trail.add({ monoS: secondsOf(mono), fix: fix() });
    }
    if (!isDue(this.#outboxAt, OUTBOX_MS, mono)) return;
    this.#outboxAt = mono;
    this.#outbox.add({ monoS: secondsOf(mono), ...outbox() });
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

  get outbox(): OutboxHistory {
    const items = this.#outbox.items;
    return {
      monoS: items.map(({ monoS }) => monoS),
      records: items.map(({ records }) => records),
      connected: items.map(({ connected }) => (connected ? 1 : 0)),
    };
  }

  get trail(): TrailHistory {
    const items = this.#trail.items;
    const column = (value: (fix: Fix) => number | undefined, digits: number) =>
      items.map(({ fix }) => (fix ? rounded(value(fix), digits) : null));
    return {
      monoS: items.map(({ monoS }) => monoS),
      // 0.1 m
      lat: column(({ lat }) => lat, 6),
      lon: column(({ lon }) => lon, 6),
      speedKmh: column(({ speedKmh }) => speedKmh, 1),
      accuracyM: column(({ accuracyM }) => accuracyM, 1),
      fix: items.map(({ fix }) => (fix ? FIX_NUMBER[fix.fix] : 0)),
      quality: column(({ quality }) => quality, 0),
      satellites: column(({ satellites }) => satellites, 0),
      hdop: column(({ hdop }) => hdop, 2),
    };
  }
}

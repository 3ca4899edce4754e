import type { CarDetails, CarSummary, EpisodeView, EventView, RawMessage } from "../../domain/fleet.ts";
import { SilentMessage, type StateMessage } from "../../domain/messages.ts";
import type { Accepted } from "../report.ts";
import type { UnitTopic } from "../topics.ts";
import { afterReport, afterState, newCar, type Car, type Way } from "./car.ts";
import { EmergencyData } from "./data.ts";
import { Episodes, type EpisodeLimits } from "./episodes.ts";
import { afterEmergency, afterRemoval, episodePlace, episodeView, type Episode } from "./episode.ts";
import { Records, type Heard } from "./records.ts";
import { detailsOf, summaryOf, type Alarm } from "./view.ts";

/**
 * The fleet as the console knows it: a bounded model, changed by one message at a time. It reads no clock and does
 * no I/O.
 */

/** Limits, and what happens at each. Smaller ones are for tests. */
export type Limits = EpisodeLimits & {
  /**
   * Beyond it the car goes that was heard longest ago and has no open emergency; if each has one, the one heard
   * longest ago goes with its emergencies.
   */
  readonly cars: number;
  /** Events of all cars. Beyond it the oldest go. */
  readonly events: number;
  /** Raw messages. Beyond it the oldest go. */
  readonly raw: number;
};
export const LIMITS: Limits = {
  cars: 5_000,
  open: 200,
  openOfUnit: 8,
  ended: 100,
  events: 1_000,
  raw: 1_000,
};

/** What a message has changed. `isUrgent`: a viewer must see it at once. */
export type Touched = {
  readonly cars: readonly string[];
  readonly gone: readonly string[];
  readonly episodes: readonly string[];
  readonly goneEpisodes: readonly string[];
  readonly isUrgent: boolean;
};

const episodeKey = (unit: string, episode: string): string => `${unit} ${episode}`;

type Change = {
  readonly cars: Set<string>;
  readonly gone: Set<string>;
  readonly episodes: Set<string>;
  readonly goneEpisodes: Set<string>;
  isUrgent: boolean;
};

const noChange = (): Change => ({
  cars: new Set(),
  gone: new Set(),
  episodes: new Set(),
  goneEpisodes: new Set(),
  isUrgent: false,
});

const touchedBy = ({ cars, gone, episodes, goneEpisodes, isUrgent }: Change): Touched => ({
  cars: [...cars],
  gone: [...gone],
  episodes: [...episodes],
  goneEpisodes: [...goneEpisodes],
  isUrgent,
});

export class Fleet {
  readonly #limits: Limits;
  /** In the order in which they were heard. */
  readonly #cars = new Map<string, Car>();
  readonly #episodes: Episodes;
  readonly #records: Records;
  /** Open episodes of which no report has come since `beginCheck`. */
  readonly #awaited = new Set<string>();

  constructor(limits: Limits = LIMITS) {
    this.#limits = limits;
    this.#episodes = new Episodes(limits);
    this.#records = new Records(limits);
  }

  /** Applies one message. `now`: UTC milliseconds of this machine. */
  hear(heard: Heard, now: number): Touched {
    this.#records.keepRaw(heard, now);
    const change = noChange();
    const { where, retain, payload, opened } = heard;
    if (where?.channel === "silent") this.#hearSilent(where.unit, payload, change);
    else if (where && payload.length === 0) this.#hearRemoval(where, now, change);
    else if (where && opened) {
      const way = where.channel === "history" ? "history" : retain ? "retained" : "live";
      if (opened.state) this.#hearState(opened.state, retain, now, change);
      for (const accepted of opened.accepted) this.#hearReport(accepted, way, now, change);
    }
    this.#bound(change);
    return touchedBy(change);
  }

  /** From now on the broker sends its copies of what is open. */
  beginCheck(): void {
    this.#awaited.clear();
    for (const key of this.#episodes.openKeys()) this.#awaited.add(key);
  }

  /** All copies have come: an open episode without one may have ended, and is shown as unconfirmed. */
  endCheck(): Touched {
    const change = noChange();
    for (const key of this.#awaited) {
      const known = this.#episodes.get(key);
      if (known && !known.ended) this.#setEpisode(key, { ...known, isUnconfirmed: true }, change);
    }
    this.#awaited.clear();
    return touchedBy(change);
  }

  get units(): Iterable<string> {
    return this.#cars.keys();
  }

  get episodeKeys(): Iterable<string> {
    return this.#episodes.shown.keys();
  }

  /** Real emergencies beyond the limits, which are hidden. */
  get unshown(): number {
    return this.#episodes.unshown;
  }

  car(unit: string): CarSummary | undefined {
    const car = this.#cars.get(unit);
    return car && summaryOf(car, this.#alarmOf(car));
  }

  details(unit: string): CarDetails | undefined {
    const car = this.#cars.get(unit);
    return car && detailsOf(car, this.#alarmOf(car));
  }

  episode(key: string): EpisodeView | undefined {
    const episode = this.#episodes.get(key);
    return episode && episodeView(episode, this.#cars.get(episode.unit)?.corrections ?? []);
  }

  /** The episode of a unit, as an acknowledgement names it. */
  find(unit: string, episode: string): EpisodeView | undefined {
    return this.episode(episodeKey(unit, episode));
  }

  get lastEvent(): number {
    return this.#records.lastEvent;
  }

  eventsAfter(n: number): EventView[] {
    return this.#records.eventsAfter(n, (unit) => this.#cars.get(unit)?.corrections ?? []);
  }

  rawAfter(n: number): RawMessage[] {
    return this.#records.rawAfter(n);
  }

  #alarmOf({ unit, corrections }: Car): Alarm {
    const { open, hidden } = this.#episodes.openOf(unit);
    if (open.length === 0) return { emergency: undefined };
    const emergency = open.some(({ data }) => !data.test) ? "real" : "drill";
    const placed = open.findLast(({ data }) => data.position);
    return {
      emergency,
      position: placed && episodePlace(placed, corrections),
      ...(hidden > 0 ? { unshown: hidden } : {}),
    };
  }

  #car(unit: string): Car {
    return this.#cars.get(unit) ?? newCar(unit);
  }

  /** `heardAt`: undefined if the message does not prove that the unit lives. */
  #set(car: Car, heardAt: number | undefined, change: Change): void {
    if (heardAt !== undefined) this.#cars.delete(car.unit);
    // A unit that was heard is not silent, also if the recorder's removal of the message was not seen.
    this.#cars.set(car.unit, heardAt === undefined ? car : { ...car, heardAt, silent: undefined });
    change.cars.add(car.unit);
  }

  #hearSilent(unit: string, payload: Buffer, change: Change): void {
    const car = this.#cars.get(unit);
    if (payload.length === 0) {
      if (car?.silent) this.#set({ ...car, silent: undefined }, undefined, change);
      return;
    }
    let value: unknown;
    try {
      value = JSON.parse(payload.toString("utf8"));
    } catch {
      return;
    }
    const found = SilentMessage.safeParse(value).data;
    if (!found) return;
    const silent = {
      since: Date.parse(found.since),
      last: Date.parse(found.last),
      expectedS: found.expectedS,
    };
    this.#set({ ...this.#car(unit), silent }, undefined, change);
  }

  #hearRemoval({ unit, channel, episode = "" }: UnitTopic, now: number, change: Change): void {
    const key = episodeKey(unit, episode);
    if (channel !== "emergency") return;
    const known = this.#episodes.get(key);
    if (!known || known.ended) return;
    this.#setEpisode(key, afterRemoval(known, now), change);
  }

  #hearState(state: StateMessage, retain: boolean, now: number, change: Change): void {
    const car = this.#car(state.unit);
    const next = afterState(car, state);
    // A will is the broker's: it does not prove that the unit lives.
    const isHeard = !retain && next !== car && (state.state === "online" || state.reason !== undefined);
    if (next !== car || !this.#cars.has(car.unit)) this.#set(next, isHeard ? now : undefined, change);
  }

  #hearReport(accepted: Accepted, way: Way, now: number, change: Change): void {
    const { report } = accepted;
    const car = this.#car(report.unit);
    const next = afterReport(car, accepted, way);
    this.#set(next, way === "retained" ? undefined : now, change);
    // A correction changes when the unit's buttons were pressed.
    if (accepted.meaning.kind === "clock")
      for (const [key, { unit }] of this.#episodes.shown) if (unit === report.unit) change.episodes.add(key);
    if (report.kind === "emergency") this.#hearEmergency(accepted, way, now, change);
    else if (report.kind === "event" && next !== car) this.#records.keepEvent(accepted.report, way);
  }

  #hearEmergency({ report }: Accepted, way: Way, now: number, change: Change): void {
    const data = EmergencyData.safeParse(JSON.parse(report.data)).data;
    if (!data) return;
    const key = episodeKey(report.unit, data.episode);
    const known = this.#episodes.get(key);
    // An old state of an episode that ended long ago raises no alarm: what is open is retained at the broker.
    if (!known && way === "history" && data.state !== "cleared") return;
    if (way !== "history") this.#awaited.delete(key);
    const next = afterEmergency(known, report, data, now);
    if (next !== known) this.#setEpisode(key, next, change);
  }

  #setEpisode(key: string, episode: Episode, change: Change): void {
    this.#episodes.set(key, episode, change);
    change.isUrgent = true;
  }

  #bound(change: Change): void {
    while (this.#cars.size > this.#limits.cars) {
      const busy = this.#episodes.busy();
      const goes = [...this.#cars.keys()].find((unit) => !busy.has(unit)) ?? [...this.#cars.keys()][0]!;
      this.#cars.delete(goes);
      this.#episodes.forgetUnit(goes, change);
      change.gone.add(goes);
    }
    if (change.isUrgent || change.episodes.size + change.goneEpisodes.size > 0) this.#episodes.bound(change);
    for (const unit of change.gone) change.cars.delete(unit);
  }
}

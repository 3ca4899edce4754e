import type { ServerResponse } from "node:http";
import type { FleetChanges } from "../../domain/fleet.ts";
import type { Time, Timer } from "../../runtime/ports.ts";
import type { Fleet, Touched } from "./fleet.ts";

/** Sends each viewer first the whole fleet, then what changes. Nothing runs while nobody looks. */

/** Changes are collected for this long, ms; an emergency is sent at once. */
const BATCH_MS = 250;
/** Even if nothing changes, something is sent this often, ms: the page notices when it does not come. */
const QUIET_MS = 5_000;
/** Viewers at once. A further one is refused. */
export const MOST_VIEWERS = 16;
/** With more bytes than this still to be read, a viewer gets nothing new: what changes meanwhile is collected. */
const CLOGGED_BYTES = 256 * 1024;
/** A viewer that has read nothing for this long is disconnected, ms. */
const STUCK_MS = 60_000;
/** Events that a new viewer gets at most. */
const FIRST_EVENTS = 200;

type Viewer = {
  readonly response: ServerResponse;
  readonly isStill: () => boolean;
  readonly cars: Set<string>;
  readonly gone: Set<string>;
  readonly episodes: Set<string>;
  readonly goneEpisodes: Set<string>;
  lastEvent: number;
  /** What it was told last of the connection and of emergencies that are not shown. */
  told: string;
  sentAt: number;
};

const move = (keys: readonly string[], into: Set<string>, outOf: Set<string>): void => {
  for (const key of keys) {
    into.add(key);
    outOf.delete(key);
  }
};

export class Viewers implements Disposable {
  readonly #fleet: Fleet;
  readonly #time: Time;
  readonly #isConnected: () => boolean;
  readonly #viewers = new Set<Viewer>();
  #timer: Timer | undefined;

  constructor(fleet: Fleet, time: Time, isConnected: () => boolean) {
    this.#fleet = fleet;
    this.#time = time;
    this.#isConnected = isConnected;
  }

  get count(): number {
    return this.#viewers.size;
  }

  /**
   * Answers a request with a stream that begins with the whole fleet. Returns false if there are too many viewers:
   * then it has not answered. `isStill`: whether the viewer may still look.
   */
  add(response: ServerResponse, isStill: () => boolean): boolean {
    if (this.#viewers.size >= MOST_VIEWERS) return false;
    const viewer: Viewer = {
      response,
      isStill,
      cars: new Set(this.#fleet.units),
      gone: new Set(),
      episodes: new Set(this.#fleet.episodeKeys),
      goneEpisodes: new Set(),
      lastEvent: Math.max(0, this.#fleet.lastEvent - FIRST_EVENTS),
      told: "",
      sentAt: this.#time.mono(),
    };
    this.#viewers.add(viewer);
    response.on("error", () => this.#drop(viewer)).on("close", () => this.#drop(viewer));
    response.writeHead(200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
    response.write("retry: 1000\n\n");
    this.#send(viewer, new Map());
    this.#timer ??= this.#time.every(BATCH_MS, () => this.#flush());
    return true;
  }

  /** Notes what a message has changed. */
  touch({ cars, gone, episodes, goneEpisodes, isUrgent }: Touched): void {
    for (const viewer of this.#viewers) {
      move(cars, viewer.cars, viewer.gone);
      move(gone, viewer.gone, viewer.cars);
      move(episodes, viewer.episodes, viewer.goneEpisodes);
      move(goneEpisodes, viewer.goneEpisodes, viewer.episodes);
    }
    if (isUrgent) this.#flush();
  }

  [Symbol.dispose](): void {
    for (const viewer of this.#viewers) this.#drop(viewer);
  }

  #flush(): void {
    const summaries: Summaries = new Map();
    const now = this.#time.mono();
    for (const viewer of this.#viewers) {
      const isClogged = viewer.response.writableLength > CLOGGED_BYTES;
      if (!viewer.isStill() || (isClogged && now - viewer.sentAt > STUCK_MS)) this.#drop(viewer);
      else if (!isClogged && this.#isDue(viewer, now)) this.#send(viewer, summaries);
    }
  }

  #isDue(viewer: Viewer, now: number): boolean {
    const { cars, gone, episodes, goneEpisodes, lastEvent, told, sentAt } = viewer;
    return (
      cars.size + gone.size + episodes.size + goneEpisodes.size > 0 ||
      lastEvent < this.#fleet.lastEvent ||
      told !== this.#standing() ||
      now - sentAt >= QUIET_MS
    );
  }

  #standing(): string {
    return `${this.#isConnected()} ${this.#fleet.unshown}`;
  }

  /** `summaries`: of this moment, made once for all viewers. */
  #send(viewer: Viewer, summaries: Summaries): void {
    const fleet = this.#fleet;
    for (const unit of viewer.cars) if (!summaries.has(unit)) summaries.set(unit, fleet.car(unit));
    const changes: FleetChanges = {
      now: this.#time.host(),
      cars: [...viewer.cars].flatMap((unit) => summaries.get(unit) ?? []),
      gone: [...viewer.gone],
      episodes: [...viewer.episodes].flatMap((key) => fleet.episode(key) ?? []),
      goneEpisodes: [...viewer.goneEpisodes],
      events: fleet.eventsAfter(viewer.lastEvent),
      unshown: fleet.unshown,
      isConnected: this.#isConnected(),
    };
    for (const set of [viewer.cars, viewer.gone, viewer.episodes, viewer.goneEpisodes]) set.clear();
    viewer.lastEvent = fleet.lastEvent;
    viewer.told = this.#standing();
    viewer.sentAt = this.#time.mono();
    viewer.response.write(`event: changes\ndata: ${JSON.stringify(changes)}\n\n`);
  }

  #drop(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    viewer.response.destroy();
    if (this.#viewers.size > 0) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}

type Summaries = Map<string, ReturnType<Fleet["car"]>>;

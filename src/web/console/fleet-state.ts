import type { CarSummary, EpisodeView, EventView, FleetChanges } from "../../domain/fleet.ts";

/** What the page knows of the fleet: the server's batches, put together. It holds no more than the server sends. */

/** Events that the page keeps. Beyond it the oldest go. */
const EVENTS = 1_000;

export class FleetState {
  readonly cars = new Map<string, CarSummary>();
  readonly episodes = new Map<string, EpisodeView>();
  /** Newest first. */
  events: readonly EventView[] = [];
  unshown = 0;
  isConnected = true;
  /** The server's clock minus this machine's, ms: the ages of what is shown are the server's. */
  skewMs = 0;
  /** Whether the first batch has come. */
  isLoaded = false;

  /** A connection begins: the next batch holds everything. */
  begin(): void {
    this.cars.clear();
    this.episodes.clear();
    this.events = [];
    this.isLoaded = false;
  }

  /** `now`: of this machine, UTC milliseconds. */
  apply(changes: FleetChanges, now: number): void {
    for (const car of changes.cars) this.cars.set(car.unit, car);
    for (const unit of changes.gone) this.cars.delete(unit);
    for (const episode of changes.episodes) this.episodes.set(`${episode.unit} ${episode.episode}`, episode);
    for (const key of changes.goneEpisodes) this.episodes.delete(key);
    if (changes.events.length > 0)
      this.events = [...changes.events.toReversed(), ...this.events].slice(0, EVENTS);
    this.unshown = changes.unshown;
    this.isConnected = changes.isConnected;
    this.skewMs = changes.now - now;
    this.isLoaded = true;
  }

  /** Open episodes: those that nobody has accepted first, then by the time of the press. */
  open(isDrill: boolean): EpisodeView[] {
    return [...this.episodes.values()]
      .filter(({ test, ended }) => test === isDrill && !ended)
      .toSorted((a, b) => Number(isAccepted(a)) - Number(isAccepted(b)) || a.pressedAt - b.pressedAt);
  }

  /** Ended episodes, the newest first. */
  ended(): EpisodeView[] {
    return [...this.episodes.values()]
      .filter(({ ended }) => ended)
      .toSorted((a, b) => (b.ended?.at ?? 0) - (a.ended?.at ?? 0));
  }
}

export const isAccepted = ({ state }: EpisodeView): boolean => state === "accepted" || state === "cleared";

const RANK = { real: 0, drill: 1 } as const;

const rank = ({ emergency }: CarSummary): number => (emergency === undefined ? 2 : RANK[emergency]);

/** The cars that match a search, those with an emergency first, then by name. */
export const matching = (cars: Iterable<CarSummary>, search: string): CarSummary[] => {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return [...cars]
    .filter(({ unit }) => words.every((word) => unit.includes(word)))
    .toSorted((a, b) => rank(a) - rank(b) || (a.unit < b.unit ? -1 : 1));
};

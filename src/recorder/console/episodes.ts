import type { Episode } from "./episode.ts";

/** The episodes of the fleet. Some open ones are hidden, so that no car can take the place of another. */

export type EpisodeLimits = {
  /**
   * The most open episodes that are shown. If there are more, drills are hidden first, then the oldest episode of the car
   * that shows the most. A car's only shown emergency is never hidden, so the limit can be exceeded by the number of
   * cars. It is also the most hidden episodes: if there are more, the oldest of the car that hides the most is dropped.
   */
  readonly open: number;
  /** The most open episodes that are shown of one car. If it has more, drills are hidden first, then the oldest. */
  readonly openOfUnit: number;
  /** The most ended episodes. If there are more, those that ended first are dropped. */
  readonly ended: number;
};

/** What has changed: keys of episodes, and cars whose rows say something else. */
export type EpisodeChange = {
  readonly cars: Set<string>;
  readonly episodes: Set<string>;
  readonly goneEpisodes: Set<string>;
};

type Entry = readonly [key: string, episode: Episode];

const isOpen = ([, { ended }]: Entry): boolean => !ended;
const isDrill = ([, { data }]: Entry): boolean => data.test;
const isReal = (entry: Entry): boolean => !isDrill(entry);

/** The entries of the car that has the most of them; undefined if no car has more than one. */
const crowd = (entries: readonly Entry[]): readonly Entry[] | undefined => {
  const most = [...Map.groupBy(entries, ([, { unit }]) => unit).values()].reduce<readonly Entry[]>(
    (best, one) => (one.length > best.length ? one : best),
    [],
  );
  return most.length > 1 ? most : undefined;
};

export class Episodes {
  readonly #limits: EpisodeLimits;
  /** Open ones in the order in which they became known, and ended ones in the order of their ends. */
  readonly #shown = new Map<string, Episode>();
  readonly #hidden = new Map<string, Episode>();

  constructor(limits: EpisodeLimits) {
    this.#limits = limits;
  }

  /** A shown or a hidden one. */
  get(key: string): Episode | undefined {
    return this.#shown.get(key) ?? this.#hidden.get(key);
  }

  /** The shown ones, oldest first. */
  get shown(): ReadonlyMap<string, Episode> {
    return this.#shown;
  }

  /** Real emergencies that are hidden. */
  get unshown(): number {
    return [...this.#hidden].filter(isReal).length;
  }

  /** Open episodes of a car. `hidden`: how many of them are not shown. */
  openOf(unit: string): { readonly open: readonly Episode[]; readonly hidden: number } {
    const isOfUnit = (one: Episode): boolean => one.unit === unit && !one.ended;
    const hidden = [...this.#hidden.values()].filter(isOfUnit);
    const shown = [...this.#shown.values()].filter(isOfUnit);
    return { open: [...hidden, ...shown], hidden: hidden.length };
  }

  /** The cars with open episodes. */
  busy(): ReadonlySet<string> {
    return new Set([...this.#hidden, ...[...this.#shown].filter(isOpen)].map(([, { unit }]) => unit));
  }

  /** The keys of all open ones. */
  openKeys(): string[] {
    return [...this.#hidden, ...this.#open()].map(([key]) => key);
  }

  /** Call `bound` when all changes of a message are done. */
  set(key: string, episode: Episode, change: EpisodeChange): void {
    change.cars.add(episode.unit);
    if (!episode.ended && this.#hidden.has(key)) {
      this.#hidden.set(key, episode);
      return;
    }
    this.#hidden.delete(key);
    if (episode.ended) this.#shown.delete(key);
    this.#shown.set(key, episode);
    change.episodes.add(key);
    change.goneEpisodes.delete(key);
  }

  /** The open episodes of a car that is no longer known go with it. */
  forgetUnit(unit: string, change: EpisodeChange): void {
    for (const [key, one] of this.#hidden) if (one.unit === unit) this.#hidden.delete(key);
    for (const [key, one] of this.#shown) if (one.unit === unit && !one.ended) this.#forget(key, change);
  }

  /** Keeps the limits, and shows hidden ones for which there is room. */
  bound(change: EpisodeChange): void {
    const ended = [...this.#shown].filter((entry) => !isOpen(entry));
    for (const [key] of ended.slice(0, Math.max(0, ended.length - this.#limits.ended)))
      this.#forget(key, change);
    this.#reveal(change);
    this.#hideOfUnits(change);
    this.#hideOfAll(change);
    while (this.#hidden.size > this.#limits.open) {
      const [key] = (crowd([...this.#hidden]) ?? [...this.#hidden])[0]!;
      this.#hidden.delete(key);
    }
  }

  #open(): Entry[] {
    return [...this.#shown].filter(isOpen);
  }

  /** Real emergencies first. One is shown in any case if its car shows none. */
  #reveal(change: EpisodeChange): void {
    if (this.#hidden.size === 0) return;
    const { open, openOfUnit } = this.#limits;
    const hidden = [...this.#hidden];
    for (const entry of [...hidden.filter(isReal), ...hidden.filter(isDrill)]) {
      const [key, episode] = entry;
      const all = this.#open();
      const own = all.filter(([, { unit }]) => unit === episode.unit);
      const isRoom = all.length < open && own.length < openOfUnit;
      if (!isRoom && (isDrill(entry) || own.some(isReal))) continue;
      this.#hidden.delete(key);
      this.#shown.set(key, episode);
      change.cars.add(episode.unit);
      change.episodes.add(key);
      change.goneEpisodes.delete(key);
    }
  }

  #hideOfUnits(change: EpisodeChange): void {
    const { openOfUnit } = this.#limits;
    for (const own of Map.groupBy(this.#open(), ([, { unit }]) => unit).values()) {
      const order = [...own.filter(isDrill), ...own.filter(isReal)];
      for (const entry of order.slice(0, Math.max(0, own.length - openOfUnit))) this.#hide(entry, change);
    }
  }

  #hideOfAll(change: EpisodeChange): void {
    for (let open = this.#open(); open.length > this.#limits.open; open = this.#open()) {
      const goes = open.find(isDrill) ?? crowd(open)?.[0];
      if (!goes) return;
      this.#hide(goes, change);
    }
  }

  #hide([key, episode]: Entry, change: EpisodeChange): void {
    this.#hidden.set(key, episode);
    change.cars.add(episode.unit);
    this.#forget(key, change);
  }

  #forget(key: string, change: EpisodeChange): void {
    this.#shown.delete(key);
    change.episodes.delete(key);
    change.goneEpisodes.add(key);
  }
}

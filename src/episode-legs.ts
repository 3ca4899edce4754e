import type { EmergencyData } from "./domain/report.ts";

/** When an episode got how far, milliseconds since the contact closed, as far as that is known. */
type Legs = { [stage in "stored" | "sent" | "received" | "accepted" | "cleared"]?: number };

export type EpisodeStatus = Pick<EmergencyData, "episode" | "test" | "button" | "state" | "presses"> & {
  readonly legs: Legs;
};

/** How far the episodes of this boot got, and when: what a technician is shown. */
export type EpisodeLegs = {
  /** An episode goes on after a restart: when it began is not known any more. */
  resume(data: EmergencyData): void;
  begin(data: EmergencyData, ageMs: number): void;
  changed(data: EmergencyData): void;
  reached(episode: string, stage: keyof Legs): void;
  readonly status: readonly EpisodeStatus[];
};

/** Finished episodes whose times are still told. */
const REMEMBERED = 4;

/** `isOpen`: whether an episode must not be forgotten. */
export const createEpisodeLegs = (isOpen: (episode: string) => boolean): EpisodeLegs => {
  /** `from`: on the clock of `performance.now()`. */
  const past = new Map<string, { from: number | undefined; legs: Legs; data: EmergencyData }>();
  return {
    resume: (data) => void past.set(data.episode, { from: undefined, legs: {}, data }),
    begin(data, ageMs) {
      past.set(data.episode, { from: performance.now() - ageMs, legs: {}, data });
      for (const old of [...past.keys()].slice(0, -REMEMBERED)) if (!isOpen(old)) past.delete(old);
    },
    changed(data) {
      const known = past.get(data.episode);
      if (known) known.data = data;
    },
    reached(episode, stage) {
      const known = past.get(episode);
      if (known?.from === undefined) return;
      known.legs[stage] ??= Math.round((performance.now() - known.from) * 10) / 10;
    },
    get status() {
      return [...past.values()].map(({ legs, data }) => {
        const { episode, test, button, state, presses } = data;
        return { episode, test, button, state, presses, legs };
      });
    },
  };
};

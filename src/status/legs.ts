import type { EmergencyData } from "../domain/report.ts";

/** When an episode reached each stage, milliseconds since the contact closed; absent if not known. */
type Legs = { [stage in "stored" | "sent" | "received" | "accepted" | "cleared"]?: number };

export type EpisodeStatus = Pick<EmergencyData, "episode" | "test" | "button" | "state" | "presses"> & {
  readonly legs: Legs;
};

/** Finished episodes whose times are still shown. */
const REMEMBERED = 4;

type Known = { readonly from: number | undefined; readonly legs: Legs; data: EmergencyData };

/** When each episode of this boot reached each stage, for technicians. `now` is in milliseconds. */
export class EpisodeLegs {
  readonly #known = new Map<string, Known>();

  /** An episode continues after a restart. The time of its press is no longer known. */
  resume(data: EmergencyData): void {
    this.#known.set(data.episode, { from: undefined, legs: {}, data });
  }

  begin(data: EmergencyData, ageMs: number, now: number): void {
    this.#known.set(data.episode, { from: now - ageMs, legs: {}, data });
    const over = [...this.#known.values()].filter((one) => one.data.state === "cleared");
    for (const one of over.slice(0, -REMEMBERED)) this.#known.delete(one.data.episode);
  }

  changed(data: EmergencyData): void {
    const known = this.#known.get(data.episode);
    if (known) known.data = data;
  }

  reached(episode: string, stage: keyof Legs, now: number): void {
    const known = this.#known.get(episode);
    if (known?.from === undefined) return;
    known.legs[stage] ??= Math.round((now - known.from) * 10) / 10;
  }

  get status(): readonly EpisodeStatus[] {
    return [...this.#known.values()].map(({ legs, data }) => {
      const { episode, test, button, state, presses } = data;
      return { episode, test, button, state, presses, legs };
    });
  }
}

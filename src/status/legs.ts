import type { EmergencyData } from "../domain/report.ts";

/** When an episode reached each stage, milliseconds since the contact closed; absent if not known. */
type Legs = { [stage in "stored" | "sent" | "received" | "accepted" | "cleared"]?: number };

export type EpisodeStatus = Pick<
  EmergencyData,
  "episode" | "test" | "button" | "state" | "presses" | "pressedAt"
> & {
  readonly legs: Legs;
};

/** Finished episodes whose times are still shown. */
const REMEMBERED = 4;

/** Episodes and presses since the service started. */
export type EpisodeCounts = { readonly real: number; readonly drills: number; readonly presses: number };

type Known = { readonly from: number | undefined; readonly legs: Legs; data: EmergencyData };

const statusOf = ({ legs, data }: Known): EpisodeStatus => {
  const { episode, test, button, state, presses, pressedAt } = data;
  const known = { episode, test, button, state, presses, legs: { ...legs } };
  return pressedAt === undefined ? known : { ...known, pressedAt };
};

/** When each episode of this boot reached each stage, for technicians. `now` is in milliseconds. */
export class EpisodeLegs {
  readonly #known = new Map<string, Known>();
  #counts: EpisodeCounts = { real: 0, drills: 0, presses: 0 };

  /** An episode continues after a restart. The time of its press is no longer known. */
  resume(data: EmergencyData): void {
    this.#known.set(data.episode, { from: undefined, legs: {}, data });
  }

  begin(data: EmergencyData, ageMs: number, now: number): void {
    const { real, drills, presses } = this.#counts;
    this.#counts = {
      real: real + (data.test ? 0 : 1),
      drills: drills + (data.test ? 1 : 0),
      presses: presses + data.presses,
    };
    this.#known.set(data.episode, { from: now - ageMs, legs: {}, data });
    const over = [...this.#known.values()].filter((one) => one.data.state === "cleared");
    for (const one of over.slice(0, -REMEMBERED)) this.#known.delete(one.data.episode);
  }

  changed(data: EmergencyData): void {
    const known = this.#known.get(data.episode);
    if (!known) return;
    const { presses } = this.#counts;
    this.#counts = { ...this.#counts, presses: presses + Math.max(0, data.presses - known.data.presses) };
    known.data = data;
  }

  reached(episode: string, stage: keyof Legs, now: number): void {
    const known = this.#known.get(episode);
    if (known?.from === undefined) return;
    known.legs[stage] ??= Math.round((now - known.from) * 10) / 10;
  }

  get counts(): EpisodeCounts {
    return this.#counts;
  }

  get status(): readonly EpisodeStatus[] {
    return [...this.#known.values()].map(statusOf);
  }
}

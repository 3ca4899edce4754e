import type { Episode } from "../domain/episode.ts";
import type { EmergencyData, EmergencyUpdate } from "../domain/report.ts";
import { putRight, type Clock, type Instant } from "../domain/time.ts";
import { dataOf, lastSeen, type Scene } from "../emergency/report.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { EpisodeLegs } from "../status/legs.ts";
import { pressTime } from "./press-time.ts";

export type EpisodeReportsOptions = {
  readonly outbox: Pick<Outbox, "append" | "boot">;
  readonly clock: Clock;
  readonly log: Log;
  readonly legs: EpisodeLegs;
  /** The car's position and signals, for a new report. */
  readonly scene: () => Scene;
};

/** The current report of each episode that the ring knows. Makes them and numbers them in the outbox. */
export class EpisodeReports {
  readonly #options: EpisodeReportsOptions;
  /** One entry for each episode of the ring, which limits them. The ring forgets an episode when it is over. */
  readonly #reports = new Map<string, EmergencyUpdate>();

  constructor(options: EpisodeReportsOptions) {
    this.#options = options;
  }

  get(id: string): EmergencyUpdate | undefined {
    return this.#reports.get(id);
  }

  /** Takes over the report of an episode that continues after a restart. */
  resume(id: string, report: EmergencyUpdate): void {
    this.#reports.set(id, report);
    this.#options.legs.resume(report.data);
  }

  /**
   * The same, with a number of the present store: the report's own belongs to an earlier one. Times on a clock that was
   * unset belong to an earlier boot: that of the report is now, and what depends on the others is left out.
   */
  renumber(id: string, { data, at, clock }: EmergencyUpdate): void {
    const { clock: present } = this.#options;
    const { pressedAt: _, position: _place, track: _track, ...untimed } = data;
    const report =
      clock === "unset"
        ? this.#append(untimed, present.now())
        : this.#append(data, { at: Date.parse(at), clock });
    this.resume(id, report);
  }

  /** Makes a new report of an episode as it stands. */
  make(episode: Episode): EmergencyUpdate {
    const { clock, log, legs } = this.#options;
    const known = this.#reports.has(episode.id);
    const data = this.#dataOf(episode);
    const report = this.#append(data, clock.now());
    this.#reports.set(episode.id, report);
    if (known) legs.changed(data);
    else {
      const ageMs = episode.pressed ? Math.max(0, clock.mono() - episode.pressed.mono) : 0;
      legs.begin(data, ageMs, clock.mono());
      log.warn(episode.test ? "a drill has begun" : "EMERGENCY", {
        episode: episode.id,
        button: episode.button,
      });
    }
    if (episode.state !== "active") legs.reached(episode.id, episode.state, clock.mono());
    return report;
  }

  /** Gives the report of an episode its present attempt, and its times as far as they are known by now. It keeps its number. */
  renew({ id, attempt, pressed }: Episode): void {
    const { outbox, clock } = this.#options;
    const before = this.#reports.get(id);
    if (!before) return;
    const right = putRight(before, outbox.boot, clock);
    if (right.kind !== "emergency") return;
    const isTimed = right.data.pressedAt !== undefined || right.clock === "unset";
    const time = isTimed ? {} : pressTime(pressed, outbox.boot, clock);
    this.#reports.set(id, { ...right, data: { ...right.data, ...time, attempt } });
  }

  forget(id: string): void {
    this.#reports.delete(id);
  }

  #append(data: EmergencyData, { at, clock }: Instant): EmergencyUpdate {
    const report = this.#options.outbox.append({ kind: "emergency", data, at, clock });
    // A report has the kind of its draft.
    if (report.kind !== "emergency") throw new Error(`a report of kind ${report.kind}`);
    return report;
  }

  #dataOf(episode: Episode): EmergencyData {
    const { outbox, clock } = this.#options;
    // After a restart, until the first fix: the car's position in the last report of the episode.
    const before = lastSeen(this.#reports.get(episode.id), clock.now());
    const time = pressTime(episode.pressed, outbox.boot, clock);
    return dataOf(episode, time, { ...before, ...this.#scene() });
  }

  /** The car's position and signals. Empty if they cannot be read: the press counts without them. */
  #scene(): Scene {
    try {
      return this.#options.scene();
    } catch (cause) {
      this.#options.log.error("the position and signals for an emergency cannot be read", {
        cause: reasonOf(cause),
      });
      return {};
    }
  }
}

import type { Report } from "../domain/report.ts";
import type { Clock } from "../domain/time.ts";

/** An event or emergency that waited for the link longer than this is not live any more (contract §3). */
const LIVE_MS = 10_000;
/** How many episodes have their last live number remembered. The oldest is forgotten first. */
const EPISODES = 32;

/** Which reports are live (contract §3). A repetition of an emergency that was sent live is live too. */
export class Live {
  readonly #clock: Pick<Clock, "mono">;
  readonly #boot: number;
  /** The number of the last report that was sent live, by episode. */
  readonly #sent = new Map<string, number>();

  /** `boot`: the number of this boot. */
  constructor(clock: Pick<Clock, "mono">, boot: number) {
    this.#clock = clock;
    this.#boot = boot;
  }

  isLive(report: Report): boolean {
    if (report.boot === this.#boot && this.#clock.mono() - report.mono <= LIVE_MS) return true;
    return report.kind === "emergency" && this.#sent.get(report.data.episode) === report.seq;
  }

  /** A report was delivered. */
  delivered(report: Report): void {
    if (report.kind !== "emergency" || !this.isLive(report)) return;
    const { episode } = report.data;
    this.#sent.delete(episode);
    this.#sent.set(episode, report.seq);
    for (const old of [...this.#sent.keys()].slice(0, -EPISODES)) this.#sent.delete(old);
  }
}

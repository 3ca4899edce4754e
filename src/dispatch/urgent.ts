import type { EmergencyUpdate, Report } from "../domain/report.ts";
import type { Outgoing } from "./outgoing.ts";

type Standing = { readonly report: EmergencyUpdate; readonly said: boolean };

type Waiting = Outgoing & { readonly kind: "emergency" | "removal" };

/** How many removed episodes are remembered. The oldest is forgotten first. */
const REMOVED = 64;

export type UrgentSettings = {
  /** Numbers that are queued or in flight; shared with the rest of the traffic. */
  readonly underway: Set<number>;
  /** Whether an episode has ended: what is left of it must not be retained again. */
  readonly hasEnded: (episode: string) => boolean;
  /** See `TrafficSettings`. */
  readonly madeHere: (seq: number) => boolean;
  /** Reports that are sent as history: a newer one of their episode has taken their place. */
  readonly asHistory: (reports: readonly Report[]) => void;
  /** A report that was read and passed over must be read again. */
  readonly readAgain: (seq: number) => void;
};

/**
 * The emergencies of one connection: the newest report of each episode waits for the wire, older ones go
 * as history. On the topic they would replace a newer retained copy, and a press would wait behind them.
 * Pure.
 */
export class Urgent {
  readonly #settings: UrgentSettings;
  /**
   * The report of each episode that goes to its topic: the last one that the unit published (`say`), or until then
   * the one with the highest number of those that were read.
   */
  readonly #standing = new Map<string, Standing>();
  /** The last report of each episode that was delivered here: the same attempt is not published twice. */
  readonly #delivered = new Map<string, EmergencyUpdate>();
  /** The number of the first report of each episode that was read before the unit published it (`say`). */
  readonly #unsaid = new Map<string, number>();
  /** Episodes whose retained copy was removed on this connection. */
  #removed: string[] = [];
  #queue: Waiting[] = [];

  constructor(settings: UrgentSettings) {
    this.#settings = settings;
  }

  get length(): number {
    return this.#queue.length;
  }

  shift(): Waiting | undefined {
    return this.#queue.shift();
  }

  /**
   * An emergency as it now stands: new, changed, or said again. It replaces any that was read, whatever their numbers:
   * an earlier life may have used higher ones. What the unit says itself has ascending numbers.
   */
  say(report: EmergencyUpdate): void {
    const { episode } = report.data;
    const standing = this.#standing.get(episode);
    const before = standing?.report;
    if (before && standing.said && before.seq > report.seq) return;
    this.#standing.set(episode, { report, said: true });
    const unsaid = this.#unsaid.get(episode);
    if (unsaid !== undefined) this.#settings.readAgain(unsaid);
    this.#unsaid.delete(episode);
    if (before && before.seq !== report.seq) this.#supersede(before);
    const delivered = this.#delivered.get(episode);
    if (delivered?.seq === report.seq && delivered.data.attempt === report.data.attempt) return;
    const queued = this.#queue.findIndex((one) => one.kind === "emergency" && one.report.seq === report.seq);
    if (queued >= 0) this.#queue[queued] = { kind: "emergency", report };
    else if (!this.#settings.underway.has(report.seq)) this.#push(report);
  }

  /** Removes an episode of which the unit no longer has a report. `flying`: its removal is in flight already. */
  remove(episode: string, flying: boolean): void {
    this.forget(episode);
    const known = this.#queue.some((one) => one.kind === "removal" && one.episode === episode);
    if (!known && !flying) this.#queue.push({ kind: "removal", episode });
  }

  /** Reports that were read from the outbox. */
  sort(reports: readonly Report[]): void {
    const all = reports.filter((report) => report.kind === "emergency");
    const isOver = ({ data: { episode, state } }: EmergencyUpdate) =>
      state !== "cleared" && (this.#removed.includes(episode) || this.#settings.hasEnded(episode));
    const emergencies = all.filter((report) => !isOver(report));
    for (const report of emergencies) {
      const { episode } = report.data;
      const standing = this.#standing.get(episode);
      if (!standing || (!standing.said && standing.report.seq < report.seq))
        this.#standing.set(episode, { report, said: false });
    }
    for (const report of emergencies) {
      const standing = this.#standing.get(report.data.episode)?.report;
      if (standing?.seq === report.seq) this.#push(standing);
    }
    this.#settings.asHistory(all.filter((report) => isOver(report) || !this.#stands(report)));
  }

  /** Whether a report that was read must wait for `say`. If so, notes it, so that it is read again then. */
  isUnsaid(report: Report): boolean {
    if (report.kind !== "emergency" || !this.#settings.madeHere(report.seq)) return false;
    const { episode } = report.data;
    const standing = this.#standing.get(episode);
    const said = standing?.said ? standing.report.seq : -1;
    if (report.seq <= said || this.#removed.includes(episode) || this.#settings.hasEnded(episode))
      return false;
    this.#unsaid.set(episode, Math.min(report.seq, this.#unsaid.get(episode) ?? Infinity));
    return true;
  }

  /** The report to send in place of one that waited: undefined if another one was sent or the episode is over. */
  current(report: EmergencyUpdate): Waiting | undefined {
    const standing = this.#standing.get(report.data.episode)?.report;
    if (standing?.seq === report.seq) return { kind: "emergency", report: standing };
    this.#settings.asHistory([report]);
    return undefined;
  }

  delivered(report: EmergencyUpdate): void {
    this.#delivered.set(report.data.episode, report);
  }

  /** The retained copy of an episode must be removed from the broker now. `final`: see `Outgoing`. */
  removeNow(episode: string, final?: EmergencyUpdate): void {
    this.#queue.unshift({ kind: "removal", episode, ...(final ? { final } : {}) });
  }

  /** Puts a message back to the front of the queue. */
  putBack(waiting: Waiting): void {
    const now = waiting.kind === "emergency" ? this.current(waiting.report) : waiting;
    if (now) this.#queue.unshift(now);
  }

  /** A removal that was refused waits for its next turn. */
  giveBack(waiting: Waiting): void {
    this.#queue.push(waiting);
  }

  forget(episode: string): void {
    this.#standing.delete(episode);
    this.#delivered.delete(episode);
    this.#removed = [...this.#removed.filter((one) => one !== episode), episode].slice(-REMOVED);
  }

  #stands({ seq, data }: EmergencyUpdate): boolean {
    return this.#standing.get(data.episode)?.report.seq === seq;
  }

  /**
   * A press waits neither for the ends of other episodes nor for the removal of their copies. The copy of an open episode
   * is not removed.
   */
  #push(report: EmergencyUpdate): void {
    this.#settings.underway.add(report.seq);
    const { episode, state } = report.data;
    const waiting: Waiting = { kind: "emergency", report };
    if (state === "cleared") {
      this.#queue.push(waiting);
      return;
    }
    this.#queue = this.#queue.filter((one) => one.kind !== "removal" || one.episode !== episode);
    const isLater = (one: Waiting): boolean =>
      one.kind === "removal" || (one.report.data.state === "cleared" && one.report.data.episode !== episode);
    const at = this.#queue.findIndex(isLater);
    this.#queue.splice(at < 0 ? this.#queue.length : at, 0, waiting);
  }

  /** Another report of the episode replaces a queued one, which is sent as history. */
  #supersede(older: EmergencyUpdate): void {
    const at = this.#queue.findIndex((one) => one.kind === "emergency" && one.report.seq === older.seq);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    this.#settings.asHistory([older]);
  }
}

import type { Link } from "../dispatch/link.ts";
import type { Episode, Pressed } from "../domain/episode.ts";
import type { EmergencyMemory } from "../domain/memory.ts";
import { AckMessage } from "../domain/messages.ts";
import {
  buttonOnLoop,
  type BoardPress,
  type BoardRelease,
  type BundleSign,
  type LampPattern,
  type PanicBoard,
} from "../domain/panic.ts";
import type { EmergencyUpdate } from "../domain/report.ts";
import { keepable } from "../domain/text.ts";
import { isoInstant, knownAt, type Clock } from "../domain/time.ts";
import { underPrefix, withPrefix } from "../emergency/copies.ts";
import type { RingEffect, RingEvent } from "../emergency/events.ts";
import { episodeOf } from "../emergency/orphan.ts";
import { kept, type Scene } from "../emergency/report.ts";
import { advance } from "../emergency/ring.ts";
import {
  isKnown,
  copiesOf,
  areCopiesNoted,
  isEmergencyOpen,
  restore,
  toMemory,
  type Ring,
} from "../emergency/ring-state.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { Random, Time, Timer } from "../runtime/ports.ts";
import { Signal } from "../runtime/signal.ts";
import { EpisodeLegs, type EpisodeCounts, type EpisodeStatus } from "../status/legs.ts";
import { readJson } from "../wire/read.ts";
import { EpisodeReports } from "./episode-reports.ts";
import { episodeIdOf, newEpisodeId } from "./episode-id.ts";
import { pressedAt, timed } from "./press-time.ts";
import { secured } from "./secured.ts";
import { NOT_STORED, Storing } from "./storing.ts";

export type EmergencyOptions = {
  readonly outbox: Outbox;
  readonly link: Link;
  readonly clock: Clock;
  readonly time: Time;
  readonly random: Random;
  readonly log: Log;
  /** The prefix of the topics, as configured. */
  readonly prefix: string;
  readonly buttons: Readonly<Record<string, { loop: number; silent: boolean; dark: boolean }>>;
  /** The car's position and signals, for a new report. */
  readonly scene: () => Scene;
};

export type EmergencyStatus = {
  readonly drillArmed: boolean;
  /** Seconds until the next press is no drill any more. */
  readonly drillLeftS?: number;
  readonly lamp: LampPattern;
  readonly lampDrill: boolean;
  /** The sounder is off. */
  readonly quiet: boolean;
  readonly episodes: readonly EpisodeStatus[];
  readonly counts: EpisodeCounts;
};

const TICK_MS = 250;
/** How a message came. `waitedMs`: for how long it may have waited at the broker. `repeated`, `retained`: see `Incoming`. */
type Came = { readonly waitedMs?: number } & { readonly [Key in "repeated" | "retained"]?: true | undefined };
/** A longer payload is not an acknowledgement. */
const ACK_BYTES = 4_096;
/** Characters of the acknowledging person's name that are kept. */
const BY_LETTERS = 64;
/** A ULID. Any other name in a topic, of whatever length, is not an episode of this unit. */
const EPISODE_ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/**
 * Performs the effects of the emergency ring: makes, stores and publishes reports, confirms presses to
 * the board, sets the lamp. It decides nothing itself. Made before the board, so that the first press is stored.
 */
export class EmergencyPart implements Disposable {
  readonly #options: EmergencyOptions;
  readonly #legs = new EpisodeLegs();
  readonly #reports: EpisodeReports;
  readonly #storing: Storing;
  readonly #ticking: Timer;
  readonly #boards: Pick<PanicBoard, "confirm" | "show">[] = [];
  /** A press or an airbag was counted in this episode: the signals from before it belong to the episode. */
  readonly evidence = new Signal<{ readonly episode: string; readonly test: boolean }>();
  /** A retained copy is left on a broker that is not configured any more. */
  readonly copyLeft = new Signal<RingEffect & { readonly kind: "left" }>();
  /** The board was asked for another pattern: see `status`. */
  readonly lampChanged = new Signal<void>();
  /** A button was pressed, even if the press is not counted. */
  readonly pressed = new Signal<BoardPress>();
  /** Episodes whose report was to be published and waits for its number: looked at with each tick. */
  readonly #unleased = new Set<string>();
  #ring: Ring;

  constructor(options: EmergencyOptions) {
    this.#options = options;
    const { outbox, link, clock, time, log, prefix, scene } = options;
    const { emergency } = outbox.memory;
    const copies = underPrefix(emergency.copies, prefix);
    link.inherit(copies);
    this.#reports = new EpisodeReports({ outbox, clock, log, scene, legs: this.#legs });
    this.#storing = new Storing({
      outbox,
      log,
      answered: (kind, generation) => this.#answered(kind, generation),
    });
    for (const { episode, report } of emergency.episodes) {
      this.#resume(report);
      log.warn("an emergency continues after the restart", { episode: episode.id, state: episode.state });
    }
    this.#ring = restore({ ...emergency, copies }, clock.mono());
    if (emergency.episodes.some(({ report }) => outbox.isForeign(report))) this.#store();
    for (const { episode } of emergency.episodes) this.#publish(episode.id);
    this.#ticking = time.every(TICK_MS, () => this.#tick());
  }

  /** Whether an episode is open: then positions are reported each second. */
  get open(): boolean {
    return isEmergencyOpen(this.#ring);
  }

  get status(): EmergencyStatus {
    const { lamp, emergency } = this.#ring;
    const { drillUntil } = emergency;
    const leftMs = drillUntil === undefined ? undefined : drillUntil - this.#options.clock.mono();
    return {
      drillArmed: drillUntil !== undefined,
      ...(leftMs === undefined ? {} : { drillLeftS: Math.max(0, Math.ceil(leftMs / 1_000)) }),
      lamp: lamp?.pattern ?? "idle",
      lampDrill: lamp?.drill ?? false,
      quiet: lamp?.quiet ?? false,
      episodes: this.#legs.status,
      counts: this.#legs.counts,
    };
  }

  /** From now on the board shows the lamp and gets the confirmations of presses. */
  attach(board: Pick<PanicBoard, "confirm" | "show">): void {
    this.#tick();
    this.#boards.push(board);
    const { lamp } = this.#ring;
    if (lamp) board.show(lamp.pattern, lamp.quiet, lamp.drill);
  }

  /** Gives the ring an event that needs no additions. */
  give(
    event: RingEvent & {
      kind: "fault" | "removed" | "refused" | "left" | "connected" | "listening" | "hello" | "no-drill";
    },
  ): void {
    this.#give(event);
  }

  /** Shows the result of a bundle on the lamp for `ms`. */
  showResult(sign: BundleSign, ms: number): void {
    this.#give({ kind: "bundle", sign, until: this.#options.clock.mono() + ms });
  }

  press(press: BoardPress): void {
    const { clock, buttons, random } = this.#options;
    const [button, settings] = buttonOnLoop(buttons, press.loop);
    const mono = clock.mono();
    this.#give({
      kind: "press",
      press,
      id: episodeIdOf(press, clock.now().at - (press.ageMs ?? 0), random),
      spareId: newEpisodeId(clock.now().at, random),
      button,
      silent: settings?.silent ?? false,
      dark: settings?.dark ?? false,
      pressed: press.ageMs === undefined ? undefined : this.#pressedAt(mono - press.ageMs),
      mono,
      ...this.#broker(),
    });
    this.#safely("what a press stops", () => this.pressed.emit(press));
  }

  released(release: BoardRelease): void {
    this.#give({ kind: "released", release, mono: this.#options.clock.mono() });
  }

  /** The store has a report of an emergency that the memory lacks, or has as it stood before: it goes on. */
  adopt(report: EmergencyUpdate): void {
    const { clock, buttons, log } = this.#options;
    const { episode: id, button, state } = report.data;
    const outnumbers = this.#outnumbers(report);
    const mono = clock.mono();
    const episode = episodeOf(report, buttons[button]?.dark ?? false, mono);
    this.#give({ kind: "adopt", episode, outnumbers, mono }, [report]);
    log.warn("an emergency goes on as its report in the store says", { episode: id, state });
  }

  /** A newer memory than that with which the unit began was found. */
  recall(memory: EmergencyMemory): void {
    const { link, prefix, clock } = this.#options;
    const episodes = memory.episodes.map(({ episode, report }) => ({
      episode,
      outnumbers: this.#outnumbers(report),
    }));
    const copies = underPrefix(memory.copies, prefix);
    link.inherit(copies);
    this.#give(
      { ...memory, kind: "recalled", copies, episodes, mono: clock.mono() },
      memory.episodes.map(({ report }) => report),
    );
  }

  /** Whether a report has a higher number than the current one of its episode. */
  #outnumbers(report: EmergencyUpdate): boolean {
    const ours = this.#reports.get(report.data.episode);
    return ours !== undefined && !this.#options.outbox.isForeign(report) && report.seq > ours.seq;
  }

  /** An airbag has fired at `firedAt`, on the clock of `mono`: this opens an emergency. */
  airbag(path: string, firedAt: number): void {
    const { clock, random } = this.#options;
    const mono = clock.mono();
    const id = newEpisodeId(clock.now().at, random);
    this.#give({ kind: "airbag", path, id, pressed: this.#pressedAt(firedAt), mono, ...this.#broker() });
  }

  /** Whether an airbag counts as fired. */
  hasFired(path: string): boolean {
    return this.#ring.airbags.includes(path);
  }

  rearmed(path: string): void {
    this.#give({ kind: "airbag-rearmed", path });
  }

  /** The next press within a minute is a drill. Returns the reason if a drill is refused. */
  drill(by: "technician" | "dispatch"): string | undefined {
    const { clock } = this.#options;
    const asked = by === "dispatch" ? { askedAt: clock.now().at } : {};
    const effects = this.#give({ kind: "drill", mono: clock.mono(), ...asked });
    return effects.find((effect) => effect.kind === "drill-refused")?.why;
  }

  /**
   * Dispatch acknowledges an episode. `broker`: the one that delivered the message. Resolves when the change is on disk,
   * when it is refused, or when the disk does not answer.
   */
  async acknowledge(
    id: string,
    payload: Buffer,
    broker: string,
    { waitedMs = 0, repeated, retained }: Came = {},
  ): Promise<void> {
    const { log, clock } = this.#options;
    if (!EPISODE_ID.test(id)) {
      log.warn("an acknowledgement is refused: its topic does not name an episode");
      return;
    }
    const ack = AckMessage.safeParse(readJson(payload, ACK_BYTES));
    if (!ack.success) {
      log.warn("an acknowledgement is refused: it cannot be read", { episode: id });
      return;
    }
    const { stage, by, at } = ack.data;
    const ackAt = at === undefined ? undefined : isoInstant(Date.parse(at));
    const name = by === undefined ? undefined : keepable(Array.from(by).slice(0, BY_LETTERS).join(""));
    const cameAt = this.#at();
    const mono = clock.mono();
    const times = { at: ackAt, cameAt, mono, writtenAfter: mono - waitedMs };
    this.#give({ kind: "ack", id, stage, by: name, ...times, repeated, retained, broker });
    // It counts even if the disk fails: otherwise the broker would send it for ever.
    await this.#secured();
  }

  /** Now in UTC milliseconds, if the time is known. */
  #at(): number | undefined {
    return knownAt(this.#options.clock.now());
  }

  /** A broker with a subscriber has acknowledged a report, so many milliseconds after it was published there. */
  delivered(report: EmergencyUpdate, afterMs: number): void {
    const { episode: id } = report.data;
    const episode = this.#ring.emergency.episodes.find((one) => one.id === id);
    if (!episode) return;
    if (this.#reports.get(id)?.seq !== report.seq) {
      this.#give({ kind: "shown", id, presses: report.data.presses, at: this.#at(), afterMs });
      return;
    }
    this.#legs.reached(id, "sent", this.#options.clock.mono());
    this.#give({ kind: "sent", id, revision: episode.revision, at: this.#at(), afterMs });
  }

  /**
   * Called before a report is published. Resolves when the disk has recorded that the broker may have a
   * copy, or the disk does not answer. Undefined: the report may be published at once.
   */
  publishing(report: EmergencyUpdate, broker: string): Promise<void> | undefined {
    const { episode: id, state, presses } = report.data;
    if (state === "cleared") return undefined; // published without retain
    this.#give({ kind: "publishing", id, presses, broker });
    return areCopiesNoted(this.#ring) ? undefined : this.#secured();
  }

  [Symbol.dispose](): void {
    this.#ticking[Symbol.dispose]();
  }

  #tick(): void {
    const { clock, link } = this.#options;
    this.#putRight();
    const at = this.#at();
    const known = at === undefined ? {} : { at };
    this.#give({ kind: "tick", mono: clock.mono(), connected: link.connected, ...known });
    const waiting = [...this.#unleased];
    this.#unleased.clear();
    for (const id of waiting) this.#publish(id);
  }

  /** Once the time is known: the presses that were made before, and the reports of them. */
  #putRight(): void {
    const { outbox, clock } = this.#options;
    for (const episode of this.#ring.emergency.episodes) {
      const pressed = timed(episode.pressed, outbox.boot, clock);
      if (!pressed) continue;
      this.#renew(episode);
      this.#give({ kind: "timed", id: episode.id, pressed });
    }
  }

  /** Takes over the report of an episode. One of an earlier store gets a number of this one. */
  #resume(report: EmergencyUpdate): void {
    const { episode } = report.data;
    if (this.#options.outbox.isForeign(report)) this.#reports.renumber(episode, report);
    else this.#reports.resume(episode, report);
  }

  /** `reports`: those of the episodes that the ring may take over. */
  #give(event: RingEvent, reports: readonly EmergencyUpdate[] = []): readonly RingEffect[] {
    const { ring, effects } = advance(this.#ring, event, this.#options.clock.mono());
    const isNew = ({ data }: EmergencyUpdate) =>
      isKnown(ring, data.episode) && !this.#reports.get(data.episode);
    for (const report of reports) if (isNew(report)) this.#resume(report);
    this.#ring = ring;
    for (const effect of effects) this.#safely(effect.kind, () => this.#perform(effect));
    return effects;
  }

  /** Contains an error, so that a press still reaches the disk, dispatch and the lamp. */
  #safely(what: string, perform: () => void): void {
    try {
      perform();
    } catch (cause) {
      this.#options.log.error(`emergency: ${what} failed`, { cause: reasonOf(cause) });
    }
  }

  /** Resolves when the memory is on disk, or cannot be stored, or the disk does not answer. */
  async #secured(): Promise<void> {
    const { outbox, time, log } = this.#options;
    await secured(outbox, time, (cause) => log.error(NOT_STORED, { cause }));
  }

  #perform(effect: RingEffect): void {
    const { link, log } = this.#options;
    switch (effect.kind) {
      case "report":
        this.#reports.make(effect.episode);
        break;
      case "store":
        this.#store();
        break;
      case "publish":
        this.#publish(effect.id);
        break;
      case "repeat":
        this.#repeat(effect.episode);
        break;
      case "confirm":
        for (const board of this.#boards) board.confirm(effect.press);
        break;
      case "evidence":
        this.evidence.emit({ episode: effect.id, test: effect.test });
        break;
      case "lamp":
        for (const board of this.#boards)
          board.show(effect.lamp.pattern, effect.lamp.quiet, effect.lamp.drill);
        this.lampChanged.emit();
        break;
      case "remove":
        link.remove(effect.id, effect.broker, effect.prefix);
        break;
      case "left":
        this.copyLeft.emit(effect);
        break;
      case "forget":
        this.#reports.forget(effect.id);
        log.info("the emergency has ended", { episode: effect.id });
        break;
      case "drill-refused":
        log.warn(`drill refused: ${effect.why}`, { part: "emergency" });
        break;
      case "refused":
        log.warn(`acknowledgement refused: ${effect.why}`, { part: "emergency" });
    }
  }

  #store(): void {
    const { outbox, prefix } = this.#options;
    const episodes = this.#ring.emergency.episodes.map((episode) => ({
      episode,
      // A press must never be on disk without its episode.
      report: kept(this.#reports.get(episode.id) ?? this.#reports.make(episode)),
    }));
    const memory = toMemory(this.#ring);
    outbox.remember({ emergency: { episodes, ...memory, copies: withPrefix(memory.copies, prefix) } });
    this.#storing.store(this.#ring.generation);
  }

  #answered(kind: "stored" | "not-stored", generation: number): void {
    if (kind === "stored")
      for (const one of this.#ring.unstored)
        if (one.generation <= generation) this.#legs.reached(one.id, "stored", this.#options.clock.mono());
    this.#give({ kind, generation });
  }

  #publish(id: string): void {
    const report = this.#reports.get(id);
    if (report && this.#waitsForLease(report)) this.#unleased.add(id);
    else if (report) this.#options.link.emergency(report, copiesOf(this.#ring, id));
  }

  #repeat(episode: Episode): void {
    this.#renew(episode);
    this.#publish(episode.id);
  }

  /** Gives the report of an episode its attempt, and its times as they are known now. */
  #renew(episode: Episode): void {
    const report = this.#reports.get(episode.id);
    // The outbox may still give the report another number, which a copy of it would not get.
    if (report && !this.#waitsForLease(report)) this.#reports.renew(episode);
  }

  /** The next life could give the number of this report again: it is leased, or replaced, within a second. */
  #waitsForLease({ seq }: EmergencyUpdate): boolean {
    const { outbox } = this.#options;
    return outbox.madeHere(seq) && !outbox.leased(seq);
  }

  #broker(): { broker?: string } {
    const { broker } = this.#options.link.status;
    return broker === undefined ? {} : { broker };
  }

  #pressedAt(mono: number): Pressed {
    const { outbox, clock } = this.#options;
    return pressedAt(mono, outbox.boot, clock);
  }
}

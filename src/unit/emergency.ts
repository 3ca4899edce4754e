import type { Link } from "../dispatch/link.ts";
import type { Episode, Pressed } from "../domain/episode.ts";
import { AckMessage } from "../domain/messages.ts";
import { buttonOnLoop, type BoardPress, type LampPattern, type PanicBoard } from "../domain/panic.ts";
import type { EmergencyData, EmergencyUpdate } from "../domain/report.ts";
import { isoInstant, type Clock } from "../domain/time.ts";
import type { RingEffect, RingEvent } from "../emergency/events.ts";
import { advance } from "../emergency/ring.ts";
import {
  copiesOf,
  isDurable,
  isEmergencyOpen,
  restore,
  toMemory,
  type Ring,
} from "../emergency/ring-state.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { Random, Time, Timer } from "../runtime/ports.ts";
import { Signal } from "../runtime/signal.ts";
import { EpisodeLegs, type EpisodeStatus } from "../status/legs.ts";
import { readJson } from "../wire/read.ts";
import { episodeIdOf, newEpisodeId } from "./episode-id.ts";
import { secured } from "./secured.ts";

/**
 * Performs the effects of the emergency ring: makes, stores and publishes reports, confirms presses to
 * the board, sets the lamp. It decides nothing itself.
 */
export type EmergencyOptions = {
  readonly outbox: Outbox;
  readonly link: Link;
  readonly clock: Clock;
  readonly time: Time;
  readonly random: Random;
  readonly log: Log;
  readonly buttons: Readonly<Record<string, { loop: number; silent: boolean; dark: boolean }>>;
  /** The car's position and signals, for a new report. */
  readonly scene: () => Pick<EmergencyData, "position" | "track" | "vehicle">;
};

export type EmergencyStatus = {
  readonly drillArmed: boolean;
  readonly lamp: LampPattern;
  readonly episodes: readonly EpisodeStatus[];
};

const TICK_MS = 250;
/** A longer payload is not an acknowledgement. */
const ACK_BYTES = 4_096;
/** Characters of the acknowledging person's name that are kept. */
const BY_LETTERS = 64;
/** Logged when the memory cannot be stored. */
const NOT_STORED = "what is known of emergencies cannot be stored";
/** Bytes of an open episode's report that are kept in the memory. The whole report is in the outbox. */
const KEPT_BYTES = 8_192;
/** A ULID. Any other name in a topic, of whatever length, is not an episode of this unit. */
const EPISODE_ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/**
 * Fields that the memory leaves out of a report, in this order, if the report is too large or the episode
 * has ended.
 */
const SCENE = ["track", "vehicle"] as const;

/**
 * A report as the memory keeps it: shortened, because the memory's file has a fixed size, which commands
 * and copies share.
 */
const kept = (report: EmergencyUpdate): EmergencyUpdate => {
  const now = structuredClone(report);
  for (const field of SCENE) {
    const fits = report.data.state !== "cleared" && Buffer.byteLength(JSON.stringify(now)) <= KEPT_BYTES;
    if (fits || now.data[field] === undefined) continue;
    delete now.data[field];
    now.data.shortened = [...(now.data.shortened ?? []), field];
  }
  return now;
};

/** The emergencies. Made before the board, so that the first press is stored. */
export class EmergencyPart implements Disposable {
  readonly #options: EmergencyOptions;
  /** The current report of each episode. */
  readonly #reports = new Map<string, EmergencyUpdate>();
  readonly #legs = new EpisodeLegs();
  readonly #ticking: Timer;
  readonly #boards: Pick<PanicBoard, "confirm" | "show">[] = [];
  /** A press or an airbag was counted in this episode: the signals from before it belong to the episode. */
  readonly evidence = new Signal<{ readonly episode: string; readonly test: boolean }>();
  /** A button was pressed, even if the press is not counted. */
  readonly pressed = new Signal<BoardPress>();
  #ring: Ring;
  /** Whether the memory is being stored, and whether it has changed since that began. */
  #storing: "idle" | "asked" | "asked-again" = "idle";
  /** The generation that the outbox has in memory. */
  #remembered = 0;
  /** Storing has failed and that was logged. A board that repeats its press makes four attempts a second. */
  #storeFails = false;

  constructor(options: EmergencyOptions) {
    this.#options = options;
    const { outbox, link, clock, time, log } = options;
    const { emergency } = outbox.memory;
    for (const { episode, report } of emergency.episodes) {
      this.#reports.set(episode.id, report);
      this.#legs.resume(report.data);
      log.warn("an emergency continues after the restart", { episode: episode.id, state: episode.state });
    }
    this.#ring = restore(emergency, clock.mono());
    for (const [id, report] of this.#reports) link.emergency(report, copiesOf(this.#ring, id));
    this.#ticking = time.every(TICK_MS, () =>
      this.#give({ kind: "tick", mono: clock.mono(), connected: link.connected }),
    );
  }

  /** Whether an episode is open: then positions are reported each second. */
  get open(): boolean {
    return isEmergencyOpen(this.#ring);
  }

  get status(): EmergencyStatus {
    return {
      drillArmed: this.#ring.emergency.drillUntil !== undefined,
      lamp: this.#ring.lamp?.pattern ?? "idle",
      episodes: this.#legs.status,
    };
  }

  /** From now on the board shows the lamp and gets the confirmations of presses. */
  attach(board: Pick<PanicBoard, "confirm" | "show">): void {
    this.#give({ kind: "tick", mono: this.#options.clock.mono(), connected: this.#options.link.connected });
    this.#boards.push(board);
    const { lamp } = this.#ring;
    if (lamp) board.show(lamp.pattern, lamp.quiet, lamp.drill);
  }

  /** Gives the ring an event that needs no additions. */
  give(
    event: RingEvent & { kind: "fault" | "removed" | "connected" | "listening" | "hello" | "no-drill" },
  ): void {
    this.#give(event);
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

  /** An airbag has fired: this opens an emergency. */
  airbag(path: string): void {
    const { clock, random } = this.#options;
    const mono = clock.mono();
    const id = newEpisodeId(clock.now().at, random);
    this.#give({ kind: "airbag", path, id, pressed: this.#pressedAt(mono), mono, ...this.#broker() });
  }

  /** Whether an airbag counts as fired. */
  hasFired(path: string): boolean {
    return this.#ring.airbags.includes(path);
  }

  rearmed(path: string): void {
    this.#give({ kind: "airbag-rearmed", path });
  }

  /** The next press within a minute is a drill. Returns why not, if it cannot be. */
  drill(by: "technician" | "dispatch"): string | undefined {
    const { clock } = this.#options;
    const asked = by === "dispatch" ? { askedAt: clock.now().at } : {};
    const effects = this.#give({ kind: "drill", mono: clock.mono(), ...asked });
    return effects.find((effect) => effect.kind === "refused")?.why;
  }

  /** Dispatch acknowledges an episode. Resolves when that is on disk, or refused, or the disk does not answer. */
  async acknowledge(id: string, payload: Buffer): Promise<void> {
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
    const name = by === undefined ? undefined : Array.from(by).slice(0, BY_LETTERS).join("");
    this.#give({ kind: "ack", id, stage, by: name, at: ackAt, mono: clock.mono(), ...this.#broker() });
    // It counts even if the disk fails: otherwise the broker would send it for ever.
    await this.#secured();
  }

  /**
   * A broker with a subscriber has acknowledged a report. If the episode is cleared, the broker has no
   * retained copy any more.
   */
  delivered(report: EmergencyUpdate, broker: string): void {
    const { episode: id, state } = report.data;
    if (state === "cleared") this.#give({ kind: "removed", id, broker });
    const episode = this.#ring.emergency.episodes.find((one) => one.id === id);
    if (!episode || this.#reports.get(id)?.seq !== report.seq) return;
    this.#legs.reached(id, "sent", this.#options.clock.mono());
    this.#give({ kind: "sent", id, revision: episode.revision });
  }

  /**
   * Called before a report is published. Resolves when the disk has recorded that the broker may have a
   * copy, or the disk does not answer. Undefined: the report may be published at once.
   */
  publishing(report: EmergencyUpdate, broker: string): Promise<void> | undefined {
    const { episode: id, state } = report.data;
    if (state === "cleared") return undefined; // published without retain
    this.#give({ kind: "publishing", id, broker });
    return isDurable(this.#ring) ? undefined : this.#secured();
  }

  [Symbol.dispose](): void {
    this.#ticking[Symbol.dispose]();
  }

  #give(event: RingEvent): readonly RingEffect[] {
    const { ring, effects } = advance(this.#ring, event, this.#options.clock.mono());
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
        this.#report(effect.episode);
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
        break;
      case "remove":
        link.remove(effect.id, effect.broker);
        break;
      case "forget":
        this.#reports.delete(effect.id);
        log.info("the emergency has ended", { episode: effect.id });
        break;
      case "refused":
        log.warn(`refused: ${effect.why}`, { part: "emergency" });
    }
  }

  #report(episode: Episode): EmergencyUpdate {
    const { outbox, clock, log } = this.#options;
    const known = this.#reports.has(episode.id);
    const data = this.#dataOf(episode);
    const report = outbox.append({ kind: "emergency", data, ...clock.now() });
    // A report has the kind of its draft.
    if (report.kind !== "emergency") throw new Error(`a report of kind ${report.kind}`);
    this.#reports.set(episode.id, report);
    if (known) this.#legs.changed(data);
    else {
      const ageMs = episode.pressed ? Math.max(0, clock.mono() - episode.pressed.mono) : 0;
      this.#legs.begin(data, ageMs, clock.mono());
      log.warn(episode.test ? "a drill has begun" : "EMERGENCY", {
        episode: episode.id,
        button: episode.button,
      });
    }
    if (episode.state !== "active") this.#legs.reached(episode.id, episode.state, clock.mono());
    return report;
  }

  #store(): void {
    const { outbox } = this.#options;
    const episodes = this.#ring.emergency.episodes.map((episode) => ({
      episode,
      // A press must never be on disk without its episode.
      report: kept(this.#reports.get(episode.id) ?? this.#report(episode)),
    }));
    outbox.remember({ emergency: { episodes, ...toMemory(this.#ring) } });
    this.#remembered = this.#ring.generation;
    if (this.#storing === "idle") this.#askDisk();
    else this.#storing = "asked-again";
  }

  /** Stores one generation at a time, so that requests do not pile up while the disk does not answer. */
  #askDisk(): void {
    const { outbox, log, clock } = this.#options;
    const generation = this.#remembered;
    this.#storing = "asked";
    const answered = (kind: "stored" | "not-stored"): void => {
      const again = this.#storing === "asked-again";
      this.#storing = "idle";
      if (kind === "stored") {
        this.#storeFails = false;
        for (const one of this.#ring.unstored)
          if (one.generation <= generation) this.#legs.reached(one.id, "stored", clock.mono());
      }
      this.#give({ kind, generation });
      if (again && this.#storing === "idle") this.#askDisk();
    };
    outbox.secure().then(
      () => answered("stored"),
      (cause: unknown) => {
        if (!this.#storeFails) log.error(NOT_STORED, { cause: reasonOf(cause) });
        this.#storeFails = true;
        answered("not-stored");
      },
    );
  }

  #publish(id: string): void {
    const report = this.#reports.get(id);
    if (report) this.#options.link.emergency(report, copiesOf(this.#ring, id));
  }

  #repeat(episode: Episode): void {
    const before = this.#reports.get(episode.id);
    if (!before) return;
    this.#reports.set(episode.id, { ...before, data: { ...before.data, attempt: episode.attempt } });
    this.#publish(episode.id);
  }

  #broker(): { broker?: string } {
    const { broker } = this.#options.link.status;
    return broker === undefined ? {} : { broker };
  }

  #pressedAt(mono: number): Pressed {
    const { outbox, clock } = this.#options;
    const { at, clock: trust } = clock.when(mono);
    // JSON has no NaN and no infinity: the memory could not be read after a restart.
    const instant = Number.isFinite(at) ? { at, clock: trust } : ({ at: 0, clock: "unset" } as const);
    return { boot: outbox.boot, mono, ...instant };
  }

  #dataOf(episode: Episode): EmergencyData {
    const { id, state, test, silent, button, buttons, presses, attempt, by, ackAt } = episode;
    return {
      episode: id,
      state,
      test,
      silent,
      button,
      buttons,
      ...this.#pressTime(episode.pressed),
      presses,
      attempt,
      ...this.#lastSeen(id),
      ...this.#scene(),
      ...(by === undefined ? {} : { by }),
      ...(ackAt === undefined ? {} : { ackAt }),
    };
  }

  /** The car's position and signals. Empty if they cannot be read: the press counts without them. */
  #scene(): Pick<EmergencyData, "position" | "track" | "vehicle"> {
    try {
      return this.#options.scene();
    } catch (cause) {
      this.#options.log.error("the position and signals for an emergency cannot be read", {
        cause: reasonOf(cause),
      });
      return {};
    }
  }

  /** The time of a press. Unknown if it was made before a restart while the clock was unset. */
  #pressTime(pressed: Pressed | undefined): { pressedAt?: string } {
    const { outbox, clock } = this.#options;
    if (!pressed || (pressed.boot !== outbox.boot && pressed.clock === "unset")) return {};
    const better = pressed.boot === outbox.boot ? clock.when(pressed.mono) : pressed;
    return { pressedAt: isoInstant(better.at) };
  }

  /** After a restart, until the first fix: the car's position in the last report of the episode. */
  #lastSeen(id: string): Pick<EmergencyData, "position" | "track"> {
    const report = this.#reports.get(id);
    const now = this.#options.clock.now();
    if (!report || report.clock === "unset" || now.clock === "unset") return {};
    const passedMs = Math.max(0, now.at - Date.parse(report.at));
    const older = <T extends { ageMs?: number | undefined }>(place: T) => ({
      ...place,
      ...(place.ageMs === undefined ? {} : { ageMs: place.ageMs + passedMs }),
      trusted: false,
    });
    const { position, track } = report.data;
    return {
      ...(position ? { position: { ...older(position), ageMs: position.ageMs + passedMs } } : {}),
      ...(track ? { track: track.map(older) } : {}),
    };
  }
}

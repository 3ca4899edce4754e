import type { Link } from "../dispatch/link.ts";
import type { Episode, Pressed } from "../domain/episode.ts";
import { AckMessage } from "../domain/messages.ts";
import { buttonOnLoop, type BoardPress, type LampPattern, type PanicBoard } from "../domain/panic.ts";
import type { EmergencyData, EmergencyUpdate } from "../domain/report.ts";
import { isoInstant, type Clock } from "../domain/time.ts";
import {
  advance,
  copiesOf,
  isEmergencyOpen,
  restore,
  toMemory,
  type Ring,
  type RingEffect,
  type RingEvent,
} from "../emergency/ring.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { Random, Time, Timer } from "../runtime/ports.ts";
import { Signal } from "../runtime/signal.ts";
import { EpisodeLegs, type EpisodeStatus } from "../status/legs.ts";
import { readJson } from "../wire/read.ts";
import { episodeIdOf, newEpisodeId } from "./episode-id.ts";

/**
 * Performs what the emergency ring decides: makes and stores reports, confirms presses to the board,
 * publishes, shows the lamp. It decides nothing itself.
 */
export type EmergencyOptions = {
  readonly outbox: Outbox;
  readonly link: Link;
  readonly clock: Clock;
  readonly time: Time;
  readonly random: Random;
  readonly log: Log;
  readonly buttons: Readonly<Record<string, { loop: number; silent: boolean; dark: boolean }>>;
  /** Where the car is and what it says, for a new report. */
  readonly scene: () => Pick<EmergencyData, "position" | "track" | "vehicle">;
};

export type EmergencyStatus = {
  readonly drillArmed: boolean;
  readonly lamp: LampPattern;
  readonly episodes: readonly EpisodeStatus[];
};

const TICK_MS = 250;
/** An acknowledgement is a few words: what is longer is none. */
const ACK_BYTES = 4_096;

export class EmergencyPart implements Disposable {
  readonly #options: EmergencyOptions;
  /** The report of each episode as it now stands. */
  readonly #reports = new Map<string, EmergencyUpdate>();
  readonly #legs = new EpisodeLegs();
  readonly #ticking: Timer;
  readonly #boards: Pick<PanicBoard, "confirm" | "show">[] = [];
  /** A press was counted, or what counts as one: what led up to it belongs to this episode. */
  readonly evidence = new Signal<{ readonly episode: string; readonly test: boolean }>();
  /** A button was pressed, whatever becomes of it. */
  readonly pressed = new Signal<BoardPress>();
  #ring: Ring;

  constructor(options: EmergencyOptions) {
    this.#options = options;
    const { outbox, link, clock, time, log } = options;
    const { emergency } = outbox.memory;
    for (const { episode, report } of emergency.episodes) {
      this.#reports.set(episode.id, report);
      this.#legs.resume(report.data);
      log.warn("an emergency goes on", { episode: episode.id, state: episode.state });
    }
    this.#ring = restore(emergency, clock.mono());
    for (const [id, report] of this.#reports) link.emergency(report, copiesOf(this.#ring, id));
    this.#ticking = time.every(TICK_MS, () =>
      this.#give({ kind: "tick", mono: clock.mono(), connected: link.connected }),
    );
  }

  /** An episode is open: positions are wanted each second. */
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

  /** A board shows the lamp from now on, and hears that presses are stored. */
  attach(board: Pick<PanicBoard, "confirm" | "show">): void {
    this.#boards.push(board);
    this.#give({ kind: "tick", mono: this.#options.clock.mono(), connected: this.#options.link.connected });
    const { lamp } = this.#ring;
    if (lamp) board.show(lamp.pattern, lamp.quiet, lamp.drill);
  }

  /** Events that need nothing added. */
  give(
    event: RingEvent & { kind: "fault" | "removed" | "connected" | "listening" | "hello" | "no-drill" },
  ): void {
    this.#give(event);
  }

  press(press: BoardPress): void {
    this.pressed.emit(press);
    const { clock, buttons, random } = this.#options;
    const [button, settings] = buttonOnLoop(buttons, press.loop);
    const mono = clock.mono();
    this.#give({
      kind: "press",
      press,
      id: episodeIdOf(press, clock.now().at - (press.ageMs ?? 0), random),
      button,
      silent: settings?.silent ?? false,
      dark: settings?.dark ?? false,
      pressed: press.ageMs === undefined ? undefined : this.#pressedAt(mono - press.ageMs),
      mono,
      ...this.#broker(),
    });
  }

  /** An airbag has fired: an emergency that nobody had to press for. */
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

  /** Dispatch's answer. Resolves when it is on disk, or refused. */
  async acknowledge(id: string, payload: Buffer): Promise<void> {
    const { log, clock, outbox } = this.#options;
    const ack = AckMessage.safeParse(readJson(payload, ACK_BYTES));
    if (!ack.success) {
      log.warn("an acknowledgement cannot be read: it is refused", { episode: id });
      return;
    }
    const { stage, by, at } = ack.data;
    const ackAt = at === undefined ? undefined : isoInstant(Date.parse(at));
    this.#give({ kind: "ack", id, stage, by, at: ackAt, mono: clock.mono(), ...this.#broker() });
    // Without a disk it counts all the same: a broker that sends it for ever would help nobody.
    await outbox.secure().catch((cause: unknown) => {
      log.error("an acknowledgement cannot be stored", { episode: id, cause: reasonOf(cause) });
    });
  }

  /** A broker with a subscriber has acknowledged a report. */
  delivered(report: EmergencyUpdate): void {
    const { episode: id } = report.data;
    const episode = this.#ring.emergency.episodes.find((one) => one.id === id);
    if (!episode || this.#reports.get(id)?.seq !== report.seq) return;
    this.#legs.reached(id, "sent", this.#options.clock.mono());
    this.#give({ kind: "sent", id, revision: episode.revision });
  }

  /** Before an episode goes to a broker: resolves when it is on disk that a copy may stand there. */
  publishing(report: EmergencyUpdate, broker: string): Promise<void> | undefined {
    const effects = this.#give({ kind: "publishing", id: report.data.episode, broker });
    return effects.some((effect) => effect.kind === "store") ? this.#options.outbox.secure() : undefined;
  }

  [Symbol.dispose](): void {
    this.#ticking[Symbol.dispose]();
  }

  #give(event: RingEvent): readonly RingEffect[] {
    const { ring, effects } = advance(this.#ring, event, this.#options.clock.mono());
    this.#ring = ring;
    for (const effect of effects) this.#perform(effect);
    return effects;
  }

  #perform(effect: RingEffect): void {
    const { link, log } = this.#options;
    switch (effect.kind) {
      case "report":
        this.#report(effect.episode);
        break;
      case "store":
        this.#store(effect.generation);
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

  #report(episode: Episode): void {
    const { outbox, clock, log } = this.#options;
    const known = this.#reports.has(episode.id);
    const data = this.#dataOf(episode);
    const report = outbox.append({ kind: "emergency", data, ...clock.now() });
    if (report.kind !== "emergency") return; // a report has the kind of its draft
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
  }

  #store(generation: number): void {
    const { outbox, log, clock } = this.#options;
    const episodes = this.#ring.emergency.episodes.flatMap((episode) => {
      const report = this.#reports.get(episode.id);
      return report ? [{ episode, report }] : [];
    });
    outbox.remember({ emergency: { episodes, ...toMemory(this.#ring) } });
    outbox.secure().then(
      () => {
        for (const one of this.#ring.unstored)
          if (one.generation <= generation) this.#legs.reached(one.id, "stored", clock.mono());
        this.#give({ kind: "stored", generation });
      },
      (cause: unknown) => {
        log.error("what is known of emergencies cannot be stored", { cause: reasonOf(cause) });
        this.#give({ kind: "not-stored", generation });
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
    return { boot: outbox.boot, mono, ...clock.when(mono) };
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
      ...this.#toldTime(episode.pressed),
      presses,
      attempt,
      ...this.#lastSeen(id),
      ...this.#options.scene(),
      ...(by === undefined ? {} : { by }),
      ...(ackAt === undefined ? {} : { ackAt }),
    };
  }

  /** What was pressed before a restart under an unset clock has no time that can be told. */
  #toldTime(pressed: Pressed | undefined): { pressedAt?: string } {
    const { outbox, clock } = this.#options;
    if (!pressed || (pressed.boot !== outbox.boot && pressed.clock === "unset")) return {};
    const better = pressed.boot === outbox.boot ? clock.when(pressed.mono) : pressed;
    return { pressedAt: isoInstant(better.at) };
  }

  /** After a restart, until the first fix: where the last report of the episode saw the car. */
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

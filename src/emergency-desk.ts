import { ulid } from "ulid";
import type { EmergencyData, EmergencyUpdate } from "./domain/report.ts";
import { isoInstant, type Clock } from "./domain/time.ts";
import { AckMessage } from "./domain/messages.ts";
import { buttonOnLoop, type BoardPress, type LampPattern } from "./domain/panic.ts";
import type { Link } from "./dispatch/link.ts";
import { readJson } from "./dispatch/read.ts";
import {
  advance,
  isOpen,
  NO_EMERGENCY,
  REPEAT_MS,
  restore,
  type Effect,
  type Emergency,
  type EmergencyEvent,
  type Episode,
  type Pressed,
} from "./emergency/machine.ts";
import { lampOf } from "./emergency/lamp.ts";
import type { Outbox } from "./outbox/outbox.ts";
import { episodeIdOf } from "./episode-id.ts";
import { createEpisodeLegs, type EpisodeStatus } from "./episode-legs.ts";
import { createPressLedger } from "./press-ledger.ts";
import { createRetainedCopies } from "./retained-copies.ts";
import { reasonOf, type Log } from "./runtime/log.ts";

/**
 * Performs what the emergency machine decides: stores, then confirms to the board and publishes;
 * shows the lamp. The ring from the button to dispatch and back to the lamp closes here.
 */
export type EmergencyDesk = Disposable & {
  /** An episode is open: positions are wanted each second. */
  readonly open: boolean;
  press(press: BoardPress): void;
  /** An emergency that nobody had to press for: `button` says what it was. */
  alarm(button: string): void;
  /** A board has said which number it gave last: fewer than we know means that it has lost its memory. */
  meet(board: string, lastNumber: number): void;
  /** Dispatch's answer; resolves when it is on disk, or refused. */
  acknowledge(episode: string, payload: Buffer): Promise<void>;
  delivered(report: EmergencyUpdate, broker: string): void;
  takenOff(episode: string, broker: string): void;
  connected(): void;
  /** The next press within a minute is a drill; returns why not, where somebody is in earnest. */
  drill(): string | undefined;
  /** No drill after all. */
  disarm(): undefined;
  /** Shows the lamp anew: a board has come that has not been told. */
  showLamp(): void;
  /** Something that a press depends on does not work, or does again. */
  fault(part: string, faulty: boolean): void;
  readonly status: DeskStatus;
};

type DeskStatus = {
  readonly drillArmed: boolean;
  readonly lamp: LampPattern;
  readonly episodes: readonly EpisodeStatus[];
};

export type DeskOptions = {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly link: () => Link | undefined;
  readonly buttons: Readonly<Record<string, { loop: number; silent: boolean; dark: boolean }>>;
  readonly scene: () => Pick<EmergencyData, "position" | "track" | "vehicle">;
  /** A press, or what counts as one, has been taken: what led up to it belongs to this episode. */
  readonly pressed: (episode: string, test: boolean) => void;
  readonly board: { confirm(press: BoardPress): void; show(pattern: LampPattern, quiet: boolean): void };
  readonly log: Log;
};

const TICK_MS = 250;
/** An acknowledgement is a few words: what is longer is none. */
const ACK_BYTES = 4_096;

type Kept = { readonly episode: Episode; readonly report: EmergencyUpdate };
const EPISODE = "episode:";
export const createEmergencyDesk = (options: DeskOptions): EmergencyDesk => {
  const { outbox, clock, log, board } = options;
  /** The report of each episode as it now stands. */
  const reports = new Map<string, EmergencyUpdate>();
  const ledger = createPressLedger(outbox);
  const retained = createRetainedCopies(outbox);
  const legs = createEpisodeLegs((id) => reports.has(id));
  const faults = new Set<string>();
  let emergency: Emergency = NO_EMERGENCY;
  let timer: NodeJS.Timeout | undefined;
  let hurriedAt = -Infinity;

  const kept = [...outbox.notes]
    .filter(([name]) => name.startsWith(EPISODE))
    .map(([, value]) => value as Kept);
  /** Episodes that have ended in this boot; of others that are not open, a damaged note may be to blame. */
  const ended = new Set<string>();
  for (const { episode, report } of kept) {
    reports.set(episode.id, report);
    legs.resume(report.data);
  }
  emergency = restore(
    kept.map(({ episode }) => episode),
    clock.mono(),
  );
  for (const { id, state } of emergency.episodes) log.warn("an emergency goes on", { episode: id, state });

  const lamp = () => lampOf(emergency, faults.size > 0);
  const show = () => {
    const { pattern, quiet } = lamp();
    board.show(pattern, quiet);
  };

  /** What was pressed before a restart under an unset clock has no time that can be told. */
  const pressedAt = (pressed: Pressed | undefined): { pressedAt?: string } => {
    if (!pressed || (pressed.boot !== outbox.boot && pressed.clock === "unset")) return {};
    const better = pressed.boot === outbox.boot ? clock.when(pressed.mono) : pressed;
    return { pressedAt: isoInstant(better.at) };
  };

  /** After a restart, until the first fix: where the last report of the episode saw the car. */
  const lastSeen = (id: string): Pick<EmergencyData, "position" | "track"> => {
    const report = reports.get(id);
    const now = clock.now();
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
  };

  const dataOf = (e: Episode): EmergencyData => ({
    episode: e.id,
    state: e.state,
    test: e.test,
    silent: e.silent,
    button: e.button,
    ...pressedAt(e.pressed),
    presses: e.presses,
    attempt: e.attempt,
    ...lastSeen(e.id),
    ...options.scene(),
    ...(e.by === undefined ? {} : { by: e.by }),
    ...(e.ackAt === undefined ? {} : { ackAt: e.ackAt }),
  });

  const keep = (episode: Episode): void => {
    const report = reports.get(episode.id);
    if (report) outbox.note(EPISODE + episode.id, { episode, report } satisfies Kept);
  };

  /**
   * Says `stored` once it is: with the note of the episode, which holds its report, on disk. Where
   * the disk takes nothing, the report goes out from memory.
   */
  const confirmStored = ({ id, revision, reach }: Episode): void => {
    const report = reports.get(id);
    if (!report || reach !== "made") return;
    outbox.secure().then(
      () => {
        legs.reached(id, "stored");
        apply({ kind: "stored", id, revision });
        options.link()?.update(report, retained.brokersOf(id));
      },
      (cause: unknown) => {
        log.error("an emergency cannot be stored: it goes out from memory", { cause: reasonOf(cause) });
        options.link()?.repeat(report);
      },
    );
  };

  const store = (episode: Episode): void => {
    const data = dataOf(episode);
    const report = outbox.append({ kind: "emergency", data, ...clock.now() }) as EmergencyUpdate;
    legs.changed(data);
    reports.set(episode.id, report);
    keep(episode);
    if (episode.state !== "active") legs.reached(episode.id, episode.state);
    confirmStored(episode);
    options.link()?.hurry(report);
  };

  const repeat = (episode: Episode): void => {
    const before = reports.get(episode.id);
    if (!before) return;
    const report = { ...before, data: { ...before.data, attempt: episode.attempt } };
    reports.set(episode.id, report);
    keep(episode);
    options.link()?.repeat(report);
  };

  /** Takes off the brokers what has ended. */
  const sweep = (): void => {
    for (const [id, broker] of retained.all) {
      if (reports.has(id) || (outbox.notesDoubtful && !ended.has(id))) continue;
      options.link()?.takeOff(id, broker);
    }
  };

  const perform = (effect: Effect): void => {
    switch (effect.kind) {
      case "report":
        store(effect.episode);
        break;
      case "repeat":
        repeat(effect.episode);
        break;
      case "forget":
        reports.delete(effect.id);
        ended.add(effect.id);
        outbox.note(EPISODE + effect.id, undefined);
        sweep();
        log.info("the emergency has ended", { episode: effect.id });
        break;
      case "refused":
        log.warn(`an acknowledgement is refused: ${effect.why}`);
    }
  };

  const apply = (event: EmergencyEvent): void => {
    const step = advance(emergency, event);
    emergency = step.emergency;
    for (const effect of step.effects) perform(effect);
    show();
    const busy = emergency.episodes.length > 0 || emergency.drillUntil !== undefined;
    if (busy) timer ??= setInterval(tick, TICK_MS);
    else {
      clearInterval(timer);
      timer = undefined;
    }
  };

  const tick = (): void => {
    const mono = clock.mono();
    const connected = options.link()?.status.broker !== undefined;
    if (!connected && emergency.episodes.length > 0 && mono - hurriedAt >= REPEAT_MS) {
      hurriedAt = mono;
      options.link()?.hurry();
    }
    apply({ kind: "tick", mono, connected });
  };

  type Call = {
    readonly id: string;
    readonly button: string;
    readonly settings: { readonly silent: boolean; readonly dark: boolean } | undefined;
    readonly count: number;
    readonly ageMs: number | undefined;
    readonly automatic: boolean;
  };
  const open = ({ id, button, settings, count, ageMs, automatic }: Call): void => {
    const { silent = false, dark = false } = settings ?? {};
    const mono = clock.mono();
    const pressedMono = ageMs === undefined ? undefined : mono - ageMs;
    const before = emergency.episodes;
    apply({
      kind: "press",
      id,
      button,
      silent,
      dark,
      count,
      automatic,
      mono,
      ...(pressedMono === undefined
        ? {}
        : { pressed: { boot: outbox.boot, mono: pressedMono, ...clock.when(pressedMono) } }),
    });
    const counted = emergency.episodes.find((one) => !before.includes(one));
    if (counted) options.pressed(counted.id, counted.test);
    const report = reports.get(id);
    if (!report) return; // it counts in an episode that is open already
    log.warn(report.data.test ? "a drill has begun" : "EMERGENCY", { episode: id, button });
    legs.begin(report.data, ageMs ?? 0);
  };

  if (emergency.episodes.length > 0) timer = setInterval(tick, TICK_MS);
  show();

  return {
    get open() {
      return emergency.episodes.some(isOpen);
    },
    press(press) {
      const known = ledger.judge(press);
      if (known === "stored") {
        board.confirm(press); // it has not heard so
        return;
      }
      if (known === "new") {
        ledger.count(press);
        const [button, settings] = buttonOnLoop(options.buttons, press.loop);
        const id = episodeIdOf(press, clock.now().at - (press.ageMs ?? 0));
        open({ id, button, settings, count: press.count, ageMs: press.ageMs, automatic: false });
      }
      outbox.secure().then(
        () => {
          ledger.stored(press);
          board.confirm(press);
        },
        () => undefined, // told by the outbox; the board repeats, and this is tried again
      );
    },
    alarm: (button) =>
      open({ id: ulid(clock.now().at), button, settings: undefined, count: 1, ageMs: 0, automatic: true }),
    meet: (id, lastNumber) => ledger.meet(id, lastNumber),
    async acknowledge(id, payload) {
      const ack = AckMessage.safeParse(readJson(payload, ACK_BYTES));
      if (!ack.success) {
        log.warn("an acknowledgement cannot be read: it is refused", { episode: id });
        return;
      }
      const { stage, by, at } = ack.data;
      // An episode that this unit knows nothing of any more can still be taken off where it stands.
      const { broker } = options.link()?.status ?? {};
      if (stage === "cleared" && !reports.has(id) && broker !== undefined)
        options.link()?.takeOff(id, broker);
      const ackAt = at === undefined ? undefined : isoInstant(Date.parse(at));
      apply({ kind: "ack", id, stage, by, at: ackAt, mono: clock.mono() });
      // Without a disk it counts all the same: a broker that sent it for ever would help nobody.
      await outbox.secure().catch((cause: unknown) => {
        log.error("an acknowledgement cannot be kept", { episode: id, cause: reasonOf(cause) });
      });
    },
    delivered(report, broker) {
      const { episode: id, state } = report.data;
      if (state === "cleared") retained.drop(id, broker);
      else retained.put(id, broker);
      if (reports.get(id)?.seq !== report.seq) return;
      const episode = emergency.episodes.find((one) => one.id === id);
      if (!episode) return;
      const first = episode.reach !== "sent";
      legs.reached(id, "sent");
      apply({ kind: "sent", id, revision: episode.revision });
      const now = emergency.episodes.find((one) => one.id === id);
      if (first && now) keep(now);
    },
    takenOff: (id, broker) => retained.drop(id, broker),
    connected() {
      apply({ kind: "connected", mono: clock.mono() });
      sweep();
    },
    drill() {
      if (emergency.episodes.some((episode) => isOpen(episode) && !episode.test))
        return "an emergency is open: no press is a drill now";
      apply({ kind: "drill", mono: clock.mono() });
      return undefined;
    },
    disarm() {
      apply({ kind: "no-drill" });
    },
    showLamp: show,
    fault(part, faulty) {
      if (faulty) faults.add(part);
      else faults.delete(part);
      show();
      // The disk works again: what was made meanwhile is on it.
      if (part === "outbox" && !faulty) for (const episode of emergency.episodes) confirmStored(episode);
    },
    get status() {
      return {
        drillArmed: emergency.drillUntil !== undefined,
        lamp: lamp().pattern,
        episodes: legs.status,
      };
    },
    [Symbol.dispose]() {
      clearInterval(timer);
    },
  };
};

import { isLater, type Episode, type Pressed, type Stage } from "../domain/episode.ts";
import { knownAt } from "../domain/time.ts";
import { isOver, isTooEarly, refusedEarly } from "./early-clear.ts";
import { handedWith, refusedBy, seenSince, type Acknowledged } from "./seen.ts";

/**
 * Emergency episodes (contract §5): how a press, an acknowledgement, a PUBACK or time changes them. Pure:
 * time and new ids are arguments, and what to do is returned as effects.
 */
export type Emergency = {
  readonly episodes: readonly Episode[];
  /** The next press before this time (`mono`) is a drill. Undefined: no drill is armed. */
  readonly drillUntil?: number | undefined;
};

type PressName = NonNullable<Episode["first"]>;

/** `at`: in UTC milliseconds, if the time is known. */
export type EpisodeEvent =
  | {
      readonly kind: "press";
      /** The id of the episode that this press may open. */
      readonly id: string;
      readonly button: string;
      /** As its board names it. Undefined: nobody pressed, or the board gives no numbers. */
      readonly name?: PressName | undefined;
      readonly count: number;
      readonly silent: boolean;
      readonly dark: boolean;
      /** When the contact closed; undefined: not known. */
      readonly pressed?: Pressed | undefined;
      /** An airbag has fired, nobody pressed: it is never a drill. */
      readonly automatic: boolean;
      readonly mono: number;
    }
  /** The contact of a press has opened, `heldMs` after it closed. */
  | { readonly kind: "released"; readonly name: PressName; readonly heldMs: number; readonly mono: number }
  /** Arms a drill for the next press within DRILL_MS, or disarms it. */
  | { readonly kind: "drill"; readonly mono: number }
  | { readonly kind: "no-drill" }
  /** The report of a revision is on disk. */
  | { readonly kind: "stored"; readonly id: string; readonly revision: number }
  /** A broker with a subscriber has acknowledged the report of a revision. */
  | ({ readonly kind: "sent"; readonly id: string; readonly revision: number } & Acknowledged)
  /** The same of a report that is not the present one. It has so many presses. */
  | ({ readonly kind: "shown"; readonly id: string; readonly presses: number } & Acknowledged)
  | {
      readonly kind: "ack";
      readonly id: string;
      readonly stage: Exclude<Stage, "active">;
      readonly by?: string | undefined;
      /** When dispatch wrote it, by dispatch's clock. */
      readonly at?: string | undefined;
      /** When it came, UTC milliseconds, if the time is known. */
      readonly cameAt?: number | undefined;
      readonly mono: number;
      /**
       * It may have waited for the unit: the earliest time at which dispatch can have written it, on the clock of `mono`.
       * -Infinity: nobody knows.
       */
      readonly writtenAfter?: number | undefined;
      /** The broker has sent it before. */
      readonly repeated?: boolean | undefined;
    }
  /** `connected`: something can be published now. `at`: UTC milliseconds, if the time is known. */
  | {
      readonly kind: "tick";
      readonly mono: number;
      readonly connected: boolean;
      readonly at?: number | undefined;
    };

export type EpisodeEffect =
  /** Make a new report of the episode, store it, then publish it. */
  | { readonly kind: "report"; readonly episode: Episode }
  /** Store the episode. It has no new report. */
  | { readonly kind: "keep" }
  /** Publish the last report again, with this attempt. */
  | { readonly kind: "repeat"; readonly episode: Episode }
  /** Dispatch has the end of the episode: nothing of it needs to be kept. */
  | { readonly kind: "forget"; readonly id: string }
  /** An acknowledgement that changes nothing, and why. */
  | { readonly kind: "refused"; readonly why: string };

export type Step = { readonly emergency: Emergency; readonly effects: readonly EpisodeEffect[] };

export const REPEAT_MS = 5_000;
export const DRILL_MS = 60_000;
/** A drill that nobody clears ends by itself. */
export const DRILL_ENDS_MS = 600_000;
/** `by` of a drill that ended by itself. */
const UNIT = "unit";
export const NO_EMERGENCY: Emergency = { episodes: [] };

/** An episode that is not cleared: positions are reported each second, and further presses count in it. */
export const isOpen = (episode: Episode): boolean => episode.state !== "cleared";

const unchanged = (emergency: Emergency, ...effects: EpisodeEffect[]): Step => ({ emergency, effects });

const replace = (emergency: Emergency, episode: Episode): Emergency => ({
  ...emergency,
  episodes: emergency.episodes.map((other) => (other.id === episode.id ? episode : other)),
});

/** A repetition that is late by more than this was not awaited. */
const LATE_MS = 1_000;

/**
 * When a changed episode is published again. Changes do not put it off: with the first repetition all brokers get the
 * press, and an officer may go on pressing.
 */
const nextRepeat = ({ state, repeatAt }: Episode, mono: number): number =>
  state === "active" && mono - repeatAt < LATE_MS ? Math.min(repeatAt, mono + REPEAT_MS) : mono + REPEAT_MS;

/** A changed version of an episode: it gets a new report, which is published for the first time. */
export const changed = (episode: Episode, mono: number): Episode => ({
  ...episode,
  revision: episode.revision + 1,
  reach: "made",
  attempt: 1,
  repeatAt: nextRepeat(episode, mono),
  heldUnsent: undefined,
});

type Press = EpisodeEvent & { kind: "press" };

const isNamed = (one: PressName | undefined, { board, number }: PressName): boolean =>
  one?.board === board && one.number === number;

/**
 * A press is a drill only if it is known to have been made after the drill was armed, within its time,
 * and while no real emergency is open.
 */
const isDrill = ({ drillUntil, episodes }: Emergency, event: Press): boolean => {
  const { automatic, pressed, count, mono } = event;
  if (automatic || drillUntil === undefined || mono >= drillUntil || pressed === undefined) return false;
  // The board has counted several presses in this one. Only the first of them could be a drill.
  if (count > 1) return false;
  return pressed.mono >= drillUntil - DRILL_MS && !episodes.some((one) => isOpen(one) && !one.test);
};

const opened = (event: Press, test: boolean): Episode =>
  changed(
    {
      id: event.id,
      test,
      button: event.button,
      buttons: [event.button],
      silent: event.silent,
      dark: event.dark,
      pressed: event.pressed,
      first: event.name,
      presses: event.count,
      state: "active",
      safe: false,
      revision: 0,
      reach: "made",
      attempt: 0,
      repeatAt: event.mono + REPEAT_MS,
      ...(test ? { endsAt: event.mono + DRILL_ENDS_MS } : {}),
    },
    event.mono,
  );

const timeOf = (pressed: Pressed | undefined): number | undefined => pressed && knownAt(pressed);

/**
 * A further press. A button that is not silent makes the episode loud, and one that is not dark makes it
 * visible.
 */
const pressedAgain = (episode: Episode, event: Press): Episode =>
  changed(
    {
      ...episode,
      presses: episode.presses + event.count,
      buttons: episode.buttons.includes(event.button) ? episode.buttons : [...episode.buttons, event.button],
      silent: episode.silent && event.silent,
      dark: episode.dark && event.dark,
      unseen: { handed: {} },
      pressedAgainAt: timeOf(event.pressed),
      pressedAgainMono: event.mono,
      seenMono: undefined,
      seenAt: undefined,
      earlyClear: undefined,
    },
    event.mono,
  );

const press = (emergency: Emergency, event: Press): Step => {
  const test = isDrill(emergency, event);
  const rest = { ...emergency, drillUntil: undefined };
  // Only the first press after a drill was armed is a drill. A second one opens a real episode.
  const open = rest.episodes.find((episode) => isOpen(episode) && episode.test === test);
  const episode = open ? pressedAgain(open, event) : opened(event, test);
  const now = open ? replace(rest, episode) : { ...rest, episodes: [...rest.episodes, episode] };
  return { emergency: now, effects: [{ kind: "report", episode }] };
};

/**
 * The first press is released. Its report on the way must not be replaced by one that only adds this, so a
 * new report is made once that is at a broker, or with the next change.
 */
const released = (emergency: Emergency, event: EpisodeEvent & { kind: "released" }): Step => {
  const { name, heldMs, mono } = event;
  const known = emergency.episodes.find((one) => isOpen(one) && isNamed(one.first, name));
  if (!known || known.heldMs !== undefined) return unchanged(emergency);
  if (known.reach !== "sent")
    return unchanged(replace(emergency, { ...known, heldMs, heldUnsent: true }), { kind: "keep" });
  const episode = changed({ ...known, heldMs }, mono);
  return { emergency: replace(emergency, episode), effects: [{ kind: "report", episode }] };
};

type Ack = EpisodeEvent & { kind: "ack" };

/** The episode goes on, and is repeated until dispatch has seen the press. */
const goesOn = (emergency: Emergency, known: Episode, event: Ack): Step => {
  const refused = { kind: "refused", why: "it was pressed again, and dispatch had not seen that" } as const;
  const noted = refusedEarly(known, event);
  if (known.state === "active") return unchanged(replace(emergency, noted), { kind: "keep" }, refused);
  const episode = changed({ ...noted, state: "active", by: undefined, ackAt: undefined }, event.mono);
  return { emergency: replace(emergency, episode), effects: [{ kind: "report", episode }, refused] };
};

const acknowledge = (emergency: Emergency, event: Ack): Step => {
  const known = emergency.episodes.find((episode) => episode.id === event.id);
  if (!known) return unchanged(emergency, { kind: "refused", why: "no such episode is open" });
  if (!isLater(event.stage, known.state))
    return unchanged(emergency, { kind: "refused", why: `the episode is already ${known.state}` });
  if (event.stage === "cleared" && isTooEarly(known, event)) return goesOn(emergency, known, event);
  if (event.stage !== "cleared" && isOver(known, event))
    return unchanged(emergency, { kind: "refused", why: "dispatch wrote it before it ended the episode" });
  const episode = changed({ ...known, state: event.stage, by: event.by, ackAt: event.at }, event.mono);
  return { emergency: replace(emergency, episode), effects: [{ kind: "report", episode }] };
};

const withEach = (emergency: Emergency, change: (episode: Episode) => Episode): Emergency => ({
  ...emergency,
  episodes: emergency.episodes.map(change),
});

/** A connection to a broker has got a report with `presses` presses. */
export const handed = (
  emergency: Emergency,
  { id, presses, broker }: { readonly id: string; readonly presses: number; readonly broker: string },
  mono: number,
): Emergency => withEach(emergency, (one) => (one.id === id ? handedWith(one, presses, broker, mono) : one));

/** A broker refuses emergencies. */
export const refusedAt = (emergency: Emergency, broker: string): Emergency =>
  withEach(emergency, (one) => refusedBy(one, broker));

const stored = (emergency: Emergency, event: EpisodeEvent & { kind: "stored" }): Step => {
  const episode = emergency.episodes.find((one) => one.id === event.id && one.revision === event.revision);
  if (!episode || episode.reach !== "made") return unchanged(emergency);
  return unchanged(replace(emergency, { ...episode, safe: true, reach: "stored" }));
};

/** Dispatch can have seen the newest press, though the episode has changed since. */
const shown = (emergency: Emergency, event: EpisodeEvent & { kind: "shown" }): Step => {
  const { id, presses } = event;
  const episode = emergency.episodes.find((one) => one.id === id);
  if (!episode?.unseen || episode.presses !== presses) return unchanged(emergency);
  const seen = { ...episode, sentPresses: presses, unseen: undefined, ...seenSince(event) };
  return unchanged(replace(emergency, seen), { kind: "keep" });
};

const sent = (emergency: Emergency, event: EpisodeEvent & { kind: "sent" }): Step => {
  const episode = emergency.episodes.find((one) => one.id === event.id && one.revision === event.revision);
  if (!episode) return unchanged(emergency);
  if (isOpen(episode)) {
    const atBroker = {
      ...episode,
      safe: true,
      reach: "sent",
      sentPresses: episode.presses,
      unseen: undefined,
      ...(episode.unseen ? seenSince(event) : {}),
    } as const;
    // Stored: after a restart dispatch's `cleared` may come before the next acknowledgement of a broker.
    const kept = episode.unseen ? [{ kind: "keep" } as const] : [];
    if (!episode.heldUnsent) return unchanged(replace(emergency, atBroker), ...kept);
    const withHeld = changed(atBroker, event.mono);
    return { emergency: replace(emergency, withHeld), effects: [{ kind: "report", episode: withHeld }] };
  }
  return {
    emergency: { ...emergency, episodes: emergency.episodes.filter((other) => other !== episode) },
    effects: [{ kind: "forget", id: episode.id }],
  };
};

/**
 * An episode that dispatch has not acknowledged, and an end that no broker has acknowledged, are
 * published again.
 */
const wantsRepeat = ({ state }: Episode): boolean => state === "active" || state === "cleared";

type Tick = EpisodeEvent & { kind: "tick" };

const isTimeUp = ({ endsAt = Infinity, endsAtUtc = Infinity }: Episode, { mono, at = -Infinity }: Tick) =>
  mono >= endsAt || at >= endsAtUtc;

const tickOne = (episode: Episode, event: Tick): { episode: Episode; effect?: EpisodeEffect } => {
  const { mono, connected } = event;
  if (isOpen(episode) && isTimeUp(episode, event)) {
    const over = changed({ ...episode, state: "cleared", by: UNIT, ackAt: undefined }, mono);
    return { episode: over, effect: { kind: "report", episode: over } };
  }
  const due = connected && wantsRepeat(episode) && mono >= episode.repeatAt;
  if (!due) return { episode };
  const again = { ...episode, attempt: episode.attempt + 1, repeatAt: mono + REPEAT_MS };
  return { episode: again, effect: { kind: "repeat", episode: again } };
};

const tick = (emergency: Emergency, event: Tick): Step => {
  const { drillUntil } = emergency;
  const drillOver = drillUntil !== undefined && event.mono >= drillUntil;
  const ticked = emergency.episodes.map((episode) => tickOne(episode, event));
  return {
    emergency: {
      episodes: ticked.map(({ episode }) => episode),
      drillUntil: drillOver ? undefined : drillUntil,
    },
    effects: ticked.flatMap(({ effect }) => (effect ? [effect] : [])),
  };
};

/** The episodes after an event, and the effects to perform in order. */
export const advance = (emergency: Emergency, event: EpisodeEvent): Step => {
  switch (event.kind) {
    case "press":
      return press(emergency, event);
    case "released":
      return released(emergency, event);
    case "drill":
      return unchanged({ ...emergency, drillUntil: event.mono + DRILL_MS });
    case "no-drill":
      return unchanged({ ...emergency, drillUntil: undefined });
    case "stored":
      return stored(emergency, event);
    case "sent":
      return sent(emergency, event);
    case "shown":
      return shown(emergency, event);
    case "ack":
      return acknowledge(emergency, event);
    case "tick":
      return tick(emergency, event);
  }
};

/**
 * When a drill ends after a restart: at the time of day, whenever that is known, and at the latest when it
 * has its whole time once more.
 */
const endOfDrill = ({ pressed }: Episode, mono: number): Pick<Episode, "endsAt" | "endsAtUtc"> => ({
  endsAt: mono + DRILL_ENDS_MS,
  ...(pressed === undefined || pressed.clock === "unset" ? {} : { endsAtUtc: pressed.at + DRILL_ENDS_MS }),
});

/** In an earlier life. */
const BEFORE = -1;

/** An episode of an earlier life at `mono` in this one. It is on disk. */
export const restored = (episode: Episode, mono: number): Episode => ({
  ...episode,
  buttons: episode.buttons.length > 0 ? episode.buttons : [episode.button],
  safe: true,
  reach: episode.reach === "sent" ? "sent" : "stored",
  repeatAt: mono + REPEAT_MS,
  ...(episode.unseen ? { unseen: { handed: {} } } : {}),
  ...(episode.pressedAgainMono === undefined ? {} : { pressedAgainMono: BEFORE }),
  seenMono: undefined,
  ...(episode.earlyClear
    ? { earlyClear: { at: episode.earlyClear.at, mono: BEFORE, latestAt: episode.earlyClear.latestAt } }
    : {}),
  ...(episode.overMono === undefined ? {} : { overMono: BEFORE }),
  ...(episode.test ? endOfDrill(episode, mono) : {}),
});

/** Episodes from the memory after a restart at `mono`. */
export const restore = (episodes: readonly Episode[], mono: number): Emergency => ({
  episodes: episodes.map((episode) => restored(episode, mono)),
});

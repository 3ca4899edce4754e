/**
 * Emergency episodes (contract v1 §5): what a press, an acknowledgement, a PUBACK or time makes of
 * them. Pure: time and new ids are arguments, what is to be done comes back as effects.
 */
export const STAGES = ["active", "received", "accepted", "cleared"] as const;
type Stage = (typeof STAGES)[number];

/** When the contact closed, as far as it is known. `boot` and `mono` say it again once the clock is right. */
export type Pressed = {
  readonly boot: number;
  readonly mono: number;
  readonly at: number;
  readonly clock: "gnss" | "ntp" | "unset";
};

export type Episode = {
  /** A ULID. */
  readonly id: string;
  /** A drill: the same path, never mixed with real ones. */
  readonly test: boolean;
  readonly button: string;
  /** No sounder. */
  readonly silent: boolean;
  /** No lamp either: it goes on looking idle. */
  readonly dark: boolean;
  readonly pressed?: Pressed | undefined;
  readonly presses: number;
  readonly state: Stage;
  readonly by?: string | undefined;
  /** The acknowledgement's own time, ISO 8601. */
  readonly ackAt?: string | undefined;
  /** Counts the changes, each of which is a new report. */
  readonly revision: number;
  /** Whether a report of this episode is on disk or at a broker, be it an earlier one. */
  readonly safe: boolean;
  /** How far the report of this revision got. */
  readonly reach: "made" | "stored" | "sent";
  /** How often the report of this revision was published. */
  readonly attempt: number;
  /** When it is to be published again, on the clock of `mono`. */
  readonly repeatAt: number;
};

export type Emergency = {
  readonly episodes: readonly Episode[];
  /** The next press before this time is a drill; undefined where none is asked for. */
  readonly drillUntil?: number | undefined;
};

export type EmergencyEvent =
  | {
      readonly kind: "press";
      /** The id of the episode that this press may open. */
      readonly id: string;
      readonly button: string;
      readonly count: number;
      readonly silent: boolean;
      readonly dark: boolean;
      readonly pressed?: Pressed | undefined;
      /** Nobody pressed: an airbag does not know of drills. */
      readonly automatic: boolean;
      readonly mono: number;
    }
  /** The next press within a minute is a drill; or no drill after all. */
  | { readonly kind: "drill"; readonly mono: number }
  | { readonly kind: "no-drill" }
  /** The report of a revision is on disk. */
  | { readonly kind: "stored"; readonly id: string; readonly revision: number }
  /** A broker has acknowledged the report of a revision. */
  | { readonly kind: "sent"; readonly id: string; readonly revision: number }
  | {
      readonly kind: "ack";
      readonly id: string;
      readonly stage: Exclude<Stage, "active">;
      readonly by?: string | undefined;
      readonly at?: string | undefined;
      readonly mono: number;
    }
  | { readonly kind: "connected"; readonly mono: number }
  | { readonly kind: "tick"; readonly mono: number; readonly connected: boolean };

export type Effect =
  /** Store it as a new report, then publish it. */
  | { readonly kind: "report"; readonly episode: Episode }
  /** Publish the last report again, by another broker where there is one. */
  | { readonly kind: "repeat"; readonly episode: Episode }
  /** Dispatch has the end of it: nothing more is to be kept. */
  | { readonly kind: "forget"; readonly id: string }
  /** An acknowledgement that changes nothing, and why. */
  | { readonly kind: "refused"; readonly why: string };

export type Step = { readonly emergency: Emergency; readonly effects: readonly Effect[] };

export const REPEAT_MS = 5_000;
export const DRILL_MS = 60_000;

export const NO_EMERGENCY: Emergency = { episodes: [] };

const rank = (stage: Stage): number => STAGES.indexOf(stage);

/** Not cleared: positions are wanted each second, and further presses count here. */
export const isOpen = (episode: Episode): boolean => episode.state !== "cleared";

const unchanged = (emergency: Emergency, ...effects: Effect[]): Step => ({ emergency, effects });

const replace = (emergency: Emergency, episode: Episode): Emergency => ({
  ...emergency,
  episodes: emergency.episodes.map((other) => (other.id === episode.id ? episode : other)),
});

/** A change: a report of its own, published for the first time. */
const changed = (episode: Episode, mono: number): Episode => ({
  ...episode,
  revision: episode.revision + 1,
  reach: "made",
  attempt: 1,
  repeatAt: mono + REPEAT_MS,
});

/**
 * A press is a drill only if it was made after the drill was asked for, in time, and while nobody is
 * in earnest: an emergency is never taken for one.
 */
const isDrill = ({ drillUntil, episodes }: Emergency, event: EmergencyEvent & { kind: "press" }): boolean => {
  if (event.automatic || drillUntil === undefined || event.mono >= drillUntil) return false;
  const pressedAt = event.pressed?.mono ?? event.mono;
  return pressedAt >= drillUntil - DRILL_MS && !episodes.some((episode) => isOpen(episode) && !episode.test);
};

const press = (emergency: Emergency, event: EmergencyEvent & { kind: "press" }): Step => {
  const test = isDrill(emergency, event);
  const rest = { ...emergency, drillUntil: undefined };
  const open = rest.episodes.find((episode) => isOpen(episode) && episode.test === test);
  if (open) {
    const episode = changed({ ...open, presses: open.presses + event.count }, event.mono);
    return { emergency: replace(rest, episode), effects: [{ kind: "report", episode }] };
  }
  const { id, button, silent, dark, pressed } = event;
  const first = { id, test, button, silent, dark, pressed, presses: event.count, state: "active" } as const;
  const episode = changed(
    { ...first, safe: false, revision: 0, reach: "made", attempt: 0, repeatAt: 0 },
    event.mono,
  );
  return {
    emergency: { ...rest, episodes: [...rest.episodes, episode] },
    effects: [{ kind: "report", episode }],
  };
};

const acknowledge = (emergency: Emergency, event: EmergencyEvent & { kind: "ack" }): Step => {
  const known = emergency.episodes.find((episode) => episode.id === event.id);
  if (!known) return unchanged(emergency, { kind: "refused", why: "no such episode is open" });
  if (rank(event.stage) <= rank(known.state)) {
    return unchanged(emergency, { kind: "refused", why: `it is ${known.state} already` });
  }
  const episode = changed({ ...known, state: event.stage, by: event.by, ackAt: event.at }, event.mono);
  return { emergency: replace(emergency, episode), effects: [{ kind: "report", episode }] };
};

const stored = (emergency: Emergency, event: EmergencyEvent & { kind: "stored" }): Step => {
  const episode = emergency.episodes.find((e) => e.id === event.id && e.revision === event.revision);
  if (!episode || episode.reach !== "made") return unchanged(emergency);
  return unchanged(replace(emergency, { ...episode, safe: true, reach: "stored" }));
};

const sent = (emergency: Emergency, event: EmergencyEvent & { kind: "sent" }): Step => {
  const episode = emergency.episodes.find((e) => e.id === event.id && e.revision === event.revision);
  if (!episode) return unchanged(emergency);
  if (isOpen(episode)) return unchanged(replace(emergency, { ...episode, safe: true, reach: "sent" }));
  return {
    emergency: { ...emergency, episodes: emergency.episodes.filter((other) => other !== episode) },
    effects: [{ kind: "forget", id: episode.id }],
  };
};

/** What dispatch has not said to have, and the end that no broker has, are said again. */
const wantsRepeat = (episode: Episode): boolean => episode.state === "active" || episode.state === "cleared";

const tick = (emergency: Emergency, mono: number, connected: boolean): Step => {
  const { drillUntil } = emergency;
  const drillOver = drillUntil !== undefined && mono >= drillUntil;
  const effects: Effect[] = [];
  const episodes = emergency.episodes.map((episode) => {
    if (!connected || !wantsRepeat(episode) || mono < episode.repeatAt) return episode;
    const again = { ...episode, attempt: episode.attempt + 1, repeatAt: mono + REPEAT_MS };
    effects.push({ kind: "repeat", episode: again });
    return again;
  });
  return { emergency: { episodes, drillUntil: drillOver ? undefined : drillUntil }, effects };
};

/**
 * A new connection sends by itself what no broker has yet: that need not be said twice at once.
 * An answered episode is said again: the broker may have forgotten what it was to keep.
 */
const connect = (emergency: Emergency, mono: number): Step => ({
  emergency: {
    ...emergency,
    episodes: emergency.episodes.map((episode) =>
      episode.reach === "sent" ? episode : { ...episode, repeatAt: mono + REPEAT_MS },
    ),
  },
  effects: emergency.episodes
    .filter((episode) => episode.reach === "sent" && !wantsRepeat(episode))
    .map((episode) => ({ kind: "repeat", episode })),
});

export const advance = (emergency: Emergency, event: EmergencyEvent): Step => {
  switch (event.kind) {
    case "press":
      return press(emergency, event);
    case "drill":
      return unchanged({ ...emergency, drillUntil: event.mono + DRILL_MS });
    case "no-drill":
      return unchanged({ ...emergency, drillUntil: undefined });
    case "stored":
      return stored(emergency, event);
    case "sent":
      return sent(emergency, event);
    case "ack":
      return acknowledge(emergency, event);
    case "connected":
      return connect(emergency, event.mono);
    case "tick":
      return tick(emergency, event.mono, event.connected);
  }
};

/** Episodes as they were kept, after a restart at `mono`: on disk at least, and due again. */
export const restore = (episodes: readonly Episode[], mono: number): Emergency => ({
  episodes: episodes.map((episode) => ({
    ...episode,
    safe: true,
    reach: episode.reach === "sent" ? "sent" : "stored",
    repeatAt: mono + REPEAT_MS,
  })),
});

import * as z from "zod";
import type { StateMessage } from "../domain/messages.ts";
import type { StoredReport } from "./report.ts";

/** How often a unit is heard, by what it last said. Pure. */

/** `off`: it has said that it stops, so its silence is no news. */
type Mode = "moving" | "standing" | "parked" | "off";

/** Seconds between two messages, at most. Health comes each 60 s, whatever the car does. */
const EXPECTED_S: Readonly<Record<Exclude<Mode, "off"> | "emergency", number>> = {
  emergency: 5,
  moving: 10,
  standing: 60,
  parked: 60,
};
/** A configuration may ask for less: what was usual of late counts, up to this, seconds. */
const USUAL_S = 3_600;
/** How fast what was usual is forgotten: with each message. */
const FORGETTING = 0.9;
/** Open emergencies of one unit that are remembered. Beyond it the oldest counts as ended. */
const EPISODES = 16;

/** Where a unit is in its own life: a message of an earlier place is stale. */
export type Place = { readonly store: string; readonly boot: number; readonly connection: number };

export type Cadence = {
  readonly mode: Mode;
  readonly episodes: readonly string[];
  /** The longest usual time between two messages in this mode, seconds. */
  readonly usualS: number;
  readonly place: Place | undefined;
  /** Of the newest report that counted. */
  readonly seq: number;
  /** It has no fix, so it sends no positions. */
  readonly isBlind: boolean;
};

export const NEW_CADENCE: Cadence = {
  mode: "standing",
  episodes: [],
  usualS: 0,
  place: undefined,
  seq: 0,
  isBlind: false,
};

/** Seconds until the next message is expected; undefined: none is. */
export const expectedS = ({ mode, episodes, usualS, isBlind }: Cadence): number | undefined => {
  if (episodes.length > 0 && isBlind) return EXPECTED_S.standing;
  if (episodes.length > 0) return Math.max(EXPECTED_S.emergency, Math.min(usualS, EXPECTED_S.standing));
  return mode === "off" ? undefined : Math.max(EXPECTED_S[mode], usualS);
};

/** A message came `afterS` seconds after the one before. */
export const heardAfter = (cadence: Cadence, afterS: number): Cadence => ({
  ...cadence,
  usualS: Math.min(USUAL_S, Math.max(afterS, cadence.usualS * FORGETTING)),
});

const inMode = (cadence: Cadence, mode: Mode): Cadence =>
  cadence.mode === mode ? cadence : { ...cadence, mode, usualS: 0 };

const Position = z.object({ speedKmh: z.number().optional(), courseDeg: z.number().optional() });
const Event = z.object({ type: z.string(), what: z.string().optional() });
const Health = z.object({ gps: z.object({ fix: z.string() }) });
const Emergency = z.object({ episode: z.string(), state: z.string() });

const POWER: Readonly<Record<string, Mode>> = {
  "ignition-on": "standing",
  "ignition-off": "parked",
  "power-off": "off",
  "power-off-cancelled": "parked",
};

const afterEvent = (cadence: Cadence, { type, what = "" }: z.infer<typeof Event>): Cadence => {
  if (type === "shutdown") return inMode(cadence, "off");
  if (type === "boot") return inMode(cadence, "standing");
  const mode = type === "power" ? POWER[what] : undefined;
  return mode === undefined ? cadence : inMode(cadence, mode);
};

const afterEmergency = (cadence: Cadence, { episode, state }: z.infer<typeof Emergency>): Cadence => {
  const others = cadence.episodes.filter((one) => one !== episode);
  return { ...cadence, episodes: state === "cleared" ? others : [...others, episode].slice(-EPISODES) };
};

const afterPosition = (cadence: Cadence, { courseDeg }: z.infer<typeof Position>): Cadence => {
  // Contract §3: the course is absent when the car stands. Parked cars report too.
  if (courseDeg !== undefined) return inMode(cadence, "moving");
  return cadence.mode === "parked" ? cadence : inMode(cadence, "standing");
};

/** What its data means. Data of a form that is not known means nothing. */
const afterData = (cadence: Cadence, kind: string, data: unknown): Cadence => {
  const position = kind === "position" ? Position.safeParse(data).data : undefined;
  if (position) return { ...afterPosition(cadence, position), isBlind: false };
  const event = kind === "event" ? Event.safeParse(data).data : undefined;
  if (event) return afterEvent(cadence, event);
  const emergency = kind === "emergency" ? Emergency.safeParse(data).data : undefined;
  if (emergency) return afterEmergency(cadence, emergency);
  const health = kind === "health" ? Health.safeParse(data).data : undefined;
  if (!health) return cadence;
  const isBlind = health.gps.fix === "none";
  const next = { ...cadence, isBlind };
  return isBlind && cadence.mode === "moving" ? inMode(next, "standing") : next;
};

/** A live report of the unit. One that is older than what is known changes nothing. */
export const afterReport = (cadence: Cadence, { kind, store, boot, seq, data }: StoredReport): Cadence => {
  const place = cadence.place?.store === store ? cadence.place : undefined;
  if (place && (boot < place.boot || seq < cadence.seq)) return cadence;
  // Only births count starts: one that its disk took no note of numbers its reports far beyond (DECISIONS 61).
  const next: Cadence = { ...cadence, seq, place: place ?? { store, boot, connection: 0 } };
  return afterData(next, kind, JSON.parse(data));
};

/**
 * Contract §2: an `offline` whose (boot, connection) is below the newest birth is stale, and so is one of
 * another store.
 */
export const isStale = (place: Place | undefined, state: StateMessage): boolean => {
  if (!place) return false;
  const { store = "", boot, connection = 0 } = state;
  if (store !== place.store) return state.state === "offline";
  return boot < place.boot || (boot === place.boot && connection < place.connection);
};

/** A birth, will or farewell that is not stale. A will says nothing about what is expected. */
export const afterState = (cadence: Cadence, state: StateMessage): Cadence => {
  const { store = "", boot, connection = 0 } = state;
  if (state.state === "offline") return state.reason === undefined ? cadence : inMode(cadence, "off");
  const place = { store, boot, connection };
  const before = cadence.place;
  const isNewStart = before !== undefined && (before.store !== store || before.boot < boot);
  const next = { ...cadence, place, seq: isNewStart ? 0 : cadence.seq };
  return next.mode === "off" ? inMode(next, "standing") : next;
};

import { IDENTITY_PART } from "../domain/identity.ts";

/** The topics of contract §2 as dispatch's recorder uses them. */

/** What a unit publishes and the recorder stores or watches. */
const CHANNELS = ["state", "position", "vehicle", "emergency", "event", "health", "history"] as const;
type Channel = (typeof CHANNELS)[number];

/** A topic of a unit. `episode`: only on `emergency/{episode}`. */
export type UnitTopic = {
  readonly unit: string;
  readonly channel: Channel | "silent";
  readonly episode?: string;
};

/** The directorate under which recorders publish their own state; no unit belongs to it. */
const RECORDERS = "recorder";

const isChannel = (word: string | undefined): word is Channel | "silent" =>
  word === "silent" || CHANNELS.some((channel) => channel === word);

/** The unit and the channel of a topic. Undefined: not a topic that the recorder reads. */
export const readTopic = (prefix: string, topic: string): UnitTopic | undefined => {
  if (!topic.startsWith(`${prefix}/`)) return undefined;
  const [directorate = "", id = "", channel, episode, ...more] = topic.slice(prefix.length + 1).split("/");
  if (!IDENTITY_PART.test(directorate) || !IDENTITY_PART.test(id) || directorate === RECORDERS)
    return undefined;
  if (!isChannel(channel) || more.length > 0) return undefined;
  const unit = `${directorate}/${id}`;
  if (channel !== "emergency") return episode === undefined ? { unit, channel } : undefined;
  return episode === undefined || episode === "" ? undefined : { unit, channel, episode };
};

/** A pattern of units: `*`, `zrenjanin/*` or `zrenjanin/zr-117`, several with commas. */
export type UnitPattern = readonly (readonly [directorate: string, id: string])[];

const readPart = (text: string): string | undefined =>
  text === "*" ? "+" : IDENTITY_PART.test(text) ? text : undefined;

/** Reads a pattern. Undefined: it has another form. */
export const readPattern = (text: string): UnitPattern | undefined => {
  const pairs: [string, string][] = [];
  for (const one of text.split(",")) {
    const [directorate = "", id = "*", ...more] = one.trim().split("/");
    const parts = [readPart(directorate), readPart(id)] as const;
    if (parts[0] === undefined || parts[1] === undefined || more.length > 0) return undefined;
    pairs.push([parts[0], parts[1]]);
  }
  return pairs;
};

/**
 * A recorder has two sessions at each broker, so that an emergency does not wait behind what thousands of cars
 * have kept during an outage.
 */
export type SessionKind = "urgent" | "bulk";
const SESSIONS: Readonly<Record<SessionKind, readonly (Channel | "silent")[]>> = {
  urgent: ["emergency", "state", "silent"],
  bulk: ["position", "vehicle", "event", "health", "history"],
};

/** The topic filters that a session of a recorder of these units subscribes to. */
export const filtersOf = (prefix: string, pattern: UnitPattern, session: SessionKind): string[] =>
  pattern.flatMap(([directorate, id]) =>
    SESSIONS[session].map((channel) =>
      [prefix, directorate, id, channel, ...(channel === "emergency" ? ["+"] : [])].join("/"),
    ),
  );

/** Topics that the recorder publishes to. */
export const receiptTopic = (prefix: string, unit: string): string => `${prefix}/${unit}/receipt`;
export const silentTopic = (prefix: string, unit: string): string => `${prefix}/${unit}/silent`;
export const ackTopic = (prefix: string, unit: string, episode: string): string =>
  `${prefix}/${unit}/emergency/${episode}/ack`;
/** Where the recorder says whether it is online: `{prefix}/recorder/{name}/state`. */
export const stateTopic = (prefix: string, name: string): string => `${prefix}/${RECORDERS}/${name}/state`;

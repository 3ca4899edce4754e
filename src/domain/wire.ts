import type { Report, ReportKind } from "./report.ts";

/** The part of a report that decides its topic. */
type Addressed = Report extends infer R ? (R extends Report ? Pick<R, "kind" | "data"> : never) : never;

/** How a message is published (contract §2). `expiryS` and `correlationData` need MQTT 5. */
export type Route = {
  readonly topic: string;
  readonly retain: boolean;
  readonly expiryS?: number;
  readonly correlationData?: Buffer;
};

/** The topics of contract §2 below a unit's root, one row each. Routes and AsyncAPI are made from it. */
export const WIRE = {
  state: { path: "state", direction: "up", retain: true },
  position: { path: "position", direction: "up", retain: true, expiryS: 120 },
  vehicle: { path: "vehicle", direction: "up", retain: true, expiryS: 600 },
  emergency: { path: "emergency/{episode}", direction: "up", retain: true },
  event: { path: "event", direction: "up", retain: false },
  health: { path: "health", direction: "up", retain: true, expiryS: 300 },
  history: { path: "history", direction: "up", retain: false },
  ack: { path: "emergency/{episode}/ack", direction: "down", retain: false },
  command: { path: "command", direction: "down", retain: false },
  receipt: { path: "receipt", direction: "down", retain: true },
  reply: { path: "reply", direction: "up", retain: false, expiryS: 600 },
  bundle: { path: "bundle", direction: "down", retain: true },
} as const;

/** A row of the table. A broker's refusals are counted per row. */
export type Channel = keyof typeof WIRE;

const routeTo = (root: string, channel: Channel): Route => {
  const row: { readonly path: string; readonly retain: boolean; readonly expiryS?: number } = WIRE[channel];
  const { path, retain, expiryS } = row;
  return { topic: `${root}/${path}`, retain, ...(expiryS === undefined ? {} : { expiryS }) };
};

/** The topics of one unit under `prefix/unit/`. */
export type Routes = {
  readonly state: Route;
  readonly history: Route;
  readonly reply: Route;
  readonly command: string;
  readonly receipt: string;
  /** The topic filter of acknowledgements, with a wildcard for the episode. */
  readonly acks: string;
  /** The topic of signed configurations. */
  readonly bundle: string;
  /** The topic filters that the link subscribes to. */
  readonly subscribed: readonly string[];
  /** The topic of one episode. `under`: the prefix, if it is not the configured one. */
  emergency(episode: string, under?: string): string;
  /** The topic of a live report. A cleared episode is not retained. */
  of(report: Addressed): Route;
  /** The episode that a topic acknowledges, or undefined. */
  acknowledged(topic: string): string | undefined;
  /** Whether a topic lies below this unit's own root. */
  owns(topic: string): boolean;
};

/**
 * The topics of a unit. `prefix`: as configured, without a slash at the end; `unit`: its name; `takesBundles`:
 * whether it has a root, so that it can install a bundle.
 */
export const createRoutes = (prefix: string, unit: string, takesBundles = false): Routes => {
  const root = `${prefix}/${unit}`;
  const route = (channel: Channel) => routeTo(root, channel);
  const plain: Readonly<Record<Exclude<ReportKind, "emergency">, Route>> = {
    position: route("position"),
    vehicle: route("vehicle"),
    event: route("event"),
    health: route("health"),
  };
  const emergency = (episode: string, under = prefix) => `${under}/${unit}/emergency/${episode}`;
  const acks = `${root}/emergency/+/ack`;
  const [command, receipt] = [route("command").topic, route("receipt").topic];
  const bundle = route("bundle").topic;
  const ack = new RegExp(`^${RegExp.escape(`${root}/emergency/`)}([^/]+)/ack$`);
  return {
    state: route("state"),
    history: route("history"),
    reply: route("reply"),
    command,
    receipt,
    acks,
    bundle,
    subscribed: [acks, command, receipt, ...(takesBundles ? [bundle] : [])],
    emergency,
    of(report) {
      if (report.kind !== "emergency") return plain[report.kind];
      const { episode, state } = report.data;
      return { topic: emergency(episode), retain: state !== "cleared" };
    },
    acknowledged: (topic) => ack.exec(topic)?.[1],
    owns: (topic) => topic === root || topic.startsWith(`${root}/`),
  };
};

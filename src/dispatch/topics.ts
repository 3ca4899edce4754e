import type { WireReport } from "../domain/report.ts";

/** How a message goes out: contract v1 §2. `expiryS` only where the broker speaks MQTT 5. */
export type Route = {
  readonly topic: string;
  readonly retain: boolean;
  readonly expiryS?: number;
  /** MQTT 5: what tells the asker which of his questions this answers. */
  readonly correlationData?: Buffer;
};

/** The topics of one unit under `prefix/unit/`. */
export const createRoutes = (prefix: string, unit: string) => {
  const root = `${prefix}/${unit}`;
  const position: Route = { topic: `${root}/position`, retain: true, expiryS: 120 };
  const vehicle: Route = { topic: `${root}/vehicle`, retain: true, expiryS: 600 };
  const health: Route = { topic: `${root}/health`, retain: true, expiryS: 300 };
  const event: Route = { topic: `${root}/event`, retain: false };
  return {
    state: { topic: `${root}/state`, retain: true } satisfies Route,
    history: { topic: `${root}/history`, retain: false } satisfies Route,
    reply: { topic: `${root}/reply`, retain: false, expiryS: 600 } satisfies Route,
    emergency: (episode: string) => `${root}/emergency/${episode}`,
    /** What the unit listens to: answers first. */
    subscriptions: [`${root}/emergency/+/ack`, `${root}/command`] as const,
    command: `${root}/command`,
    /** The episode that a topic acknowledges, or undefined. */
    acknowledged(topic: string): string | undefined {
      const [, episode] = topic.startsWith(`${root}/`) ? topic.slice(root.length).split("/emergency/") : [];
      return episode?.endsWith("/ack") ? episode.slice(0, -"/ack".length) : undefined;
    },
    of(report: Pick<WireReport, "kind" | "data">): Route {
      if (report.kind === "position") return position;
      if (report.kind === "vehicle") return vehicle;
      if (report.kind === "health") return health;
      if (report.kind === "event") return event;
      const { episode, state } = report.data as { episode: string; state: string };
      return { topic: `${root}/emergency/${episode}`, retain: state !== "cleared" };
    },
  };
};
export type Routes = ReturnType<typeof createRoutes>;

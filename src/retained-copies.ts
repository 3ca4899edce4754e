import type { Outbox } from "./outbox/outbox.ts";

/** Which brokers hold a retained copy of which episode, kept on disk: each must be told its end. */
export type RetainedCopies = {
  put(episode: string, broker: string): void;
  drop(episode: string, broker: string): void;
  brokersOf(episode: string): string[];
  readonly all: readonly (readonly [episode: string, broker: string])[];
};

const NOTE = "retained:";

export const createRetainedCopies = (outbox: Outbox): RetainedCopies => {
  const byBroker = new Map<string, Set<string>>();
  for (const [name, value] of outbox.notes) {
    if (name.startsWith(NOTE)) byBroker.set(name.slice(NOTE.length), new Set(value as string[]));
  }
  const keep = (broker: string): void => {
    const episodes = byBroker.get(broker);
    outbox.note(NOTE + broker, episodes && episodes.size > 0 ? [...episodes] : undefined);
  };
  return {
    put(episode, broker) {
      const episodes = byBroker.get(broker) ?? new Set<string>();
      if (episodes.has(episode)) return;
      byBroker.set(broker, episodes.add(episode));
      keep(broker);
    },
    drop(episode, broker) {
      if (byBroker.get(broker)?.delete(episode)) keep(broker);
    },
    brokersOf: (episode) =>
      [...byBroker].filter(([, episodes]) => episodes.has(episode)).map(([broker]) => broker),
    get all() {
      return [...byBroker].flatMap(([broker, episodes]) =>
        [...episodes].map((episode) => [episode, broker] as const),
      );
    },
  };
};

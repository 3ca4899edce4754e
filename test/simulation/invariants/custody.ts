import type { Invariant } from "./invariant.ts";

const SHOWN = 5;
/** The newest report may come before an older one that is on its way. */
const ON_THE_WAY_MS = 30_000;

const nothingMissing: Invariant = {
  name: "nothing-missing",
  sentence: "Every (store, seq) is delivered or declared.",
  begin() {
    const known = new Map<string, { seen: Set<number>; arrivals: { seq: number; at: number }[] }>();
    const of = (store: string) => {
      const one = known.get(store) ?? { seen: new Set<number>(), arrivals: [] };
      known.set(store, one);
      return one;
    };
    return (fact) => {
      if (fact.what === "arrived") {
        const one = of(fact.store);
        one.seen.add(fact.seq);
        one.arrivals.push(fact);
      }
      if (fact.what === "declared") {
        const { seen } = of(fact.store);
        const kept = new Set(fact.kept);
        for (let seq = fact.from; seq <= fact.to; seq++) if (!kept.has(seq)) seen.add(seq);
      }
      if (fact.what !== "end") return undefined;
      for (const [store, { seen, arrivals }] of known) {
        const settled = arrivals.filter(({ at }) => fact.at - at >= ON_THE_WAY_MS);
        const last = settled.reduce((highest, { seq }) => Math.max(highest, seq), 0);
        const missing = Array.from({ length: last }, (_, i) => i + 1).filter((seq) => !seen.has(seq));
        if (missing.length === 0) continue;
        const some = missing.slice(0, SHOWN).join(", ");
        return `${missing.length} numbers of ${store} up to ${last} are neither delivered nor declared: ${some}`;
      }
      return undefined;
    };
  },
};

const numberOnce: Invariant = {
  name: "number-once",
  sentence: "No (store, seq) is used twice.",
  begin: () => (fact) =>
    fact.what === "reused" ? `${fact.store}#${fact.seq} came with two contents: ${fact.detail}` : undefined,
};

const readable: Invariant = {
  name: "readable",
  sentence: "Everything that dispatch gets follows the contract.",
  begin: () => (fact) => (fact.what === "unreadable" ? `${fact.topic}: ${fact.detail}` : undefined),
};

const answerStays: Invariant = {
  name: "answer-stays",
  sentence: "A command is acted on or refused once: the same id gets the same answer.",
  begin() {
    const answers = new Map<string, boolean>();
    return (fact) => {
      if (fact.what !== "reply") return undefined;
      const before = answers.get(fact.id);
      answers.set(fact.id, fact.ok);
      return before !== undefined && before !== fact.ok
        ? `command ${fact.id} was ${before ? "run" : "refused"}, then ${fact.ok ? "run" : "refused"}`
        : undefined;
    };
  },
};

const withinLimits: Invariant = {
  name: "within-limits",
  sentence: "Every queue is within its limit.",
  begin: () => (fact) =>
    fact.what === "queue" && fact.length > fact.limit
      ? `${fact.name} holds ${fact.length}, its limit is ${fact.limit}`
      : undefined,
};

const noException: Invariant = {
  name: "no-exception",
  sentence: "No exception escapes.",
  begin: () => (fact) => (fact.what === "exception" ? fact.detail : undefined),
};

const settles: Invariant = {
  name: "settles",
  sentence:
    "Once everything is healthy, everything settles: nothing waits, no episode is open, the lamp is idle, one connection.",
  begin() {
    const connections = new Set<number>();
    let open = 0;
    let lamp = "idle";
    return (fact) => {
      if (fact.what === "connected") connections.add(fact.connection);
      if (fact.what === "disconnected") connections.delete(fact.connection);
      if (fact.what === "lamp") lamp = fact.lamp;
      if (fact.what === "durable") open = fact.episodes.filter(({ state }) => state !== "cleared").length;
      if (fact.what !== "end") return undefined;
      if (fact.pending > 0) return `${fact.pending} reports wait`;
      if (open > 0) return `${open} episodes are open`;
      if (lamp !== "idle") return `the lamp shows ${lamp}`;
      return connections.size === 1 ? undefined : `${connections.size} connections are open`;
    };
  },
};

export const CUSTODY_INVARIANTS: readonly Invariant[] = [
  nothingMissing,
  numberOnce,
  readable,
  answerStays,
  withinLimits,
  noException,
  settles,
];

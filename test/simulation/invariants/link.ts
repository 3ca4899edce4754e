import type { Fact } from "../facts.ts";
import { allSince, Since, SinceEach, type Invariant } from "./invariant.ts";

const keepsBrokerLimits: Invariant = {
  name: "keeps-broker-limits",
  sentence: "Receive Maximum and Maximum Packet Size of a broker are kept.",
  begin: () => (fact) => (fact.what === "protocol" ? `${fact.broker}: ${fact.detail}` : undefined),
};

const REFUSED = 0x80;
/** What comes later has other reasons. */
const AT_ONCE_MS = 50;
/** A broker at which nothing has had a subscriber for a minute is left (DECISIONS 48). */
const DESERTED_MS = 60_000;
/**
 * Contract §5: "If an emergency gets no PUBACK within 5 s on an open connection, that connection is not trusted".
 */
const UNANSWERED_MS = 5_000;
/** So is a connection on which nothing at all is answered: one and a half keepalives of 20 s. */
const SILENT_MS = 30_000;

/** Since when nothing that was published on a connection is answered; undefined: nothing waits for an answer. */
class Silence {
  readonly #waiting = new Map<number, { readonly messages: number; readonly since: number }>();

  see(fact: Fact): void {
    if (fact.what === "disconnected") this.#waiting.delete(fact.connection);
    if (fact.what !== "published" && fact.what !== "puback") return;
    const before = this.#waiting.get(fact.connection);
    const messages = (before?.messages ?? 0) + (fact.what === "published" ? 1 : -1);
    const since = fact.what === "published" ? (before?.since ?? fact.at) : fact.at;
    if (messages <= 0) this.#waiting.delete(fact.connection);
    else this.#waiting.set(fact.connection, { messages, since });
  }

  since(connection: number): number | undefined {
    return this.#waiting.get(connection)?.since;
  }
}

const refusalKeepsConnection: Invariant = {
  name: "refusal-keeps-connection",
  sentence: "A refused publish or subscription never ends the connection.",
  begin() {
    const refused = new Map<number, number>();
    /** Emergencies without an answer, by connection: since when. It may be given up for them. */
    const unanswered = new Map<string, readonly number[]>();
    /** Connections of the link itself: a courier publishes no birth, and ends when it has delivered everything. */
    const born = new Set<number>();
    const silence = new Silence();
    /** Emergencies of which every report had a subscriber, by connection. */
    const accepted = new Set<string>();
    /** Since when the messages on a connection have been refused, or have had no subscriber (DECISIONS 142). */
    const useless = new Map<number, number>();
    let carried: { readonly episode: string; readonly at: number } | undefined;
    return (fact) => {
      const silentSince = fact.what === "disconnected" ? silence.since(fact.connection) : undefined;
      silence.see(fact);
      if (fact.what === "published" && fact.birth) born.add(fact.connection);
      else if (fact.what === "published" && fact.topic.endsWith("/state")) born.delete(fact.connection);
      if (fact.what === "published" && fact.episode !== undefined) {
        const key = `${fact.connection} ${fact.episode}`;
        unanswered.set(key, [...(unanswered.get(key) ?? []), fact.at]);
        accepted.delete(key);
      }
      if (fact.what === "puback" && fact.episode !== undefined) {
        const key = `${fact.connection} ${fact.episode}`;
        const rest = unanswered.get(key)?.slice(1) ?? [];
        unanswered.set(key, rest);
        if (fact.code === 0) carried = { episode: fact.episode, at: fact.at };
        if (fact.code === 0 && rest.length === 0) accepted.add(key);
      }
      if (fact.what === "puback" && fact.code === 0) useless.delete(fact.connection);
      if (fact.what === "puback" && fact.code !== 0 && !useless.has(fact.connection))
        useless.set(fact.connection, fact.at);
      if ((fact.what === "puback" || fact.what === "suback") && fact.code >= REFUSED) {
        refused.set(fact.connection, fact.at);
      }
      if (fact.what === "unit" && !fact.running) {
        refused.clear();
        unanswered.clear();
      }
      if (fact.what !== "disconnected" || fact.by !== "unit" || !born.has(fact.connection)) return undefined;
      const at = refused.get(fact.connection);
      const gaveUp = [...unanswered].some(
        ([key, [since = Infinity]]) =>
          key.startsWith(`${fact.connection} `) && fact.at - since >= UNANSWERED_MS,
      );
      // Contract §5: "the old one is kept until another has acknowledged".
      const isCarried =
        carried !== undefined &&
        fact.at - carried.at < AT_ONCE_MS &&
        !accepted.has(`${fact.connection} ${carried.episode}`);
      const isUseless = fact.at - (useless.get(fact.connection) ?? Infinity) >= DESERTED_MS;
      if (
        gaveUp ||
        isCarried ||
        isUseless ||
        (silentSince !== undefined && fact.at - silentSince >= SILENT_MS)
      )
        return undefined;
      return at !== undefined && fact.at - at < AT_ONCE_MS
        ? `the connection to ${fact.broker} was ended ${Math.round(fact.at - at)} ms after a refusal`
        : undefined;
    };
  },
};

/** Twice the longest wait between attempts, and an attempt. */
const FINDS_MS = 130_000;
/** A connection that lasts so long serves, even if not all is well there: the unit need not leave it. */
const LASTS_MS = 60_000;
/** A broker whose connections do not last is returned to so often. */
const UNSTEADY_VISITS = 2;

/** How long the longest connections that did not last have lasted together: that is time in which nobody searches. */
const unsteadyMs = (lasted: readonly number[]): number =>
  lasted
    .toSorted((a, b) => b - a)
    .slice(0, UNSTEADY_VISITS)
    .reduce((sum, ms) => sum + ms, 0);

const findsHealthy: Invariant = {
  name: "finds-a-healthy-broker",
  sentence: "While one broker is healthy, the unit searches at most 130 s for a connection that lasts.",
  begin() {
    const healthy = new SinceEach();
    const running = new Since();
    const connections = new Map<number, { readonly broker: string; readonly at: number }>();
    let served = 0;
    let lasted: number[] = [];
    return (fact) => {
      if (fact.what === "broker") healthy.set(fact.broker, fact.healthy, fact.at);
      if (fact.what === "unit") running.set(fact.running, fact.at);
      if (fact.what === "connected") connections.set(fact.connection, fact);
      if (fact.what === "disconnected") {
        const { at } = connections.get(fact.connection) ?? fact;
        lasted.push(fact.at - at);
        connections.delete(fact.connection);
      }
      for (const { broker, at } of connections.values()) {
        if (healthy.at(broker) === undefined && fact.at - at < LASTS_MS) continue;
        served = fact.at;
        lasted = [];
      }
      if (fact.what !== "second") return undefined;
      const since = allSince(healthy.longest, running.at, served);
      const open = [...connections.values()].map(({ at }) => fact.at - at);
      return since !== undefined && fact.at - since > FINDS_MS + unsteadyMs([...lasted, ...open])
        ? `no connection that serves for ${Math.round((fact.at - since) / 1000)} s`
        : undefined;
    };
  },
};

/** Where all is well for SETTLED_MS, the link may go home, and back to a broker that it could not judge. */
const BIRTHS = 4;
const SETTLED_MS = 120_000;

const keepsHealthyLink: Invariant = {
  name: "keeps-a-healthy-link",
  sentence: `While all brokers are healthy, the link makes at most ${BIRTHS} connections in ${SETTLED_MS / 1_000} s.`,
  begin() {
    const healthy = new Map<string, boolean>();
    const sound = new Since();
    const born = new Map<number, number>();
    let isRunning = false;
    return (fact) => {
      if (fact.what === "broker") healthy.set(fact.broker, fact.healthy);
      if (fact.what === "unit") isRunning = fact.running;
      sound.set(isRunning && [...healthy.values()].every(Boolean), fact.at);
      if (fact.what === "published" && fact.birth && !born.has(fact.connection))
        born.set(fact.connection, fact.at);
      if (fact.what !== "second") return undefined;
      const since = fact.at - SETTLED_MS;
      for (const [connection, at] of born) if (at < since) born.delete(connection);
      return sound.for(2 * SETTLED_MS, fact.at) && born.size > BIRTHS
        ? `${born.size} connections in ${SETTLED_MS / 1_000} s`
        : undefined;
    };
  },
};

/** So long the memory may take to be on disk. */
const KEPT_MS = 5_000;
/** A healthy broker is found (FINDS_MS and two connections), the longest pause of those who ask, and an attempt. */
const FETCHED_MS = 600_000;

/**
 * Contract §2: "a message from dispatch is acted on, or refused with a reason, exactly once". Excuses:
 * - It was sent while the unit was connected to another broker, where its birth said that it was.
 * - Another host behind the broker's name, which has sessions of its own, was asked for it.
 * - A life ended before it could write where it was: the next one does not know it.
 */
const sessionsAreEmptied: Invariant = {
  name: "sessions-are-emptied",
  sentence:
    "What dispatch says to a unit without a connection waits at most 600 s in a session once its broker is healthy.",
  begin() {
    const open = new Map<number, string>();
    /** When each broker's last connection ended. */
    const endedAt = new Map<string, number>();
    /** When the unit has first said at each broker that it is online. */
    const born = new Map<string, number>();
    let writable = true;
    const healthy = new SinceEach();
    const running = new Since();
    const waiting = new Map<string, number | undefined>();
    return (fact) => {
      if (fact.what === "broker") healthy.set(fact.broker, fact.healthy, fact.at);
      if (fact.what === "unit") running.set(fact.running, fact.at);
      if (fact.what === "disk") ({ writable } = fact);
      if (fact.what === "durable" && fact.damaged) born.clear();
      if (fact.what === "unit" && !fact.running)
        for (const [broker, at] of born) if (!writable || fact.at - at < KEPT_MS) born.delete(broker);
      if (fact.what === "published" && fact.birth && !born.has(fact.broker)) born.set(fact.broker, fact.at);
      if (fact.what === "connected") {
        open.set(fact.connection, fact.broker);
        if (fact.broker.endsWith("'")) waiting.delete(fact.broker.slice(0, -1));
      }
      if (fact.what === "disconnected") {
        open.delete(fact.connection);
        endedAt.set(fact.broker, fact.at);
      }
      if (fact.what === "waiting") {
        const { broker: here, since } = fact;
        const isElsewhere = [...open.values()].some((broker) => broker !== here);
        const wasElsewhere = [...endedAt].filter(([broker]) => broker !== here).map(([, at]) => at);
        waiting.set(here, isElsewhere || since === undefined ? undefined : Math.max(since, ...wasElsewhere));
      }
      if (fact.what !== "second") return undefined;
      for (const [broker, at] of waiting) {
        const since = allSince(healthy.at(broker), running.at, at);
        if (since !== undefined && born.has(broker) && fact.at - since > FETCHED_MS)
          return `a message waits at ${broker} for ${Math.round((fact.at - since) / 1_000)} s`;
      }
      return undefined;
    };
  },
};

type Published = Extract<Fact, { readonly what: "published" }>;

/**
 * Contract §2: within one store an `offline` below the newest birth is stale, so no birth may be below an earlier one.
 * Excuses: `boot` and `connection` are a "counter on disk". A disk that takes nothing, or has lost what it had
 * synced, counts nothing.
 */
const birthsGoOn: Invariant = {
  name: "births-go-on",
  sentence: "Within one store no birth has a (boot, connection) that is not above that of the birth before.",
  begin() {
    let last: (NonNullable<Published["birth"]> & { readonly on: number }) | undefined;
    let writable = true;
    return (fact) => {
      if (fact.what === "disk") ({ writable } = fact);
      if (fact.what === "unit" && !fact.running && !writable) last = undefined;
      if (fact.what === "durable" && fact.damaged) last = undefined;
      if (fact.what !== "published" || fact.birth === undefined) return undefined;
      const before = last;
      const now = { ...fact.birth, on: fact.connection };
      last = now;
      // The same birth is published again if the broker has refused it.
      if (before === undefined || before.store !== now.store || before.on === now.on) return undefined;
      const above = now.boot - before.boot || now.connection - before.connection;
      return above > 0
        ? undefined
        : `(${now.boot}, ${now.connection}) follows (${before.boot}, ${before.connection})`;
    };
  },
};

const noUntimelyPowerOff: Invariant = {
  name: "no-untimely-power-off",
  sentence: "The computer is not switched off while the ignition is on or unknown, or an emergency is open.",
  begin: () => (fact) => {
    if (fact.what !== "power-off") return undefined;
    if (fact.ignition !== "off") return `power-off with the ignition ${fact.ignition}`;
    return fact.emergencies > 0 ? `power-off with ${fact.emergencies} emergencies open` : undefined;
  },
};

export const LINK_INVARIANTS: readonly Invariant[] = [
  keepsBrokerLimits,
  refusalKeepsConnection,
  findsHealthy,
  keepsHealthyLink,
  sessionsAreEmptied,
  birthsGoOn,
  noUntimelyPowerOff,
];

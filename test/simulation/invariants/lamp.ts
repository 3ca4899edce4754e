import type { EpisodeOnDisk, Fact } from "../facts.ts";
import { allSince, Since, SinceEach, type Invariant } from "./invariant.ts";

/** How much each pattern claims. What claims nothing of a press is 0. */
const CLAIMS: Readonly<Record<string, number>> = { stored: 1, sent: 2, received: 3, accepted: 4 };
const claimOf = (lamp: string): number => CLAIMS[lamp] ?? 0;
const NO_SUBSCRIBERS = 0x10;
const REFUSED = 0x80;

const stagesReached = (fact: Fact): readonly (readonly [episode: string, claim: number])[] => {
  if (fact.what === "durable") return fact.episodes.map(({ id, state }) => [id, CLAIMS[state] ?? 1] as const);
  if (fact.what === "puback" && fact.episode !== undefined) {
    const isHeard = fact.code !== NO_SUBSCRIBERS || fact.overridden === true;
    return fact.code < REFUSED && isHeard ? [[fact.episode, 2]] : [];
  }
  return fact.what === "acked" ? [[fact.episode, claimOf(fact.stage)]] : [];
};

/** How long what was true when it was sent to the board may still take to reach the lamp. */
const ON_THE_WAY_MS = 1_000;

const lampIsTrue: Invariant = {
  name: "lamp-is-true",
  sentence: "The lamp never claims more than is true.",
  begin() {
    const reached = new Map<string, number>();
    const open = new Set<string>();
    /** Published and not on disk, which takes nothing now. */
    const inMemory = new Set<string>();
    const ended = new Map<string, number>();
    /** The vital file is lost. LevelDB's copy of it may have them, and the next life goes on with that. */
    const inStore = new Set<string>();
    return (fact) => {
      for (const [episode, claim] of stagesReached(fact)) {
        reached.set(episode, Math.max(claim, reached.get(episode) ?? 0));
        if (fact.what !== "durable" && !open.has(episode) && !ended.has(episode)) inMemory.add(episode);
      }
      // Made anew from presses that the board tells again: the disk takes nothing, and its memory was lost.
      if (fact.what === "published" && fact.report && fact.episode !== undefined && !open.has(fact.episode)) {
        const endedAt = ended.get(fact.episode) ?? (reached.has(fact.episode) ? -Infinity : Infinity);
        if (fact.at - endedAt > ON_THE_WAY_MS) {
          ended.delete(fact.episode);
          inMemory.add(fact.episode);
        }
      }
      // Its end was never on disk, and the memory of it was lost.
      if (fact.what === "adopted" && !open.has(fact.episode)) {
        ended.delete(fact.episode);
        inMemory.add(fact.episode);
      }
      if (fact.what === "episode" && fact.state === "cleared" && inMemory.delete(fact.episode))
        ended.set(fact.episode, fact.at);
      if (fact.what === "episode" && fact.state === "cleared") inStore.delete(fact.episode);
      if (fact.what === "durable") {
        if (fact.damaged) for (const id of open) inStore.add(id);
        for (const { id } of fact.episodes) inStore.delete(id);
        for (const id of open) ended.set(id, fact.at);
        open.clear();
        for (const { id } of fact.episodes) open.add(id);
        for (const id of open) inMemory.delete(id);
      }
      if (fact.what !== "lamp" || claimOf(fact.lamp) === 0) return undefined;
      for (const [id, at] of ended) if (open.has(id) || fact.at - at > ON_THE_WAY_MS) ended.delete(id);
      const truth = Math.max(
        0,
        ...[...open, ...inMemory, ...inStore, ...ended.keys()].map((id) => reached.get(id) ?? 0),
      );
      return claimOf(fact.lamp) > truth
        ? `the lamp shows ${fact.lamp}, no open episode has got that far`
        : undefined;
    };
  },
};

const RIGHT_MS = 5_000;
/** Only the next report shows that somebody listens again. There is one each minute at least. */
const PROBE_MS = 65_000;
/** A minute (contract §5), and 5 s for the lamp. */
const NO_LINK_MS = 65_000;
/** A black hole shows only after one and a half keepalives of 20 s. */
const BLACK_HOLE_MS = 30_000;

/** Topics of reports: an acknowledgement of one says that somebody listens. */
const REPORTS = /(position|vehicle|event|health|history)$/;

type Seen = {
  readonly episodes: readonly EpisodeOnDisk[];
  readonly healthySince: number | undefined;
  readonly heardSince: number | undefined;
};

/** What the lamp must show; undefined: several are right. */
const expected = ({ episodes }: Seen): number | undefined => {
  const open = episodes.filter(({ state }) => state !== "cleared");
  const real = open.filter(({ test }) => !test);
  const shown = real.length > 0 ? real : open;
  if (shown.every(({ dark }) => dark)) return 0;
  if (shown.length > 1) return undefined;
  return CLAIMS[shown[0]!.state] ?? 1;
};

const wrong = (lamp: string, seen: Seen, now: number): string | undefined => {
  if (lamp === "no-host") return "the lamp shows no-host, the unit runs";
  const claim = expected(seen);
  if (claim === undefined) return undefined;
  if (claim === 0 && claimOf(lamp) > 0) return `the lamp shows ${lamp} for an episode that is over or dark`;
  // With an acknowledgement on disk, the lamp shows it; before, `stored` or `sent`.
  if (claim > claimOf(lamp)) return `the lamp shows ${lamp}, the open episode is further`;
  if (lamp !== "no-link") return undefined;
  const heard = seen.heardSince !== undefined && now - seen.heardSince > RIGHT_MS;
  const linked = seen.healthySince !== undefined && now - seen.healthySince > PROBE_MS;
  return heard || linked ? "the lamp shows no-link, there is a healthy connection" : undefined;
};

/**
 * Excuses, and what allows them:
 * - The board has no power, or its line is broken: "The board shows `latched` by itself at once" (§5), and
 *   nothing else without the unit.
 * - The disk takes nothing, or an operation that began while it was slow is under way: "Stored (fsync) → lamp
 *   `stored`" (§5). What is on disk is all that is known here of the episodes.
 * - `no-link` on a healthy connection for 65 s: "`no-link` replaces `idle` when no broker with a listener
 *   has been reachable for 60 s" (§5). That there is a listener again shows with the next report that is
 *   acknowledged; from then on the lamp has 5 s.
 */
const lampIsRight: Invariant = {
  name: "lamp-is-right",
  sentence: "The lamp is right within 5 s.",
  begin() {
    const running = new Since();
    const line = new Since();
    const writable = new Since();
    writable.set(true, 0);
    const linked = new SinceEach();
    let lamp: { pattern: string; at: number } = { pattern: "idle", at: 0 };
    let disk: { episodes: readonly EpisodeOnDisk[]; at: number } = { episodes: [], at: 0 };
    const healthy = new Set<string>();
    const connections = new Map<number, string>();
    /**
     * Connections on which the last answer that shows it was a refusal. Contract §4: the topic waits "30 s
     * doubling to 1 h", so the unit cannot know that the broker accepts again. The answer to the removal of a
     * retained copy shows nothing of subscribers.
     */
    const refusing = new Set<number>();
    const heard = new Since();
    const link = (at: number): void => {
      for (const [connection, broker] of connections)
        linked.set(String(connection), healthy.has(broker) && !refusing.has(connection), at);
    };
    const see = (fact: Fact): void => {
      if (fact.what === "unit") running.set(fact.running, fact.at);
      if (fact.what === "line") line.set(fact.sound, fact.at);
      if (fact.what === "lamp") lamp = { pattern: fact.lamp, at: fact.at };
      if (fact.what === "durable") disk = { episodes: fact.episodes, at: fact.at };
      if (fact.what === "disk") writable.set(fact.writable, fact.at);
      if (fact.what === "broker" && fact.healthy) healthy.add(fact.broker);
      if (fact.what === "broker" && !fact.healthy) healthy.delete(fact.broker);
      if (fact.what === "connected") connections.set(fact.connection, fact.broker);
      if (fact.what === "puback" && fact.code >= REFUSED) refusing.add(fact.connection);
      if (fact.what === "puback" && fact.code === 0 && REPORTS.test(fact.topic))
        refusing.delete(fact.connection);
      if (fact.what === "disconnected") {
        refusing.delete(fact.connection);
        connections.delete(fact.connection);
        linked.set(String(fact.connection), false, fact.at);
      }
      if (fact.what === "puback" && fact.code === 0 && REPORTS.test(fact.topic)) heard.set(true, fact.at);
      if (fact.what === "disconnected" || (fact.what === "puback" && fact.code === NO_SUBSCRIBERS))
        heard.set(false, fact.at);
      link(fact.at);
    };
    return (fact) => {
      see(fact);
      if (fact.what !== "second") return undefined;
      const since = allSince(running.at, line.at, disk.at, writable.at);
      if (since === undefined || fact.at - since <= RIGHT_MS) return undefined;
      if (fact.at - lamp.at <= ON_THE_WAY_MS) return undefined;
      const { episodes } = disk;
      const seen = { episodes, healthySince: linked.longest, heardSince: heard.at };
      return wrong(lamp.pattern, seen, fact.at);
    };
  },
};

/**
 * Excuses, and what allows them. The sentence is that of contract §5: "`no-link` replaces `idle` when no broker
 * with a listener has been reachable for 60 s".
 * - 5 s more for the lamp: as for every change of it.
 * - 30 s more: a connection into a black hole is open until one and a half keepalives are over (§6:
 *   `keepaliveS: 20`). The minute begins when it ends, or when a PUBACK of 0x10 says that nobody listens.
 * - A PUBACK of 0 begins the minute anew: a broker that accepts no new connection still serves those it has,
 *   and is reachable so. A PINGRESP does too if the last PUBACK of that connection was 0: what does not fit the
 *   broker's largest packet is not sent, so there may be nothing to acknowledge.
 * - The answer to the removal of a copy shows nothing.
 */
const lampSaysNoLink: Invariant = {
  name: "lamp-says-no-link",
  sentence: "The lamp does not stay idle when no broker with a listener has been reachable for 60 s.",
  begin() {
    const running = new Since();
    const line = new Since();
    const alone = new Since();
    const heard = new Set<string>();
    /** The newest reason code of each connection. */
    const lastCode = new Map<number, number>();
    /** By connection and topic: whether the last message that was published was the removal of a copy. */
    const removals = new Map<string, boolean>();
    /** When something showed the unit that it is alone, once it was. */
    let shownAt: number | undefined;
    let lamp = "idle";
    return (fact) => {
      // A broker that accepts no new connection may still serve an open one. Only the next report shows that
      // nobody listens there.
      if (fact.what === "published" && fact.episode !== undefined)
        removals.set(`${fact.connection} ${fact.topic}`, fact.report === undefined);
      if (fact.what === "puback" && removals.get(`${fact.connection} ${fact.topic}`)) return undefined;
      const unheard = fact.what === "puback" && fact.code === NO_SUBSCRIBERS && !fact.overridden;
      const shows = fact.what === "disconnected" || unheard;
      if (alone.at === undefined) shownAt = undefined;
      else if (shows && fact.at - alone.at <= PROBE_MS) shownAt ??= fact.at;
      if (fact.what === "unit") running.set(fact.running, fact.at);
      if (fact.what === "line") line.set(fact.sound, fact.at);
      if (fact.what === "lamp") lamp = fact.lamp;
      if (fact.what === "broker") {
        if (fact.reachable) heard.add(fact.broker);
        else heard.delete(fact.broker);
        alone.set(heard.size === 0, fact.at);
      }
      // A broker that lets nobody in any more still serves the connection that it has. A refusal does not show
      // that nobody listens.
      if (fact.what === "puback") lastCode.set(fact.connection, fact.code);
      if (fact.what === "disconnected") lastCode.delete(fact.connection);
      const pinged = fact.what === "pingresp" && lastCode.get(fact.connection) === 0;
      const heardAny = fact.what === "puback" && (fact.code !== NO_SUBSCRIBERS || fact.overridden === true);
      if (pinged || heardAny) {
        alone.set(false, fact.at);
        alone.set(heard.size === 0, fact.at);
      }
      if (fact.what !== "second" || lamp !== "idle") return undefined;
      const since = allSince(running.at, line.at, alone.at);
      if (since === undefined || fact.at - since <= BLACK_HOLE_MS + NO_LINK_MS) return undefined;
      if (shownAt !== undefined && fact.at - shownAt <= NO_LINK_MS) return undefined;
      return "the lamp is idle, and nobody can be reached";
    };
  },
};

export const LAMP_INVARIANTS: readonly Invariant[] = [lampIsTrue, lampIsRight, lampSaysNoLink];

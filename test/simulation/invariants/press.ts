import type { CountedPresses } from "../../../src/domain/memory.ts";
import type { EpisodeOnDisk, Fact } from "../facts.ts";
import { allSince, Since, SinceEach, type Invariant } from "./invariant.ts";
import { Takers } from "./takers.ts";

/** Presses as dispatch counts them: the sum over its episodes. */
class Arrived {
  readonly #presses = new Map<string, number>();

  see(fact: Fact): void {
    if (fact.what !== "episode") return;
    this.#presses.set(fact.episode, Math.max(fact.presses, this.#presses.get(fact.episode) ?? 0));
  }

  of(episode: string): number {
    return this.#presses.get(episode) ?? 0;
  }

  get total(): number {
    return [...this.#presses.values()].reduce((sum, presses) => sum + presses, 0);
  }

  /**
   * Those that are certain after a disk has lost what it had synced: an episode that is open goes on from an
   * older count, and its next presses get numbers that dispatch has seen.
   */
  certain(open: readonly EpisodeOnDisk[]): number {
    return open.reduce((sum, { id }) => sum - (this.#presses.get(id) ?? 0), this.total);
  }
}

/**
 * Presses that a broker acknowledged and nobody got, because no broker was healthy, or because a receipt overrode its 0x10, or
 * because dispatch ended the episode before a courier had brought them elsewhere. The numbers of their reports are sent
 * again or declared (§4).
 */
class Swallowed {
  readonly #presses = new Map<string, number>();
  /** The newest that was dropped of an episode. */
  readonly #dropped = new Map<string, { readonly at: number; readonly presses: number }>();
  readonly #published = new Map<string, number>();
  readonly #takers: Takers;

  constructor(takers: Takers) {
    this.#takers = takers;
  }

  see(fact: Fact): void {
    if (fact.what === "published" && fact.episode !== undefined)
      raise(this.#published, fact.episode, fact.report?.presses ?? 0);
    if (fact.what === "dropped" && this.#takers.since.longest === undefined)
      raise(this.#presses, fact.episode, fact.presses);
    if (fact.what === "dropped") this.#dropped.set(fact.episode, fact);
    if (fact.what === "acked" && fact.stage === "cleared") this.#ended(fact);
    if (fact.what === "puback" && fact.overridden && fact.episode !== undefined)
      raise(this.#presses, fact.episode, this.#published.get(fact.episode) ?? 0);
  }

  #ended({ episode, at }: { readonly episode: string; readonly at: number }): void {
    const dropped = this.#dropped.get(episode);
    if (dropped && at - dropped.at < COURIER_MS) raise(this.#presses, episode, dropped.presses);
  }

  /** How many of them dispatch has not counted. */
  missing(arrived: Arrived): number {
    return [...this.#presses].reduce((sum, [id, presses]) => sum + Math.max(0, presses - arrived.of(id)), 0);
  }
}

/** A courier needs so long to each broker. */
const COURIER_MS = 5_000;

const raise = (counts: Map<string, number>, episode: string, least: number): void =>
  void counts.set(episode, Math.max(least, counts.get(episode) ?? 0));

/**
 * The presses that the board has handed over and that are not confirmed. A press that finds no free slot
 * on the board is counted by the newest slot, under the number of its press.
 */
class Unconfirmed {
  readonly #presses = new Map<string, number>();
  readonly #handed = new Set<string>();

  see(fact: Fact): void {
    if (fact.what === "press") this.#presses.set(fact.press, 1 + (this.#presses.get(fact.press) ?? 0));
    if (fact.what === "handed") this.#handed.add(fact.press);
    if (fact.what !== "confirmed") return;
    this.#handed.delete(fact.press);
    this.#presses.delete(fact.press);
  }

  get total(): number {
    return [...this.#handed].reduce((sum, press) => sum + (this.#presses.get(press) ?? 0), 0);
  }
}

/**
 * Presses carry no number of the board on the wire, so they are counted: too few means that one was
 * lost, too many that one was counted twice. A press that the board could not keep (too short, or its
 * power went) may arrive and need not. A press that a lying disk has lost is not demanded, nor one that was swallowed.
 */
const pressArrives: Invariant = {
  name: "press-arrives",
  sentence:
    "Every press of 50 ms or more while the board has power reaches dispatch in exactly one episode, once anything is reachable again.",
  begin() {
    const arrived = new Arrived();
    /** On the board, and in an episode that only the unit's memory has. */
    const unconfirmed = new Unconfirmed();
    const takers = new Takers();
    const swallowed = new Swallowed(takers);
    let kept = 0;
    let doubtful = 0;
    let writable = true;
    /** The disk has taken nothing since it last refused. */
    let isBehind = false;
    return (fact) => {
      arrived.see(fact);
      takers.see(fact);
      swallowed.see(fact);
      unconfirmed.see(fact);
      if (fact.what === "disk") ({ writable } = fact);
      if (fact.what === "disk" && !writable) isBehind = true;
      if (fact.what === "durable" && writable) isBehind = false;
      // What no disk has, the same press may open a second episode, if the board no longer knows its age.
      if (fact.what === "unit" && !fact.running && isBehind) doubtful += unconfirmed.total;
      if (fact.what === "unkept") {
        kept--;
        doubtful++;
      }
      if (fact.what === "press" && fact.kept) kept++;
      if ((fact.what === "press" && !fact.kept) || fact.what === "alarm") doubtful++;
      if (fact.what === "durable" && fact.damaged) {
        const certain = Math.min(kept, arrived.certain(fact.episodes));
        doubtful += kept - certain;
        kept = certain;
      }
      if (fact.what === "episode" && arrived.total > kept + doubtful) {
        return `dispatch counts ${arrived.total} presses, there were ${kept + doubtful}`;
      }
      if (fact.what !== "end" || arrived.total + swallowed.missing(arrived) >= kept) return undefined;
      return `dispatch counts ${arrived.total} presses, there were ${kept}`;
    };
  },
};

const IN_TIME_MS = 10_000;
const REFUSED = 0x80;

/**
 * Excuses, and what allows them:
 * - No broker is healthy: "With any healthy broker reachable a press is there within 10 s" (§5). One that has
 *   refused an emergency on a connection that is still open is none: see `Takers`.
 * - The board has no power, or its line is broken: the press is latched there (§5).
 * - The unit does not run, or its disk has not let it read its memory since it started: `seq` is a "counter on
 *   disk", "never reused" (§1). Once it has connected it has no excuse.
 * - The disk has lost what it had synced: "while the disk lives" (§1).
 * - A broker has answered 0x10 while a receipt overrode that, or has acknowledged a report and dropped it while no broker
 *   was healthy, or just before dispatch ended the episode: "numbers that a broker acknowledged more than 30 s ago are sent again" (§4).
 */
const pressInTime: Invariant = {
  name: "press-in-time",
  sentence: "With one healthy broker reachable, a press arrives within 10 s.",
  begin() {
    const arrived = new Arrived();
    const takers = new Takers();
    const running = new Since();
    const up = new Since();
    let writable = true;
    const line = new Since();
    let due: { readonly press: string; readonly at: number }[] = [];
    let owed = 0;
    const swallowed = new Swallowed(takers);
    return (fact) => {
      arrived.see(fact);
      takers.see(fact);
      swallowed.see(fact);
      if (fact.what === "unit") running.set(fact.running, fact.at);
      // A unit knows its numbers once it has read its memory: a disk that is slow then is waited for.
      if (fact.what === "disk") ({ writable } = fact);
      if (running.at === undefined) up.set(false, fact.at);
      else if (writable || fact.what === "connected") up.set(true, fact.at);
      if (fact.what === "line") line.set(fact.sound, fact.at);
      if (fact.what === "press" && fact.kept) due.push(fact);
      if (fact.what === "unkept") due = due.filter(({ press }) => press !== fact.press);
      if (fact.what === "durable" && fact.damaged) {
        due = [];
        owed = arrived.certain(fact.episodes);
      }
      if (fact.what !== "second") return undefined;
      const ready = allSince(takers.since.longest, up.at, line.at);
      if (ready === undefined) return undefined;
      while (due[0] !== undefined && fact.at - Math.max(due[0].at, ready) > IN_TIME_MS) {
        due.shift();
        owed++;
      }
      return arrived.total + swallowed.missing(arrived) < owed
        ? `${owed} presses should have arrived by now, dispatch counts ${arrived.total}`
        : undefined;
    };
  },
};

const isCounted = (counted: readonly CountedPresses[], press: string): boolean => {
  const [board, number] = press.split("#");
  const n = Number(number);
  return counted.some((one) => one.board === board && (n <= one.below || one.numbers.includes(n)));
};

const confirmedIsStored: Invariant = {
  name: "confirmed-is-stored",
  sentence: "The board is never told that a press is stored if it is not on disk.",
  begin() {
    let stored: readonly CountedPresses[] = [];
    return (fact) => {
      if (fact.what === "durable") stored = fact.presses;
      if (fact.what !== "confirmed" || isCounted(stored, fact.press)) return undefined;
      return `${fact.press} was confirmed and is not on disk`;
    };
  },
};

/** What the rest of the messages before a press may take beyond the largest of them. */
const SLACK_MS = 500;
/**
 * What the unit has on a wire that it knows nothing of yet: four events, four live reports, and its first
 * budget of history. More than the sentence says: on a link of 500 bytes a second this is 15 s.
 */
const FIRST_BYTES = 8_000;

const pressWaits: Invariant = {
  name: "press-waits-for-one",
  sentence: "A press waits behind at most one message.",
  begin: () => (fact) =>
    fact.what === "published" &&
    fact.episode !== undefined &&
    fact.bytes > FIRST_BYTES &&
    fact.waitMs - fact.largestMs > SLACK_MS
      ? `${fact.episode} waits ${Math.round(fact.waitMs)} ms behind ${fact.behind} messages`
      : undefined,
};

const LEAVES_MS = 6_000;
/** A window of fewer messages may be full of what was there first. */
const ROOMY_MESSAGES = 10;
/** An emergency without `track`, `vehicle` and `buttons` fits into this (contract §4). */
const ROOMY_BYTES = 1_000;

const pressLeaves: Invariant = {
  name: "press-leaves",
  sentence: "An episode on disk is handed to a connection within 6 s, if one stays open.",
  begin() {
    const waiting = new Map<string, number>();
    const known = new Set<string>();
    const open = new SinceEach();
    /** Those on which nothing was published yet: one that visits a session publishes nothing. */
    const roomy = new Set<number>();
    return (fact) => {
      if (
        fact.what === "connected" &&
        fact.receiveMaximum >= ROOMY_MESSAGES &&
        fact.maximumPacketSize >= ROOMY_BYTES
      )
        roomy.add(fact.connection);
      if (fact.what === "published" && roomy.delete(fact.connection))
        open.set(String(fact.connection), true, fact.at);
      if (fact.what === "disconnected") open.set(String(fact.connection), false, fact.at);
      // What a broker refuses is offered to it again after half a minute.
      if (fact.what === "puback" && fact.episode !== undefined && fact.code >= REFUSED) {
        open.set(String(fact.connection), false, fact.at);
      }
      if (fact.what === "unit" && !fact.running) waiting.clear();
      if (fact.what === "published" && fact.episode !== undefined) {
        waiting.delete(fact.episode);
        // Its record may be on disk, and on its way, a moment before the memory is.
        known.add(fact.episode);
      }
      if (fact.what === "durable") {
        for (const { id } of fact.episodes) {
          if (!known.has(id)) waiting.set(id, fact.at);
          known.add(id);
        }
      }
      const since = open.longest;
      if (fact.what !== "second" || since === undefined) return undefined;
      for (const [id, at] of waiting) {
        if (fact.at - Math.max(at, since) > LEAVES_MS) return `${id} was published nowhere for 6 s`;
      }
      return undefined;
    };
  },
};

/** Debouncing at both ends, whole milliseconds, and the chatter before a press. */
const HELD_TOLERANCE_MS = 50;

const heldIsTrue: Invariant = {
  name: "held-is-true",
  sentence: "If an episode says how long its first press was held, it is true to 50 ms and never changes.",
  begin() {
    const released = new Map<string, number>();
    const firsts = new Map<string, string>();
    const said = new Map<string, number>();
    return (fact) => {
      if (fact.what === "released") released.set(fact.press, fact.heldMs);
      if (fact.what === "durable")
        for (const { id, first } of fact.episodes) if (first !== undefined) firsts.set(id, first);
      if (fact.what !== "episode" || fact.heldMs === undefined) return undefined;
      const { episode, heldMs } = fact;
      const before = said.get(episode) ?? heldMs;
      said.set(episode, heldMs);
      if (before !== heldMs) return `${episode} was held ${before} ms, and now ${heldMs} ms`;
      const first = firsts.get(episode);
      // What only the unit's memory knows may have been opened by any press.
      const names = first === undefined ? [...released.keys()] : [first];
      const isTrue = names.some(
        (name) => Math.abs(heldMs - (released.get(name) ?? Infinity)) <= HELD_TOLERANCE_MS,
      );
      return isTrue
        ? undefined
        : `${episode} was held ${heldMs} ms, which is true of no press that opened it`;
    };
  },
};

export const PRESS_INVARIANTS: readonly Invariant[] = [
  pressArrives,
  pressInTime,
  confirmedIsStored,
  pressWaits,
  pressLeaves,
  heldIsTrue,
];

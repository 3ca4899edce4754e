import type { Fact } from "../facts.ts";
import type { Invariant } from "./invariant.ts";

const SHOWN = 5;
/** The newest report may come before an older one that is on its way. */
const ON_THE_WAY_MS = 30_000;

/** Numbers from here on are made up by a unit whose disk cannot remember any (src/outbox/start.ts). */
const MADE_UP = 2 ** 40;
/** Numbers of a life that died: what it sent in one message, and what was on its way, comes after its end. */
const AFTER_END = 10_000;
/** How often a unit tries its disk again. */
const RETRY_MS = 5_000;

/** Numbers as ranges: a unit that has lost its counter skips a trillion numbers and declares them. */
class Numbers {
  #ranges: (readonly [from: number, to: number])[] = [];
  /** Ranges that a dead life took with it: nobody can declare them. */
  #lost: (readonly [from: number, to: number])[] = [];
  #arrivals = new Map<number, number>();
  /** When each made-up number was published. Some arrive only after the process that made them up has ended. */
  #made = new Map<number, number>();
  readonly #forgotten = new Set<number>();

  arrived(seq: number, at: number): void {
    this.#ranges.push([seq, seq]);
    this.#late(seq);
    if (!this.#forgotten.has(seq)) this.#arrivals.set(seq, at);
    this.published(seq, at);
  }

  published(seq: number, at: number): void {
    if (seq >= MADE_UP && !this.#forgotten.has(seq)) this.#made.set(seq, at);
  }

  /** A number of a dead life that no single message had: the next life made up others, far from these. */
  #late(seq: number): void {
    if (this.#made.has(seq)) return;
    const isIts = ([from, to]: readonly [number, number]) => from <= seq && seq <= to + AFTER_END;
    if (!this.#lost.some(isIts)) return;
    this.#forgotten.add(seq);
    this.#lost = this.#lost.map((range) => (isIts(range) ? [range[0], Math.max(range[1], seq)] : range));
  }

  /** The highest number that arrived before `at`; 0 if there is none. */
  last(at: number): number {
    let last = 0;
    for (const [seq, when] of this.#arrivals) if (when <= at) last = Math.max(last, seq);
    return last;
  }

  declared(from: number, to: number, kept: readonly number[]): void {
    let next = from;
    for (const seq of kept.toSorted((a, b) => a - b)) {
      if (seq > next) this.#ranges.push([next, seq - 1]);
      next = Math.max(next, seq + 1);
    }
    if (next <= to) this.#ranges.push([next, to]);
  }

  /** The recorder has only these. */
  restored(have: readonly (readonly [from: number, to: number])[]): void {
    this.#ranges = [...have];
  }

  /** The unit died while its disk took nothing: nobody remembers the numbers that it made up since then. */
  forgotten(since: number): void {
    const made = [...this.#made].filter(([, at]) => at >= since).map(([seq]) => seq);
    if (made.length === 0) return;
    this.#lost.push([Math.min(...made), Math.max(...made)]);
    for (const seq of made) {
      // The next life continues from a lower number, so these do not imply that the numbers in between exist.
      this.#forgotten.add(seq);
      this.#made.delete(seq);
      this.#arrivals.delete(seq);
    }
  }

  /** What is missing from 1 to `last`, as ranges. */
  missing(last: number): string[] {
    const missing: string[] = [];
    let next = 1;
    for (const [from, to] of [...this.#ranges, ...this.#lost].toSorted(([a], [b]) => a - b)) {
      if (next > last) break;
      if (from > next) missing.push(rangeOf(next, Math.min(last, from - 1)));
      next = Math.max(next, to + 1);
    }
    if (next <= last) missing.push(rangeOf(next, last));
    return missing;
  }
}

const rangeOf = (from: number, to: number): string => (from === to ? String(from) : `${from} to ${to}`);

const storeOf = (fact: Fact): string | undefined => {
  if (fact.what === "arrived" || fact.what === "declared" || fact.what === "restored") return fact.store;
  return fact.what === "published" ? fact.report?.store : undefined;
};

const nothingMissing: Invariant = {
  name: "nothing-missing",
  sentence: "Every (store, seq) is delivered or declared.",
  begin() {
    const known = new Map<string, Numbers>();
    const abandoned = new Set<string>();
    let memoryLost = false;
    let renewed = false;
    let waits = false;
    /** The numbers of the store that a fact is about. */
    const numbersOf = (fact: Fact): Numbers | undefined => {
      const store = storeOf(fact);
      if (store === undefined || abandoned.has(store)) return undefined;
      const one = known.get(store);
      if (one) return one;
      // Contract §1: a damaged outbox keeps its store "as long as the vital file survives". A new store
      // cannot declare the numbers of the old one.
      if (memoryLost) for (const old of known.keys()) abandoned.add(old);
      for (const old of abandoned) known.delete(old);
      memoryLost = false;
      const numbers = new Numbers();
      known.set(store, numbers);
      return numbers;
    };
    let unwritable: { readonly since: number; until: number } | undefined;
    return (fact) => {
      if (fact.what === "durable" && fact.damaged)
        memoryLost ||= fact.episodes.length === 0 && fact.presses.length === 0;
      if (fact.what === "renewed") renewed = true;
      if (fact.what === "renewed-today") waits = true;
      const of = numbersOf(fact);
      if (fact.what === "arrived") of?.arrived(fact.seq, fact.at);
      if (fact.what === "published" && fact.report) of?.published(fact.report.seq, fact.at);
      if (fact.what === "declared") of?.declared(fact.from, fact.to, fact.kept);
      if (fact.what === "restored") of?.restored(fact.have);
      if (fact.what === "disk") {
        if (!fact.writable) unwritable = { since: fact.at, until: Infinity };
        else if (unwritable) unwritable.until = fact.at + RETRY_MS;
      }
      if (fact.what === "unit" && !fact.running && unwritable && fact.at <= unwritable.until)
        for (const numbers of known.values()) numbers.forgotten(unwritable.since);
      // Contract §1: a new store begins "at most daily". Until then receipts change nothing: what dispatch lacks is neither
      // sent again nor declared.
      if (fact.what !== "end" || waits) return undefined;
      // Contract §1: "what is pending is renumbered into it".
      for (const [store, numbers] of renewed ? [...known].slice(-1) : known) {
        const last = numbers.last(fact.at - ON_THE_WAY_MS);
        const missing = numbers.missing(last);
        if (missing.length === 0) continue;
        const some = missing.slice(0, SHOWN).join(", ");
        return `numbers of ${store} up to ${last} are neither delivered nor declared: ${some}`;
      }
      return undefined;
    };
  },
};

/** What makes a receipt claim what the unit does not know, and what makes receipts untrue. */
const FORGETS = /disk|store|vital|batch|record rots|memory|false receipt|backup/;

/**
 * Contract §1: "If a receipt claims a number that this store never gave (a restored card image), a new `store` begins". No
 * card is restored here. Excuse: a disk that takes nothing or loses something, and receipts that are not the recorder's.
 */
const storeStays: Invariant = {
  name: "store-stays",
  sentence: "A new store begins only if a receipt claims a number that this store never gave.",
  begin() {
    let excused = false;
    return (fact) => {
      if (fact.what === "injected") excused ||= FORGETS.test(fact.kind);
      return fact.what === "renewed" && !excused ? "a new store begins, and the card is sound" : undefined;
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
    let writable = true;
    return (fact) => {
      if (fact.what === "disk") ({ writable } = fact);
      // What it remembered of commands went with its memory.
      if (fact.what === "unit" && !fact.running && !writable) answers.clear();
      if (fact.what === "durable" && fact.damaged) answers.clear();
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
  storeStays,
  numberOnce,
  readable,
  answerStays,
  withinLimits,
  noException,
  settles,
];

import { createBackoff } from "../runtime/backoff.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { Random, Time, Timer } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";
import { CONFLICT } from "./conflict.ts";
import { Group, type Pending, type Pressure } from "./group.ts";
import { plan, repeatedOf, streamsOf, type Batch } from "./plan.ts";
import { rejectedOf, streamKey, type Accepted, type Rejected } from "./report.ts";
import { StoreError, type Commit, type Store, type Stream, type StreamName } from "./store.ts";

/** The one loop that writes to the store. It keeps the committed ledgers. */

/** Ledgers kept in memory. Beyond it those not used for the longest time are read from the store again. */
const LEDGERS = 50_000;
/**
 * Reports with a number that is stored with another content, of which one copy is kept: a unit repeats an
 * emergency that is not answered every few seconds. Beyond it they are forgotten, and kept once more.
 */
const CONFLICTING = 10_000;
/** After so many conflicts in a row something else is wrong. */
const CONFLICTS = 20;
const RETRY_MS = { min: 500, max: 15_000 };
/** The longest pause between attempts while an emergency waits. */
const URGENT_RETRY_MS = 1_000;

export type CommitterOptions = {
  readonly store: Store;
  readonly time: Time;
  readonly random: Random;
  readonly log: Log;
  /** A rejected message whose bytes are kept already is not kept again: an import can be repeated. */
  readonly keepsOnce?: boolean;
  readonly on: {
    /** These messages are committed. Called before their `done`. */
    committed(messages: readonly Pending[], commit: Commit): void;
    /** What was opened is not there any more. Nothing is committed from now on. */
    gone(cause: StoreError): void;
    /** Which sessions not to read for now. */
    pressure(pressure: Pressure): void;
  };
};

const batchOf = (messages: readonly Pending[]): Batch => ({
  accepted: messages.flatMap(({ accepted }) => accepted),
  rejected: messages.flatMap(({ rejected }) => rejected),
});

const part = (
  accepted: readonly Accepted[],
  rejected: readonly Rejected[],
  done: Pending["done"] = () => undefined,
): Pending => ({ accepted, rejected, isUrgent: false, done });

/** What can be tried of one message that the store refuses. The last part ends the message. */
const partsOf = (message: Pending, reason: string): Pending[] => {
  const { accepted, rejected } = message;
  const [only] = accepted;
  const unstored = new Set<Accepted>();
  const end = part([], [], () => message.done(unstored));
  const note: Pending["done"] = (refused) => refused.forEach((one) => unstored.add(one));
  if (accepted.length > 1 || (only && rejected.length > 0))
    return [...accepted.map((one) => part([one], [], note)), part([], rejected), end];
  // A message that cannot even be kept as rejected is given up: it must not stop the others.
  if (!only) return [end];
  unstored.add(only);
  return [part([], [rejectedOf(only, `the store refuses it: ${reason}`)]), end];
};

export class Committer {
  readonly #options: CommitterOptions;
  readonly #group = new Group();
  readonly #ledgers = new Map<string, Stream>();
  /** The unit and the reason of each conflict that is kept. */
  readonly #conflicting = new Set<string>();
  readonly #backoff;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  /** What is being written has an emergency. */
  #isUrgent = false;
  /** Ends the pause between attempts. */
  #hurry = new AbortController();
  #pressure: Pressure = "none";
  #stop = new AbortController();

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#backoff = createBackoff(RETRY_MS.min, RETRY_MS.max, options.random);
  }

  /** A message that is to be committed. */
  add(pending: Pending): void {
    this.#group.add(pending, this.#options.time.mono());
    if (pending.isUrgent) this.#hurry.abort();
    const { pressure } = this.#group;
    if (pressure === "all" || (pressure === "bulk" && this.#pressure === "none")) this.#press(pressure);
    this.#schedule();
  }

  /** The committed ledgers, by `streamKey`; without those of which nothing is stored. Rejects with StoreError. */
  async streams(names: readonly StreamName[]): Promise<ReadonlyMap<string, Stream>> {
    // A commit may come between. What is loaded is then older, and was true as well.
    const unknown = names.filter((name) => !this.#ledgers.has(streamKey(name)));
    const loaded = unknown.length > 0 ? await this.#options.store.load(unknown) : [];
    const found = new Map(loaded.map((stream) => [streamKey(stream), stream]));
    for (const name of names) {
      const known = this.#ledgers.get(streamKey(name));
      if (known) found.set(streamKey(name), known);
    }
    return found;
  }

  /** Commits what waits, for at most `ms`, and ends. */
  async stop(ms: number): Promise<void> {
    const { time } = this.#options;
    const timer = time.after(ms, () => this.#stop.abort());
    while (!this.#group.isEmpty && !this.#stop.signal.aborted) {
      this.#start();
      // oxlint-disable-next-line no-await-in-loop -- one commit after the other
      await this.#running;
    }
    await this.#running;
    timer[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    this.#stop.abort();
  }

  #press(pressure: Pressure): void {
    if (this.#pressure === pressure) return;
    this.#pressure = pressure;
    this.#options.on.pressure(pressure);
  }

  #schedule(): void {
    if (this.#running || this.#stop.signal.aborted) return;
    const dueIn = this.#group.dueIn(this.#options.time.mono());
    if (dueIn === undefined) return;
    this.#timer?.[Symbol.dispose]();
    this.#timer =
      dueIn === 0
        ? this.#options.time.soon(() => this.#start())
        : this.#options.time.after(dueIn, () => this.#tick());
  }

  /** A later message may have put the commit off. */
  #tick(): void {
    if (this.#group.dueIn(this.#options.time.mono()) === 0) this.#start();
    else this.#schedule();
  }

  #start(): void {
    if (this.#running || this.#group.isEmpty) return;
    this.#timer?.[Symbol.dispose]();
    const messages = this.#group.take(this.#options.time.mono());
    this.#isUrgent = messages.some(({ isUrgent }) => isUrgent);
    this.#running = this.#write(messages).finally(() => {
      this.#running = undefined;
      if (this.#group.hasRoom) this.#press("none");
      this.#schedule();
    });
  }

  /** Tries until it is committed, or until the recorder stops: then the broker delivers it again. */
  async #write(messages: readonly Pending[]): Promise<void> {
    const { log, on } = this.#options;
    for (let conflicts = 0; !this.#stop.signal.aborted;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- attempts at one commit
        const commit = await this.#commit(batchOf(messages));
        if (commit) {
          this.#backoff.reset();
          on.committed(messages, commit);
          for (const message of messages) message.done(commit.conflicts);
          return;
        }
        if (++conflicts % CONFLICTS === 0) log.warn("another recorder writes the same units", { conflicts });
      } catch (cause) {
        this.#ledgers.clear();
        if (cause instanceof StoreError && cause.code === "gone") {
          this.#stop.abort();
          on.gone(cause);
          return;
        }
        const isRefused = cause instanceof StoreError && cause.code === "refused";
        if (isRefused) {
          // oxlint-disable-next-line no-await-in-loop -- it ends this attempt
          await this.#split(messages, reasonOf(cause));
          return;
        }
        // oxlint-disable-next-line no-await-in-loop -- the pause between attempts
        await this.#pause(reasonOf(cause));
      }
    }
  }

  /** The pause between attempts. The first emergency that comes meanwhile ends it. */
  async #pause(cause: string): Promise<void> {
    const { log, time } = this.#options;
    const waits = this.#isUrgent || this.#group.isUrgent;
    const retryMs = Math.min(this.#backoff.next(), waits ? URGENT_RETRY_MS : RETRY_MS.max);
    log.error("the store cannot be written", { cause, retryMs: Math.round(retryMs) });
    this.#hurry = new AbortController();
    const ends = [this.#stop.signal, ...(waits ? [] : [this.#hurry.signal])];
    await pause(retryMs, AbortSignal.any(ends), time);
  }

  /** Something has what the store does not accept: each report is tried by itself, and that one is rejected. */
  async #split(messages: readonly Pending[], reason: string): Promise<void> {
    const smaller = messages.length > 1 ? messages : messages.flatMap((one) => partsOf(one, reason));
    for (const one of smaller) {
      // oxlint-disable-next-line no-await-in-loop -- in the order in which they came
      await this.#write([one]);
    }
  }

  /** Undefined: another recorder has changed one of the ledgers. Rejects with StoreError. */
  async #commit(messages: Batch): Promise<Commit | undefined> {
    const { store, time } = this.#options;
    const batch = { ...messages, rejected: await this.#unkept(messages.rejected) };
    const names = streamsOf(batch);
    const unknown = [...names].flatMap(([key, name]) => (this.#ledgers.has(key) ? [] : [name]));
    if (unknown.length > 0) for (const stream of await store.load(unknown)) this.#remember(stream);
    const repeated = repeatedOf(batch, this.#ledgers).map(({ report }) => report);
    const stored = repeated.length > 0 ? await store.find(repeated) : [];
    const planned = this.#once(plan(batch, this.#ledgers, stored, time.host()));
    const commit =
      planned.conflicts.size === 0 ? planned : { ...planned, rejected: await this.#unkept(planned.rejected) };
    const outcome = await store.commit(commit);
    if (outcome.kind === "conflict") {
      for (const key of names.keys()) this.#ledgers.delete(key);
      return undefined;
    }
    for (const { after } of commit.streams) this.#remember(after);
    this.#forget();
    if (commit.conflicts.size > 0) this.#note(commit);
    return commit;
  }

  /** Of an import, those that are not kept already. Rejects with StoreError. */
  async #unkept(rejected: readonly Rejected[]): Promise<readonly Rejected[]> {
    if (!this.#options.keepsOnce || rejected.length === 0) return rejected;
    const kept = await this.#options.store.kept(rejected);
    return rejected.filter((one) => !kept.has(one));
  }

  /** Without conflicts that are kept already. */
  #once(commit: Commit): Commit {
    if (commit.conflicts.size === 0) return commit;
    const seen = new Set<string>();
    const rejected = commit.rejected.filter(({ reason, topic }) => {
      const key = `${topic} ${reason}`;
      if (!reason.startsWith(CONFLICT)) return true;
      if (seen.has(key) || this.#conflicting.has(key)) return false;
      seen.add(key);
      return true;
    });
    return { ...commit, rejected };
  }

  #note({ rejected }: Commit): void {
    for (const { reason, topic } of rejected)
      if (reason.startsWith(CONFLICT)) this.#conflicting.add(`${topic} ${reason}`);
    if (this.#conflicting.size > CONFLICTING) this.#conflicting.clear();
  }

  #remember(stream: Stream): void {
    const key = streamKey(stream);
    this.#ledgers.delete(key);
    this.#ledgers.set(key, stream);
  }

  #forget(): void {
    for (const key of this.#ledgers.keys()) {
      if (this.#ledgers.size <= LEDGERS) return;
      this.#ledgers.delete(key);
    }
  }
}

import { SilentMessage } from "../domain/messages.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { Time } from "../runtime/ports.ts";
import type { Broker } from "./mqtt/broker.ts";
import type { Received } from "./mqtt/session.ts";
import type { Opened } from "./open-message.ts";
import { silentMessage, type Sender } from "./publisher.ts";
import { Silence, type Change, type Ears, type Now } from "./silence.ts";
import type { SilentUnit, Store } from "./store.ts";
import type { UnitTopic } from "./topics.ts";

/** Performs what `silence.ts` decides: publishes which units are silent, and stores the list. */

/** The shortest time between two writes of the list, ms. */
const SAVE_MS = 2_000;

/** What a broker has kept of a silent unit. Undefined: it cannot be read. */
const readSilent = (unit: string, payload: Buffer): SilentUnit | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString("utf8"));
  } catch {
    return undefined;
  }
  const found = SilentMessage.safeParse(value).data;
  if (!found) return undefined;
  const [since, last] = [Date.parse(found.since), Date.parse(found.last)];
  return Number.isFinite(since) && Number.isFinite(last)
    ? { unit, since, last, expectedS: found.expectedS }
    : undefined;
};

/**
 * The way to one broker: a session for emergencies, and for what the recorder publishes, and one for all else.
 */
export type Line = { readonly url: string; readonly urgent: Broker; readonly bulk: Broker };

export type WatchOptions = {
  readonly store: Store;
  readonly sender: Sender;
  readonly lines: () => readonly Line[];
  readonly time: Time;
  readonly log: Log;
};

export class Watch {
  readonly #options: WatchOptions;
  readonly #silence = new Silence();
  #isUnsaved = false;
  #isSaving = false;
  /** Brokers that have been connected at least once. */
  readonly #known = new Set<Line>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Rejects with StoreError. */
  async start(): Promise<void> {
    for (const silent of await this.#options.store.silent(this.#options.sender.name))
      this.#silence.adopt(silent, this.#now());
  }

  /** A message of a unit. Returns whether it is a birth that counts. */
  message({ unit, channel }: UnitTopic, message: Received, { state, accepted }: Opened): boolean {
    const now = this.#now();
    const isStale = state !== undefined && this.#silence.state(state, now);
    if (channel !== "history") for (const { report } of accepted) this.#silence.report(report, now);
    // A retained message is old, and a will is the broker's.
    const isHeard = !message.retain && message.payload.length > 0 && state?.state !== "offline";
    const change = isHeard ? this.#silence.heard(unit, state !== undefined, now) : undefined;
    if (change) this.#perform([change]);
    return state?.state === "online" && !isStale;
  }

  /** A message on `silent`. Not retained: it is our own, or another recorder's. */
  silentMessage(unit: string, { retain, payload }: Received): void {
    if (!retain || payload.length === 0) return;
    const silent = readSilent(unit, payload);
    if (!silent || !this.#silence.adopt(silent, this.#now())) this.#publish(unit, undefined);
  }

  /** A session of a broker is there, or was lost. */
  changed(line: Line, isUp: boolean): void {
    // What was silent before the recorder's first connection is known from the brokers and the store.
    if (!isUp || this.#known.has(line)) this.#silence.unrest(this.#now().mono);
    if (!line.urgent.isUp || !line.bulk.isUp) return;
    this.#known.add(line);
    for (const silent of this.#silence.silent)
      line.urgent.publish(silentMessage(this.#options.sender, silent.unit, silent));
  }

  tick(): void {
    this.#perform(this.#silence.overdue(this.#now(), this.#ears()));
    this.#save();
  }

  #now(): Now {
    return { mono: this.#options.time.mono(), wall: this.#options.time.host() };
  }

  /** A broker of which only one session is there may hide its units: then nothing can be said. */
  #ears(): Ears {
    const lines = this.#options.lines();
    const isHalf = lines.some(({ urgent, bulk }) => urgent.isUp !== bulk.isUp);
    const heard = lines.flatMap(({ urgent, bulk }) => [urgent.heardAt ?? [], bulk.heardAt ?? []].flat());
    return { isUp: heard.length > 0 && !isHalf, heardAt: Math.min(...heard) };
  }

  #perform(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    const { log } = this.#options;
    for (const { unit, silent } of changes) {
      this.#publish(unit, silent);
      log.info(silent ? "a unit is silent" : "a unit is heard again", { unit });
    }
    this.#isUnsaved = true;
  }

  /** A fleet that is heard again is many changes: the list is written once for all that came meanwhile. */
  #save(): void {
    if (!this.#isUnsaved || this.#isSaving) return;
    const { store, log, sender, time } = this.#options;
    this.#isUnsaved = false;
    this.#isSaving = true;
    const failed = (cause: unknown) => {
      log.warn("the list of silent units cannot be written", { cause: reasonOf(cause) });
      this.#isUnsaved = true;
    };
    const pauseOver = () => (this.#isSaving = false);
    void store
      .saveSilent(sender.name, this.#silence.silent)
      .catch(failed)
      .finally(() => void time.after(SAVE_MS, pauseOver));
  }

  #publish(unit: string, silent: SilentUnit | undefined): void {
    const message = silentMessage(this.#options.sender, unit, silent);
    for (const { urgent } of this.#options.lines()) urgent.publish(message);
  }
}

import type { Duplex } from "node:stream";
import { isoInstant } from "../domain/time.ts";
import { reasonOf, type Log } from "../runtime/log.ts";
import type { Random, Time } from "../runtime/ports.ts";
import { Committer } from "./committer.ts";
import type { Heard } from "./console/records.ts";
import type { Pending, Pressure } from "./group.ts";
import { EMPTY_LEDGER, receiptOf } from "./ledger.ts";
import { Broker, type BrokerOptions } from "./mqtt/broker.ts";
import type { Outgoing } from "./mqtt/outbound.ts";
import type { Received } from "./mqtt/session.ts";
import { openMessage, openSteps, type Opened } from "./open-message.ts";
import {
  ackMessage,
  receiptMessage,
  receivedMessage,
  stateMessage,
  type Ack,
  type Sender,
} from "./publisher.ts";
import { Receipts } from "./receipts.ts";
import { streamKey, type Accepted } from "./report.ts";
import { StoreError, type Commit, type Store, type StreamName } from "./store.ts";
import type { Compose } from "../wire/signed.ts";
import { filtersOf, readTopic, type SessionKind, type UnitPattern, type UnitTopic } from "./topics.ts";
import { Turns } from "./turns.ts";
import { Watch, type Line } from "./watch.ts";

/** dispatch's recorder: the one place that performs what the pure files decide. */

export type RecorderOptions = {
  readonly store: Store;
  readonly brokers: readonly string[];
  readonly dial: (url: string, signal: AbortSignal) => Promise<Duplex>;
  /** What an error of the system or of TLS means, for the log. Left out: its message. */
  readonly words?: (cause: unknown) => string;
  readonly name: string;
  readonly prefix: string;
  readonly units: UnitPattern;
  /** Makes receipts and answers: signed, or not. */
  readonly compose: Compose;
  /** Whether to answer a stored emergency with `received`. */
  readonly acknowledges: boolean;
  /** Called with each message that is read, before it is stored. It must not throw. */
  readonly heard?: (heard: Heard) => void;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly time: Time;
  readonly random: Random;
  readonly log: Log;
};

const KEEPALIVE_S = 20;
/** How often receipts and silence are looked at, ms. */
const TICK_MS = 250;
/** How often the log says what was stored, ms. */
const SUMMARY_MS = 60_000;
/** So many receipts are made at once: after a broker's restart every unit asks for one. */
const RECEIPTS = 200;
/** How long a clean stop may take to commit what was read, ms. */
const STOP_MS = 2_500;

const NOTHING = { messages: 0, reports: 0, duplicates: 0, rejected: 0, receipts: 0 };

/** A message that was too large to be read. */
const oversized = (topic: string, head: Buffer, size: number): Opened => ({
  accepted: [],
  rejected: [{ topic, reason: `a packet of ${size} bytes`, bytes: head }],
});

const setPaused = (session: Broker, isPaused: boolean): void => {
  if (isPaused) session.pause();
  else session.resume();
};

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #sender: Sender;
  readonly #committer: Committer;
  readonly #receipts = new Receipts();
  readonly #watch: Watch;
  readonly #lines: readonly Line[];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>[] = [];
  readonly #timers: Disposable[] = [];
  #counts = { ...NOTHING };
  #ticking: Promise<void> | undefined;
  readonly #gone = Promise.withResolvers<StoreError>();
  #isStopping = false;
  #isGone = false;
  readonly #turns: Turns;
  #pressure: Pressure = "none";
  /** A batch has to wait until another one is opened. */
  #isOpening = false;
  /** The last instant of a receipt: the next is later, even if the wall clock went back. */
  #receiptAt = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    const { store, time, random, log, name, prefix, compose } = options;
    this.#sender = { name, prefix, database: store.id, compose };
    const on = {
      committed: (messages: readonly Pending[], commit: Commit) => this.#committed(messages, commit),
      gone: (cause: StoreError) => this.#lose(cause),
      pressure: (pressure: Pressure) => this.#press(pressure),
    };
    this.#turns = new Turns(time, (isOpening) => {
      this.#isOpening = isOpening;
      this.#readOrPause();
    });
    this.#committer = new Committer({ store, time, random, log, on });
    this.#lines = options.brokers.map((url) => this.#line(url));
    this.#watch = new Watch({ store, time, log, sender: this.#sender, lines: () => this.#lines });
  }

  /** Begins to connect. Rejects with StoreError. */
  async start(): Promise<void> {
    const { store, time, log, name } = this.#options;
    await this.#watch.start();
    for (const session of this.#sessions) this.#running.push(session.run(this.#stopping.signal));
    this.#timers.push(time.every(TICK_MS, () => this.#tick()));
    this.#timers.push(time.every(SUMMARY_MS, () => this.#summary()));
    log.info("started", { name, database: store.id });
  }

  /** Resolves if the store that was opened is not there any more: the recorder must be stopped, and opened again. */
  get gone(): Promise<StoreError> {
    return this.#gone.promise;
  }

  /** Whether there is a connection to a broker. */
  get isConnected(): boolean {
    return this.#lines.some(({ urgent }) => urgent.isUp);
  }

  /** Publishes what an operator says of an emergency, at every broker: the unit may be at any of them. */
  acknowledge(ack: Ack): void {
    this.#publish(ackMessage(this.#sender, ack, this.#options.time));
  }

  /** Commits and acknowledges what was read, says goodbye and disconnects. */
  async stop(reason: string): Promise<void> {
    this.#isStopping = true;
    this.#turns[Symbol.dispose]();
    for (const timer of this.#timers) timer[Symbol.dispose]();
    await this.#committer.stop(STOP_MS);
    await this.#ticking;
    const last = stateMessage(this.#sender, "offline", this.#options.time.host(), reason);
    this.#stopping.abort();
    await Promise.all(this.#lines.flatMap(({ urgent, bulk }) => [urgent.close(last), bulk.close()]));
    await Promise.all(this.#running);
    this.#summary();
  }

  get #sessions(): Broker[] {
    return this.#lines.flatMap(({ urgent, bulk }) => [urgent, bulk]);
  }

  #line(url: string): Line {
    const { name, prefix, units, time } = this.#options;
    const session = (kind: SessionKind, more: Partial<BrokerOptions>) =>
      new Broker(
        {
          ...this.#options,
          url,
          keepaliveS: KEEPALIVE_S,
          filters: filtersOf(prefix, units, kind),
          clientId: "",
          ...more,
        },
        {
          message: (broker, message) => this.#message(broker, message),
          changed: (_, isUp) => this.#changed(url, isUp),
        },
      );
    return {
      url,
      urgent: session("urgent", {
        clientId: `recorder.${name}`,
        will: stateMessage(this.#sender, "offline"),
        birth: () => stateMessage(this.#sender, "online", time.host()),
      }),
      bulk: session("bulk", { clientId: `recorder.${name}.bulk` }),
    };
  }

  #changed(url: string, isUp: boolean): void {
    const line = this.#lines.find((one) => one.url === url);
    if (!line) return;
    this.#watch.changed(line, isUp);
    if (line.urgent.isUp && line.bulk.isUp)
      this.#options.log.info("connected", { broker: url, mqtt: line.urgent.mqtt });
  }

  /** Nothing is stored, acknowledged, answered or covered by a receipt from now on. */
  #lose(cause: StoreError): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#turns[Symbol.dispose]();
    this.#options.log.error("the store is gone", { cause: cause.message });
    this.#gone.resolve(cause);
  }

  #publish(message: Outgoing): void {
    for (const { urgent } of this.#lines) urgent.publish(message);
  }

  #message(broker: Broker, message: Received): void {
    // What comes now is not stored any more: without an acknowledgement it comes again.
    if (this.#isStopping || this.#isGone) return;
    this.#counts.messages++;
    const { topic, payload, oversize } = message;
    const where = readTopic(this.#options.prefix, topic);
    if (where?.channel === "silent") this.#watch.silentMessage(where.unit, message);
    if (!where || where.channel === "silent") {
      this.#options.heard?.({ ...message, where, opened: undefined });
      message.done();
      return;
    }
    if (oversize !== undefined) this.#opened(broker, message, where, oversized(topic, payload, oversize));
    else if (where.channel !== "history")
      this.#opened(broker, message, where, openMessage(topic, where, payload));
    else
      this.#turns.add(openSteps(topic, where, payload), (opened) =>
        this.#opened(broker, message, where, opened),
      );
  }

  #opened(broker: Broker, message: Received, where: UnitTopic, opened: Opened): void {
    this.#options.heard?.({ ...message, where, opened });
    const isBirth = this.#watch.message(where, message, opened);
    const { state, accepted, rejected } = opened;
    if (isBirth && state)
      this.#receipts.birth({ unit: where.unit, store: state.store ?? "" }, this.#options.time.mono());
    if (accepted.length + rejected.length === 0) {
      message.done();
      return;
    }
    const isUrgent = where.channel === "emergency";
    const done = (unstored: ReadonlySet<Accepted>) => {
      if (isUrgent) this.#acknowledge(broker, accepted, unstored);
      message.done();
    };
    this.#committer.add({ accepted, rejected, isUrgent, done });
  }

  /** Each repeat of an emergency is answered, because an answer can be lost. */
  #acknowledge(broker: Broker, accepted: readonly Accepted[], unstored: ReadonlySet<Accepted>): void {
    if (!this.#options.acknowledges) return;
    for (const one of accepted) {
      const { report, meaning } = one;
      // `received` says that the emergency is in the store.
      if (unstored.has(one)) continue;
      if (meaning.kind !== "emergency" || meaning.state !== "active") continue;
      const answer = receivedMessage(this.#sender, report.unit, meaning.episode, this.#options.time);
      // The unit listens where it has published; if that broker has gone, at any other.
      if (broker.isUp) broker.publish(answer);
      else this.#publish(answer);
    }
  }

  #committed(messages: readonly Pending[], { reports, rejected, conflicts }: Commit): void {
    const mono = this.#options.time.mono();
    this.#counts.reports += reports.length;
    this.#counts.duplicates -= reports.length + conflicts.size;
    this.#counts.rejected += rejected.length;
    for (const { accepted, isUrgent } of messages) {
      this.#counts.duplicates += accepted.length;
      for (const { report } of accepted)
        this.#receipts.committed(report, isUrgent ? "emergency" : report.live ? "live" : "history", mono);
    }
    for (const { number } of rejected) if (number) this.#receipts.committed(number, "history", mono);
    const [first] = rejected;
    if (first)
      this.#options.log.warn("rejected", {
        count: rejected.length,
        topic: first.topic,
        reason: first.reason,
      });
    if (messages.some(({ isUrgent }) => isUrgent)) this.#tick();
  }

  #press(pressure: Pressure): void {
    this.#pressure = pressure;
    const says = {
      none: "reading again",
      bulk: "only emergencies are read",
      all: "nothing is read",
    } as const;
    this.#options.log.info(says[pressure], { cause: "what waits to be stored" });
    this.#readOrPause();
  }

  #readOrPause(): void {
    for (const { urgent, bulk } of this.#lines) {
      setPaused(bulk, this.#pressure !== "none" || this.#isOpening);
      setPaused(urgent, this.#pressure === "all");
    }
  }

  #tick(): void {
    if (this.#isGone) return;
    this.#ticking ??= this.#look().finally(() => (this.#ticking = undefined));
  }

  async #look(): Promise<void> {
    this.#watch.tick();
    const names = this.#receipts.take(this.#options.time.mono());
    for (let i = 0; i < names.length; i += RECEIPTS) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other, so that none overtakes a newer one
      await this.#sendReceipts(names.slice(i, i + RECEIPTS));
    }
  }

  async #sendReceipts(names: readonly StreamName[]): Promise<void> {
    const { store, log, time } = this.#options;
    try {
      const streams = await this.#committer.streams(names);
      // The ledgers are kept in memory, and outlive what they describe.
      await store.verify();
      this.#receiptAt = Math.max(time.host(), this.#receiptAt + 1);
      const at = isoInstant(this.#receiptAt);
      for (const name of names) {
        const ledger = streams.get(streamKey(name))?.ledger ?? EMPTY_LEDGER;
        const message = receiptMessage(this.#sender, name.unit, receiptOf(ledger, name.store, store.id, at));
        this.#publish(message);
      }
      this.#counts.receipts += names.length;
    } catch (cause) {
      if (cause instanceof StoreError && cause.code === "gone") {
        this.#lose(cause);
        return;
      }
      log.warn("receipts cannot be made", { units: names.length, cause: reasonOf(cause) });
      for (const name of names) this.#receipts.committed(name, "live", time.mono());
    }
  }

  #summary(): void {
    if (this.#counts.messages > 0) this.#options.log.info("stored", this.#counts);
    this.#counts = { ...NOTHING };
  }
}

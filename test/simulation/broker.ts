import { WireReport } from "../../src/domain/report.ts";
import { readMessage } from "../../src/wire/read.ts";
import type { LinkFault } from "../../src/dispatch/port.ts";
import type { Time, Timer } from "../../src/runtime/ports.ts";
import type { Observe } from "./facts.ts";
import { episodeOf, hasWildcard, matches } from "./topics.ts";

/** What a broker announces, and what it is. */
export type BrokerLimits = {
  readonly version: 4 | 5;
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number;
  /** Some brokers deliver no retained message to a filter with wildcards. */
  readonly retainedToWildcards: boolean;
  /** So many messages the unit may get before it has acknowledged one: its own Receive Maximum, or a limit of 3.1.1. */
  readonly inFlight: number;
  /** What an earlier connection got and did not acknowledge, NATS sends again half a minute after that. */
  readonly resendsAfterMs: number;
  /** Some brokers accept one client id of a unit only: what becomes of a CONNECT with a courier's. */
  readonly refusesCouriers?: LinkFault | undefined;
};

export type Deed = "publish" | "subscribe";

/** What can be wrong with a broker, all at once if need be; changed while it runs. */
export type BrokerFaults = {
  /** Connections are refused. */
  down: boolean;
  /** Connections are taken, and no CONNACK comes. */
  hangs: boolean;
  /** Where it hangs up: `after` its acknowledgement, or `instead` of accepting. */
  hangsUp: (topic: string, deed: Deed) => "after" | "instead" | undefined;
  /** It acknowledges and drops. */
  lies: boolean;
  /** It acknowledges and drops only messages on these topics, as a 3.1.1 broker does whose rules leave them out. */
  drops: (topic: string) => boolean;
  /** The PUBACK or SUBACK code for a topic that it refuses. */
  refuses: (topic: string, deed: Deed) => number | undefined;
  /** PUBACKs come so late. */
  slowMs: number;
  /** Emergencies get no PUBACK. */
  mute: boolean;
  /** The birth gets no PUBACK. */
  muteBirth: boolean;
  /** New connections get at most these limits. */
  receiveMaximum: number;
  maximumPacketSize: number;
};

export const FULL_LIMITS: BrokerLimits = {
  version: 5,
  receiveMaximum: 65_535,
  maximumPacketSize: 268_435_455,
  retainedToWildcards: true,
  inFlight: 16,
  resendsAfterMs: 0,
};

export const soundBroker = (): BrokerFaults => ({
  down: false,
  hangs: false,
  hangsUp: () => undefined,
  lies: false,
  drops: () => false,
  refuses: () => undefined,
  slowMs: 0,
  mute: false,
  muteBirth: false,
  receiveMaximum: FULL_LIMITS.receiveMaximum,
  maximumPacketSize: FULL_LIMITS.maximumPacketSize,
});

export type Message = {
  readonly topic: string;
  /** It is delivered because of a subscription. */
  readonly retained?: true;
  readonly payload: Buffer;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
};
export type Will = { readonly topic: string; readonly payload: Buffer };

/** The broker's end of a connection. */
export type Peer = {
  readonly will: Will | undefined;
  /** `repeated`: an earlier connection got it already. */
  deliver(id: number, message: Message, repeated: boolean): void;
  /** DISCONNECT with a reason code, then close. */
  disconnect(code: number): void;
  /** Close without a word. */
  drop(): void;
};

type Session = {
  readonly filters: Set<string>;
  /** Not acknowledged by the client: sent again in the next connection. `sentAt`: when a connection last got it. */
  readonly unacknowledged: Map<
    number,
    { readonly message: Message; readonly at: number; sentAt?: number | undefined }
  >;
  /** Those that the connection has got; undefined: it has no CONNACK yet. */
  sent: Set<number> | undefined;
  peer: Peer | undefined;
  expiry: Timer | undefined;
  /** Until the next one of those may be sent again. */
  resend: Timer | undefined;
};

/** What a broker has saved: what it has after a crash. */
type Saved = {
  readonly sessions: readonly {
    readonly clientId: string;
    readonly filters: readonly string[];
    readonly messages: readonly Message[];
  }[];
  readonly retained: readonly (readonly [topic: string, kept: Message & { readonly expiresAt: number }])[];
};

/** Dispatch's own subscription, which needs no link. */
export type Listener = { readonly filter: string; readonly receive: (message: Message) => void };

const newSession = (filters: readonly string[] = []): Session => ({
  filters: new Set(filters),
  unacknowledged: new Map(),
  sent: undefined,
  peer: undefined,
  expiry: undefined,
  resend: undefined,
});

const SESSION_EXPIRY_MS = 86_400_000;
/** As mosquitto's `max_queued_messages`: what a session that is away can collect; more is dropped. */
const SESSION_MESSAGES = 1_000;
const HANG_UP_MS = 20;
const NO_SUBSCRIBERS = 0x10;
const TAKEN_OVER = 0x8e;

/** A broker, as far as a unit and dispatch can see one. */
export class Broker {
  readonly name: string;
  readonly limits: BrokerLimits;
  readonly faults = soundBroker();
  readonly #time: Time;
  readonly #observe: Observe;
  readonly #sessions = new Map<string, Session>();
  readonly #retained = new Map<string, Message & { readonly expiresAt: number }>();
  readonly #listeners = new Set<Listener>();
  #lastId = 0;
  #saved: Saved = { sessions: [], retained: [] };

  constructor(name: string, limits: BrokerLimits, time: Time, observe: Observe) {
    this.name = name;
    this.limits = limits;
    this.#time = time;
    this.#observe = observe;
  }

  /** Dispatch subscribes: it gets what is retained, then everything. Disposing unsubscribes. */
  listen(listener: Listener): Disposable {
    this.#listeners.add(listener);
    for (const message of this.#kept(listener.filter)) listener.receive(message);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** What it announces to a new connection. */
  get announced(): BrokerLimits {
    const { limits, faults } = this;
    return {
      ...limits,
      receiveMaximum: Math.min(limits.receiveMaximum, faults.receiveMaximum),
      maximumPacketSize: Math.min(limits.maximumPacketSize, faults.maximumPacketSize),
    };
  }

  get listened(): boolean {
    return this.#listeners.size > 0;
  }

  /** A retained message; undefined if there is none (any more). */
  retained(topic: string): Buffer | undefined {
    const kept = this.#retained.get(topic);
    return kept && kept.expiresAt > this.#time.mono() ? kept.payload : undefined;
  }

  retainedTopics(): string[] {
    return [...this.#retained.keys()].filter((topic) => this.retained(topic) !== undefined);
  }

  /** A client was accepted. A connection of the same id is taken over. Returns whether there was a session. */
  attach(clientId: string, peer: Peer): boolean {
    const before = this.#sessions.get(clientId);
    const session = before ?? newSession();
    this.#sessions.set(clientId, session);
    session.expiry?.[Symbol.dispose]();
    const old = session.peer;
    session.peer = peer;
    session.sent = undefined;
    if (old) {
      old.disconnect(TAKEN_OVER);
      this.#publishWill(old);
    }
    return before !== undefined;
  }

  /** Messages of the last session that were not acknowledged: after the CONNACK. */
  resume(clientId: string, peer: Peer): void {
    const session = this.#sessions.get(clientId);
    if (session?.peer !== peer) return;
    session.sent = new Set();
    this.#deliver(session);
  }

  /** As many as the client takes: each acknowledgement makes room for another. */
  #deliver(session: Session): void {
    const { unacknowledged, sent, peer } = session;
    if (!sent || !peer) return;
    const now = this.#time.mono();
    session.resend?.[Symbol.dispose]();
    let soonestMs = Infinity;
    for (const [id, kept] of unacknowledged) {
      if (sent.size >= this.limits.inFlight) return;
      if (sent.has(id)) continue;
      const { message, sentAt } = kept;
      const waitMs = sentAt === undefined ? 0 : Math.ceil(sentAt + this.limits.resendsAfterMs - now);
      if (waitMs > 0) {
        soonestMs = Math.min(soonestMs, waitMs);
        continue;
      }
      sent.add(id);
      kept.sentAt = now;
      peer.deliver(id, message, sentAt !== undefined);
    }
    if (soonestMs === Infinity) return;
    session.resend = this.#time.after(soonestMs, () => session.sent === sent && this.#deliver(session));
  }

  /** Since when a message has waited in the session of the unit's link; undefined: none does. */
  get waitingSince(): number | undefined {
    const sessions = [...this.#sessions].filter(([clientId]) => !clientId.endsWith(".courier"));
    const times = sessions.flatMap(([, { unacknowledged }]) =>
      [...unacknowledged.values()].map(({ at }) => at),
    );
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** A connection has ended. `clean`: by a DISCONNECT, which discards the will. */
  detach(clientId: string, peer: Peer, clean: boolean): void {
    const session = this.#sessions.get(clientId);
    if (session?.peer !== peer) return;
    session.peer = undefined;
    this.#expire(clientId, session);
    if (!clean) this.#publishWill(peer);
  }

  #expire(clientId: string, session: Session): void {
    session.expiry = this.#time.after(SESSION_EXPIRY_MS, () => this.#sessions.delete(clientId));
  }

  #publishWill(peer: Peer): void {
    if (peer.will) this.publish(peer.will.topic, peer.will.payload, { retain: true });
  }

  /** Returns one SUBACK code a filter; undefined: it hung up. */
  subscribe(clientId: string, filters: readonly string[], peer: Peer): number[] | undefined {
    if (filters.some((filter) => this.#hangsUp(peer, filter, "subscribe"))) return undefined;
    const session = this.#sessions.get(clientId);
    return filters.map((filter) => {
      const refusal = this.faults.refuses(filter, "subscribe");
      if (refusal !== undefined) return this.limits.version === 5 ? refusal : 0x80;
      session?.filters.add(filter);
      if (hasWildcard(filter) && !this.limits.retainedToWildcards) return 1;
      for (const message of this.#kept(filter)) this.#enqueue(session, { ...message, retained: true });
      return 1;
    });
  }

  acknowledge(clientId: string, id: number): void {
    const session = this.#sessions.get(clientId);
    if (!session) return;
    session.unacknowledged.delete(id);
    session.sent?.delete(id);
    this.#deliver(session);
  }

  /**
   * A publish from a client. Returns the PUBACK's code and how late it is; undefined: none comes.
   * 3.1.1 has no codes: a refusal is a silent success there.
   */
  receive(
    peer: Peer,
    message: Message,
    route: { retain: boolean; expiryS?: number },
  ): { readonly code: number; readonly afterMs: number } | undefined {
    const { faults } = this;
    const five = this.limits.version === 5;
    if (this.#hangsUp(peer, message.topic, "publish")) return undefined;
    const refusal = faults.refuses(message.topic, "publish");
    if (refusal !== undefined) return { code: five ? refusal : 0, afterMs: faults.slowMs };
    const isDropped = faults.lies || faults.drops(message.topic);
    const heard = isDropped
      ? this.#drop(message, route)
      : this.publish(message.topic, message.payload, route);
    if (faults.mute && episodeOf(message.topic) !== undefined) return undefined;
    if (faults.muteBirth && message.topic.endsWith("/state")) return undefined;
    return { code: heard || !five ? 0 : NO_SUBSCRIBERS, afterMs: faults.slowMs };
  }

  /** Hangs up, if it does so here. Returns whether it did so instead of accepting. */
  #hangsUp(peer: Peer, topic: string, deed: Deed): boolean {
    const when = this.faults.hangsUp(topic, deed);
    if (when === "after") this.#time.after(HANG_UP_MS, () => peer.drop());
    if (when === "instead") peer.drop();
    return when === "instead";
  }

  /** Keeps and hands on a message. Returns whether anybody subscribes to its topic. */
  publish(topic: string, payload: Buffer, route: { retain?: boolean; expiryS?: number }): boolean {
    return this.send({ topic, payload }, route);
  }

  send(message: Message, { retain = false, expiryS }: { retain?: boolean; expiryS?: number } = {}): boolean {
    const { topic, payload } = message;
    if (retain) this.#keep(topic, payload, this.#expiresAt(expiryS));
    let heard = false;
    for (const { filter, receive } of this.#listeners) {
      if (!matches(filter, topic)) continue;
      heard = true;
      receive(message);
    }
    for (const session of this.#sessions.values()) {
      if (![...session.filters].some((filter) => matches(filter, topic))) continue;
      heard = true;
      this.#enqueue(session, message);
    }
    return heard;
  }

  /** Keeps what is retained, and hands it to nobody: its subscribers' queues are full. */
  #drop({ topic, payload }: Message, { retain, expiryS }: { retain: boolean; expiryS?: number }): boolean {
    if (retain) this.#keep(topic, payload, this.#expiresAt(expiryS));
    const received = readMessage(topic, payload);
    for (const value of received.kind === "json" ? received.values : []) {
      const report = WireReport.safeParse(value).data;
      if (report?.kind !== "emergency") continue;
      const { episode, presses } = report.data;
      this.#observe({ what: "dropped", episode, presses });
    }
    return true;
  }

  #expiresAt(expiryS: number | undefined): number {
    const lastsMs = expiryS !== undefined && this.limits.version === 5 ? expiryS * 1000 : Infinity;
    return this.#time.mono() + lastsMs;
  }

  #keep(topic: string, payload: Buffer, expiresAt: number): void {
    if (payload.length === 0) this.#retained.delete(topic);
    else this.#retained.set(topic, { topic, payload, expiresAt });
    const episode = episodeOf(topic);
    if (episode === undefined) return;
    this.#observe({ what: "retained", broker: this.name, episode, present: payload.length > 0 });
  }

  #enqueue(session: Session | undefined, message: Message): void {
    if (!session || session.unacknowledged.size >= SESSION_MESSAGES) return;
    const id = ++this.#lastId;
    session.unacknowledged.set(id, { message, at: this.#time.mono() });
    this.#deliver(session);
  }

  #kept(filter: string): Message[] {
    const now = this.#time.mono();
    return [...this.#retained.values()].filter(
      ({ topic, expiresAt }) => expiresAt > now && matches(filter, topic),
    );
  }

  /** Ends and begins anew: connections are dropped, and what was only in memory is gone. */
  restart(loses: { readonly sessions: boolean; readonly retained: boolean }): void {
    this.#dropAll();
    if (loses.sessions) this.#forgetSessions();
    if (loses.retained) this.#forgetRetained();
  }

  /**
   * Crashes and begins anew with what it saved last: sessions and retained messages are those of then. A copy that is back
   * is no fact: nobody can demand that the unit removes it from a broker that it does not visit (see README.md).
   */
  crash(): void {
    this.#dropAll();
    this.#forgetSessions();
    const { sessions, retained } = this.#saved;
    for (const { clientId, filters, messages } of sessions) {
      const session = newSession(filters);
      this.#sessions.set(clientId, session);
      for (const message of messages) this.#enqueue(session, message);
      this.#expire(clientId, session);
    }
    this.#forgetRetained(new Set(retained.map(([topic]) => topic)));
    for (const [topic, kept] of retained) this.#retained.set(topic, kept);
  }

  /** What a crash leaves from now on. */
  save(): void {
    const sessions = [...this.#sessions].map(([clientId, { filters, unacknowledged }]) => ({
      clientId,
      filters: [...filters],
      messages: [...unacknowledged.values()].map(({ message }) => message),
    }));
    this.#saved = { sessions, retained: [...this.#retained] };
  }

  #dropAll(): void {
    for (const session of this.#sessions.values()) {
      const { peer } = session;
      // A broker that ends says nothing for its clients.
      session.peer = undefined;
      peer?.drop();
    }
  }

  #forgetSessions(): void {
    for (const { expiry, resend } of this.#sessions.values()) {
      expiry?.[Symbol.dispose]();
      resend?.[Symbol.dispose]();
    }
    this.#sessions.clear();
  }

  #forgetRetained(except: ReadonlySet<string> = new Set()): void {
    for (const topic of this.#retained.keys()) {
      if (except.has(topic)) continue;
      const episode = episodeOf(topic);
      if (episode) this.#observe({ what: "retained", broker: this.name, episode, present: false });
      this.#retained.delete(topic);
    }
  }
}

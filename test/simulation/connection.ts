import * as z from "zod";
import type { Place } from "../../src/dispatch/dial.ts";
import {
  LinkError,
  MAXIMUM_PACKET_BYTES,
  type Connection,
  type ConnectionEvents,
  type ConnectOptions,
  type Route as Publish,
} from "../../src/dispatch/port.ts";
import type { Time, Timer } from "../../src/runtime/ports.ts";
import { readJson } from "../../src/wire/read.ts";
import type { Broker, Message, Peer, Will } from "./broker.ts";
import type { Fact, Observe } from "./facts.ts";
import type { Route } from "./network.ts";
import type { Pipe } from "./pipe.ts";
import { episodeOf } from "./topics.ts";

export type SimulatedConnectionOptions = {
  readonly url: string;
  readonly route: Route;
  /** What is at the address. */
  readonly broker: Broker;
  readonly place: Place;
  readonly options: ConnectOptions;
  readonly on: ConnectionEvents;
  readonly up: Pipe;
  readonly down: Pipe;
  readonly time: Time;
  readonly observe: Observe;
  readonly number: number;
  /** The unit's end has ended. */
  readonly over: (connection: SimulatedConnection) => void;
  /** Both ends have ended. */
  readonly gone: (connection: SimulatedConnection) => void;
};

/** Bytes of a small packet: PUBACK, PINGREQ, DISCONNECT. */
const SMALL = 4;
/** Fixed header, packet id and properties of a PUBLISH. */
const HEADER = 12;
/** What a DISCONNECT may take to get out. */
const GOODBYE_MS = 500;
const TOO_MANY = 0x93;
const TOO_LARGE = 0x95;

const DISCONNECTS: Readonly<Record<number, LinkError["code"]>> = { 0x8e: "taken-over" };

/**
 * One connection, both ends of it: the unit's client and the broker's. Each end ends by itself, as TCP
 * has it: what one knows, the other learns only through the pipes, or by its own keepalive.
 */
export class SimulatedConnection implements Connection, Peer {
  readonly broker: string;
  readonly address: string;
  readonly version: 4 | 5;
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number;
  readonly closed: Promise<LinkError>;
  readonly will: Will | undefined;
  readonly route: Route;
  readonly otherAddresses: number;
  readonly unusableFile = undefined;
  readonly hadSession: boolean;
  readonly #o: SimulatedConnectionOptions;
  /** What is at the address: not always the broker of the route. */
  readonly #broker: Broker;
  readonly #close: (error: LinkError) => void;
  /** Published and not acknowledged, as the client sees it. */
  #unacknowledged = 0;
  #near: "open" | "leaving" | "closed" = "open";
  #far: "open" | "closed" = "open";
  /** Half keepalives without a packet, at each end. */
  #quiet = { near: 0, far: 0 };
  readonly #ticker: Timer;

  constructor(o: SimulatedConnectionOptions) {
    const { promise, resolve } = Promise.withResolvers<LinkError>();
    const { broker } = o;
    this.#o = o;
    this.#broker = broker;
    this.otherAddresses = o.place.others;
    this.closed = promise;
    this.#close = resolve;
    this.broker = o.url;
    this.address = o.place.address;
    this.route = o.route;
    this.will = o.options.will;
    const { version, receiveMaximum, maximumPacketSize } = broker.announced;
    this.version = version;
    this.receiveMaximum = receiveMaximum;
    this.maximumPacketSize = maximumPacketSize;
    this.#ticker = o.time.every(o.options.keepaliveS * 500, () => this.#tick());
    const limits = { receiveMaximum, maximumPacketSize };
    o.observe({ what: "connected", broker: broker.name, connection: o.number, ...limits });
    this.hadSession = broker.attach(o.options.clientId, this);
    // What waited in the session comes after the CONNACK, when the unit has the connection in hand.
    o.time.soon(() => broker.resume(o.options.clientId, this));
  }

  // The unit's end.

  get arrivedMs(): number {
    return this.#o.down.arrivedMs;
  }

  get untriedAddresses(): number {
    return this.#o.place.untried();
  }

  doubt(): void {
    this.#o.place.doubted();
  }

  publish(route: Publish, payload: Buffer, done: (code: number) => void): void {
    if (this.#near !== "open") return;
    const { up, observe, number } = this.#o;
    const bytes = HEADER + Buffer.byteLength(route.topic) + payload.length;
    const episode = episodeOf(route.topic);
    const about = {
      broker: this.#broker.name,
      connection: number,
      topic: route.topic,
      ...(episode === undefined ? {} : { episode }),
    };
    const report = reportIn(route.topic, payload);
    const birth = birthIn(route.topic, payload);
    const inside = { ...(report ? { report } : {}), ...(birth ? { birth } : {}) };
    observe({ what: "published", ...about, ...inside, ...up.waiting() });
    this.#unacknowledged++;
    this.#checkLimits(route.topic, bytes);
    const message = { topic: route.topic, payload, ...correlation(route) };
    const arrive = () =>
      this.#received(message, route, (code) => {
        this.#unacknowledged--;
        observe({ what: "puback", ...about, code });
        done(code);
      });
    up.send(bytes, arrive, episode !== undefined);
  }

  /** The broker ends a connection that breaks its limits; that the unit did so is a defect. */
  #checkLimits(topic: string, bytes: number): void {
    const { observe, up } = this.#o;
    const broken =
      this.#unacknowledged > this.receiveMaximum
        ? ([
            TOO_MANY,
            `${this.#unacknowledged} unacknowledged, Receive Maximum ${this.receiveMaximum}`,
          ] as const)
        : bytes > this.maximumPacketSize
          ? ([
              TOO_LARGE,
              `${bytes} bytes on ${topic}, Maximum Packet Size ${this.maximumPacketSize}`,
            ] as const)
          : undefined;
    if (!broken) return;
    observe({ what: "protocol", broker: this.#broker.name, detail: broken[1] });
    up.send(0, () => this.disconnect(broken[0]));
  }

  subscribe(topics: readonly string[], done: (codes: readonly number[]) => void): void {
    if (this.#near !== "open") return;
    const { up, observe, options, number } = this.#o;
    const broker = this.#broker;
    up.send(HEADER + topics.join().length, () => {
      if (!this.#heardByBroker()) return;
      const codes = broker.subscribe(options.clientId, topics, this);
      if (!codes) return;
      this.#answer(SMALL + codes.length, () => {
        for (const code of codes) observe({ what: "suback", broker: broker.name, connection: number, code });
        done(codes);
      });
    });
  }

  ask(answered: () => void): void {
    if (this.#near !== "open") return;
    this.#ping(answered);
  }

  end(error?: LinkError): void {
    if (this.#near === "closed") return;
    const { up, time } = this.#o;
    if (error) {
      this.#endNear(error, "unit");
      return;
    }
    if (this.#near === "leaving") return;
    this.#near = "leaving";
    const leave = new LinkError("lost", `${this.broker}: ended`);
    up.send(SMALL, () => {
      this.#endFar(true);
      this.#endNear(leave, "unit");
    });
    time.after(GOODBYE_MS, () => this.#endNear(leave, "unit"));
  }

  #endNear(error: LinkError, by: "unit" | "broker" | "link"): void {
    if (this.#near === "closed") return;
    if (this.#near === "open") this.#o.place.failed();
    this.#near = "closed";
    const { observe, number, over, up } = this.#o;
    observe({ what: "disconnected", broker: this.#broker.name, connection: number, by });
    // The kernel still sends what was written, then FIN. Where bytes are lost, FIN is lost too.
    if (this.#far === "closed" || this.route.conditions.swallowing) up.close();
    else up.finish(() => this.#endFar(false));
    over(this);
    this.#settled();
    this.#close(error);
  }

  // The broker's end.

  #received(message: Message, route: Publish, done: (code: number) => void): void {
    if (!this.#heardByBroker()) return;
    const answer = this.#broker.receive(this, message, route);
    if (!answer) return;
    const send = () => this.#answer(SMALL, () => done(answer.code));
    if (answer.afterMs > 0) this.#o.time.after(answer.afterMs, send);
    else send();
  }

  deliver(id: number, message: Message, repeated: boolean): void {
    const { on, up, options } = this.#o;
    const bytes = HEADER + message.topic.length + message.payload.length;
    const acknowledge = () =>
      up.send(SMALL, () => {
        if (this.#heardByBroker()) this.#broker.acknowledge(options.clientId, id);
      });
    // MQTT 5: a broker drops what is larger than the client takes; 3.1.1 knows no such limit.
    if (bytes > MAXIMUM_PACKET_BYTES && this.version === 5) {
      this.#broker.acknowledge(options.clientId, id);
      return;
    }
    this.#answer(bytes, () => {
      if (bytes > MAXIMUM_PACKET_BYTES) {
        on.oversize(message.topic, bytes);
        acknowledge();
        return;
      }
      on.message(repeated ? { ...message, repeated } : message).then(acknowledge, (cause: unknown) =>
        this.#endNear(new LinkError("failed", `${this.broker}: a message cannot be taken`, cause), "unit"),
      );
    });
  }

  disconnect(code: number): void {
    if (this.#far === "closed") return;
    this.#far = "closed";
    this.#broker.detach(this.#o.options.clientId, this, false);
    this.#o.down.send(SMALL, () => {
      // In 3.1.1 a broker only closes: there is no DISCONNECT from it.
      const reason = this.version === 5 ? (DISCONNECTS[code] ?? "lost") : "lost";
      this.#endNear(
        new LinkError(reason, `${this.broker}: the broker ended the connection (${code})`),
        "broker",
      );
    });
  }

  drop(): void {
    if (this.#far === "closed") return;
    this.#endFar(false);
    this.#o.down.send(0, () =>
      this.#endNear(new LinkError("lost", `${this.broker}: the connection was closed`), "broker"),
    );
  }

  #endFar(clean: boolean): void {
    if (this.#far === "closed") return;
    this.#far = "closed";
    this.#settled();
    this.#broker.detach(this.#o.options.clientId, this, clean);
  }

  /** The broker sends; its end may close before that arrives, the unit's end not. */
  #answer(bytes: number, arrive: () => void): void {
    if (this.#far === "closed") return;
    this.#o.down.send(bytes, () => {
      this.#quiet.near = 0;
      if (this.#near !== "closed") arrive();
    });
  }

  #heardByBroker(): boolean {
    this.#quiet.far = 0;
    return this.#far === "open";
  }

  // What happens to both.

  get #isArriving(): boolean {
    return this.arrivedMs <= this.#o.options.keepaliveS * 1_000;
  }

  #tick(): void {
    this.#quiet.near++;
    this.#quiet.far++;
    if (this.#near !== "closed") {
      // No answer can pass what is arriving: as long as that comes, another ping is sent.
      if (this.#isArriving) this.#quiet.near = Math.min(this.#quiet.near, 2);
      if (this.#quiet.near === 2) this.#ping();
      if (this.#quiet.near > 2) {
        this.#endNear(new LinkError("stalled", `${this.broker}: no answer within the keepalive`), "link");
      }
    }
    // One and a half keepalives, as MQTT 5 §3.1.2.10 has it.
    if (this.#quiet.far > 3) this.#endFar(false);
  }

  #ping(answered?: () => void): void {
    this.#o.up.send(SMALL, () => {
      if (!this.#heardByBroker()) return;
      this.#answer(SMALL, () => {
        this.#o.observe({ what: "pingresp", broker: this.#broker.name, connection: this.#o.number });
        answered?.();
      });
    });
  }

  #settled(): void {
    if (this.#near !== "closed" || this.#far !== "closed") return;
    this.#ticker[Symbol.dispose]();
    this.#o.gone(this);
  }

  conditionsChanged(): void {
    const { up, down } = this.#o;
    if ((up.lost || down.lost) && !this.route.conditions.swallowing) {
      // If the unit's end has ended, the broker learns nothing.
      if (this.#near === "closed") up.close();
      else this.reset();
    }
    up.pump();
    down.pump();
  }

  reset(): void {
    this.#endFar(false);
    this.#endNear(new LinkError("lost", `${this.broker}: the connection was reset`), "link");
  }

  halfOpen(): void {
    this.#o.down.close();
    this.#endFar(false);
  }

  /** The unit's process has gone. With `cut` its computer has too: nothing that was written is sent any more. */
  abandon(cut: boolean): void {
    if (cut) this.#o.up.close();
    const error = new LinkError("lost", `${this.broker}: the process ended`);
    if (!cut) this.#endNear(error, "link");
    else if (this.#near !== "closed") {
      this.#near = "closed";
      this.#settled();
      this.#o.over(this);
      this.#o.observe({
        what: "disconnected",
        broker: this.#broker.name,
        connection: this.#o.number,
        by: "link",
      });
    }
  }
}

const NumberedReport = z.object({
  store: z.string(),
  seq: z.number(),
  data: z.object({ presses: z.number().optional() }),
});
/** The report that a message is. A batch of them, a state, a reply or a removal is none. */
const reportIn = (topic: string, payload: Buffer): (Fact & { what: "published" })["report"] => {
  if (topic.endsWith("/history")) return undefined;
  const read = NumberedReport.safeParse(readJson(payload, payload.length));
  if (!read.success) return undefined;
  const { store, seq, data } = read.data;
  return data.presses === undefined ? { store, seq } : { store, seq, presses: data.presses };
};

const Birth = z.object({
  state: z.literal("online"),
  store: z.string(),
  boot: z.number(),
  connection: z.number(),
});
const birthIn = (topic: string, payload: Buffer): Omit<z.infer<typeof Birth>, "state"> | undefined => {
  if (!topic.endsWith("/state")) return undefined;
  const read = Birth.safeParse(readJson(payload, payload.length));
  if (!read.success) return undefined;
  const { store, boot, connection } = read.data;
  return { store, boot, connection };
};

const correlation = ({ correlationData }: Publish): Pick<Message, "correlationData"> =>
  correlationData ? { correlationData } : {};

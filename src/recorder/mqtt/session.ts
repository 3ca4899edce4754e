import type { Duplex } from "node:stream";
import { generate, parser, type IConnackPacket, type IPublishPacket, type Packet } from "mqtt-packet";
import type { Time, Timer } from "../../runtime/ports.ts";
import { AckOrder } from "./acks.ts";
import { Frames } from "./frames.ts";
import type { Outgoing } from "./outbound.ts";

/** One MQTT connection of a recorder, from CONNECT to its end. It acknowledges a message when it is told to. */

/** The most unacknowledged messages. In flight must be at least rate × time of a commit. */
const RECEIVE_MAXIMUM = 1_000;
/** A larger packet is skipped, acknowledged and reported. */
const PACKET_BYTES = 4 * 1024 * 1024;
const SESSION_EXPIRY_S = 7 * 86_400;
const CONNACK_MS = 15_000;
const SUBSCRIBE_ID = 65_535;
const REFUSED = 0x80;
const DEFAULT_RECEIVE_MAXIMUM = 65_535;

export type SessionOptions = {
  readonly version: 4 | 5;
  readonly clientId: string;
  readonly keepaliveS: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly will?: Outgoing | undefined;
  readonly filters: readonly string[];
};

export type Received = {
  readonly topic: string;
  readonly payload: Buffer;
  /** Set on a message that the broker had kept before this connection. */
  readonly retain: boolean;
  /** Set if the message was too large to be kept: its whole size. `payload` has its beginning. */
  readonly oversize?: number;
  /** Acknowledges it to the broker. Call it when it is stored, or was thrown away for good. */
  done(): void;
};

/** Why a connection ended. `code`: that of the CONNACK or SUBACK, if the broker refused it. */
export class SessionError extends Error {
  readonly code: number | undefined;
  constructor(message: string, code?: number) {
    super(message);
    this.code = code;
  }
}

export type SessionEvents = {
  /** CONNACK and SUBACK have come. `receiveMaximum`: how many messages the broker takes at once. */
  ready(receiveMaximum: number): void;
  message(message: Received): void;
  /** The broker has acknowledged a message of ours. */
  published(id: number): void;
  /** Called once. */
  ended(cause: Error): void;
};

type State = "connecting" | "subscribing" | "ready" | "ended";

const hex = (code: number): string => `0x${code.toString(16).padStart(2, "0")}`;

export class Session {
  readonly #socket: Duplex;
  readonly #options: SessionOptions;
  readonly #on: SessionEvents;
  readonly #time: Time;
  readonly #frames = new Frames(PACKET_BYTES);
  readonly #parser;
  readonly #acks = new AckOrder();
  readonly #timers: Timer[] = [];
  #state: State = "connecting";
  #receiveMaximum = DEFAULT_RECEIVE_MAXIMUM;
  #isPaused = false;
  /** The bytes of PUBACKs that go out at the end of this turn: at most 1,000 packets of four bytes. */
  #pubacks: number[] = [];
  #isFlushing = false;
  /** When the broker last sent something, `Time.mono`. */
  #heardAt: number;

  constructor(socket: Duplex, options: SessionOptions, on: SessionEvents, time: Time) {
    this.#socket = socket;
    this.#options = options;
    this.#on = on;
    this.#time = time;
    this.#heardAt = time.mono();
    this.#parser = parser({ protocolVersion: options.version });
    this.#parser.on("packet", (packet) => this.#packet(packet));
    this.#parser.on("error", (cause: unknown) =>
      this.#end(cause instanceof Error ? cause : new Error(String(cause))),
    );
    socket.on("data", (chunk: Buffer) => {
      this.#frames.feed(chunk);
      this.#drain();
    });
    socket.on("error", (cause) => this.#end(cause));
    socket.on("close", () => this.#end(new SessionError("the connection was closed")));
    this.#connect();
  }

  /** When the broker last sent something, `Time.mono`. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /**
   * Stops reading: the broker's messages wait in the network, and then at the broker. The answers to CONNECT
   * and SUBSCRIBE are read all the same.
   */
  pause(): void {
    this.#isPaused = true;
    if (this.#paused()) this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#state === "ended") return;
    this.#isPaused = false;
    this.#heardAt = this.#time.mono();
    this.#drain();
    if (!this.#paused()) this.#socket.resume();
  }

  publish(id: number, { topic, payload, retain }: Outgoing): void {
    this.#send({ cmd: "publish", messageId: id, topic, payload, retain, qos: 1, dup: false });
  }

  /** Sends DISCONNECT and closes, without the will. */
  close(): void {
    if (this.#state === "ended") return;
    this.#send({ cmd: "disconnect" });
    this.#socket.end();
    this.#end(new SessionError("closed"));
  }

  #connect(): void {
    const { version, clientId, keepaliveS, username, password, will, filters } = this.#options;
    this.#send({
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: version,
      clean: false,
      clientId,
      keepalive: keepaliveS,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: Buffer.from(password) }),
      ...(will ? { will: { ...will, qos: 1 } } : {}),
      ...(version === 5
        ? { properties: { sessionExpiryInterval: SESSION_EXPIRY_S, receiveMaximum: RECEIVE_MAXIMUM } }
        : {}),
    });
    const late = () => {
      if (this.#state !== "ready") this.#end(new SessionError(`no answer within ${CONNACK_MS / 1000} s`));
    };
    this.#timers.push(this.#time.after(CONNACK_MS, late));
    if (filters.length === 0) this.#end(new SessionError("nothing to subscribe to"));
  }

  #send(packet: Packet): void {
    if (this.#state === "ended" || !this.#socket.writable) return;
    this.#socket.write(generate(packet, { protocolVersion: this.#options.version }));
  }

  #paused(): boolean {
    return this.#isPaused && this.#state === "ready";
  }

  /** A message may pause reading: then the rest of what has come waits here. */
  #drain(): void {
    try {
      while (this.#state !== "ended" && !this.#paused()) {
        const frame = this.#frames.next();
        if (!frame) return;
        this.#heardAt = this.#time.mono();
        if (frame.kind === "packet") this.#parser.parse(frame.bytes);
        else this.#message(frame.topic, frame.head, false, frame.packetId, frame.size);
      }
    } catch (cause) {
      this.#end(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }

  #packet(packet: Packet): void {
    if (packet.cmd === "publish") this.#publish(packet);
    else if (packet.cmd === "connack") this.#connack(packet);
    else if (packet.cmd === "suback") this.#suback(packet.granted.map(Number));
    else if (packet.cmd === "puback" && packet.messageId !== undefined) this.#on.published(packet.messageId);
    else if (packet.cmd === "disconnect")
      this.#end(new SessionError(`the broker ended the connection (${hex(packet.reasonCode ?? 0)})`));
  }

  #connack({ returnCode, reasonCode, properties = {} }: IConnackPacket): void {
    const code = reasonCode ?? returnCode ?? 0;
    if (this.#state !== "connecting") return;
    if (code !== 0) {
      this.#end(new SessionError(`the broker refuses the connection (${hex(code)})`, code));
      return;
    }
    this.#state = "subscribing";
    this.#receiveMaximum = properties.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM;
    const subscriptions = this.#options.filters.map((topic) => ({ topic, qos: 1 as const }));
    this.#send({ cmd: "subscribe", messageId: SUBSCRIBE_ID, subscriptions });
    this.#keepAlive((properties.serverKeepAlive ?? this.#options.keepaliveS) * 1000);
  }

  #suback(codes: readonly number[]): void {
    if (this.#state !== "subscribing") return;
    const refusal = codes.find((code) => code >= REFUSED) ?? codes.find((code) => code < 1);
    if (refusal !== undefined) {
      const says =
        refusal === 0
          ? "the broker grants only QoS 0, without acknowledgements: it must allow QoS 1"
          : "the broker refuses a subscription: its access rules must allow the recorder to read";
      this.#end(new SessionError(says, refusal));
      return;
    }
    this.#state = "ready";
    if (this.#isPaused) this.#socket.pause();
    this.#on.ready(this.#receiveMaximum);
  }

  #keepAlive(keepaliveMs: number): void {
    const check = () => {
      const silence = this.#time.mono() - this.#heardAt;
      // While reading is paused nothing can be heard.
      if (!this.#paused() && silence > keepaliveMs * 1.5)
        this.#end(new SessionError("no answer within the keepalive"));
      else this.#send({ cmd: "pingreq" });
    };
    this.#timers.push(this.#time.every(keepaliveMs / 2, check));
  }

  #publish({ topic, payload, retain, qos, messageId }: IPublishPacket): void {
    const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
    this.#message(topic, bytes, retain, qos === 0 ? undefined : messageId);
  }

  #message(topic: string, payload: Buffer, retain: boolean, id: number | undefined, oversize?: number): void {
    const stored = id === undefined ? () => [] : this.#acks.received(id);
    const done = () => this.#acknowledge(stored());
    this.#on.message({ topic, payload, retain, done, ...(oversize === undefined ? {} : { oversize }) });
  }

  /** The PUBACKs of a commit go out in one write: a write costs more than all else about a message. */
  #acknowledge(ids: readonly number[]): void {
    // MQTT §3.4: without a reason code and properties it is the same in 3.1.1 and 5.
    for (const id of ids) this.#pubacks.push(0x40, 2, id >> 8, id & 0xff);
    if (this.#pubacks.length === 0 || this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      const bytes = Buffer.from(this.#pubacks.splice(0));
      if (this.#state !== "ended" && this.#socket.writable) this.#socket.write(bytes);
    });
  }

  #end(cause: Error): void {
    if (this.#state === "ended") return;
    this.#state = "ended";
    for (const timer of this.#timers) timer[Symbol.dispose]();
    if (this.#socket.writableEnded) this.#socket.resume();
    else this.#socket.destroy();
    this.#on.ended(cause);
  }
}

import { describe, expect, test } from "vitest";
import {
  LinkError,
  MAXIMUM_PACKET_BYTES,
  type Connect,
  type Connection,
  type ConnectOptions,
  type Incoming,
} from "../../src/dispatch/port.ts";

/** A broker under test, with dispatch on its other side. */
export type BrokerUnderTest = AsyncDisposable & {
  readonly connect: Connect;
  readonly url: string;
  /** An address where nothing listens. */
  readonly nowhere: string;
  readonly version: 4 | 5;
  /** Whether it can be made to refuse publishes to `health` and subscriptions to `forbidden`. */
  readonly refuses: { readonly publish: boolean; readonly subscribe: boolean };
  /** Whether it sends DISCONNECT 0x8E to a client that another one replaces. */
  readonly saysTakenOver: boolean;
  /** Whether it sets DUP, as MQTT demands, on what an earlier connection has got. */
  readonly marksRepeated: boolean;
  /** What it announces. */
  readonly limits: { readonly receiveMaximum: number; readonly maximumPacketSize: number };
  /** Dispatch subscribes to everything; `heard` grows from now on. */
  listen(): Promise<void>;
  readonly heard: readonly { readonly topic: string; readonly payload: string }[];
  say(topic: string, payload: Buffer, retain?: boolean): Promise<void>;
  /** Bytes of both directions are lost from now on. */
  blackHole(): void;
  /** Lets time pass until it is so. */
  until(what: string, done: () => boolean, withinMs?: number): Promise<void>;
};

const ROOT = "patrol/v1/zrenjanin/zr-117";
const CLIENT = "zrenjanin.zr-117";
/** What a client of keepalive 1 s may take to notice that nothing answers. */
const NOTICES_MS = 6_000;

/** One client with everything that it reports. */
const open = (broker: BrokerUnderTest, more: Partial<ConnectOptions> = {}) => {
  const incoming: Incoming[] = [];
  const oversize: number[] = [];
  const accepted: Connection[] = [];
  let accepts = true;
  let dials = 0;
  const on = {
    accepted: (connection: Connection) => void accepted.push(connection),
    async message(message: Incoming) {
      if (accepted.length < dials) throw new Error("it came before the connection was accepted");
      incoming.push(message);
      if (!accepts) throw new Error("no disk");
    },
    oversize: (_topic: string, bytes: number) => void oversize.push(bytes),
  };
  const options: ConnectOptions = { clientId: CLIENT, username: "zrenjanin/zr-117", keepaliveS: 20, ...more };
  const dial = async (
    url = broker.url,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Connection> => {
    let over = false;
    dials++;
    const dialled = broker.connect(url, options, on, signal).finally(() => (over = true));
    dialled.catch(() => undefined);
    await broker.until("the connection", () => over, 15_000);
    return dialled;
  };
  return {
    incoming,
    oversize,
    accepted,
    dial,
    refuse: () => (accepts = false),
    accept: () => (accepts = true),
  };
};

const publish = async (
  broker: BrokerUnderTest,
  connection: Connection,
  topic: string,
  retain = false,
): Promise<number> => {
  let code: number | undefined;
  connection.publish({ topic: `${ROOT}/${topic}`, retain }, Buffer.from(`{"${topic}":1}`), (one) => {
    code = one;
  });
  await broker.until("the PUBACK", () => code !== undefined);
  return code!;
};

const subscribe = async (broker: BrokerUnderTest, connection: Connection, topics: readonly string[]) => {
  let codes: readonly number[] | undefined;
  connection.subscribe(
    topics.map((topic) => `${ROOT}/${topic}`),
    (granted) => (codes = granted),
  );
  await broker.until("the SUBACK", () => codes !== undefined);
  return codes!;
};

const reason = async (broker: BrokerUnderTest, connection: Connection, withinMs?: number) => {
  let error: LinkError | undefined;
  void connection.closed.then((one) => (error = one));
  await broker.until("the end of the connection", () => error !== undefined, withinMs);
  return error!.code;
};

/** What every implementation of the port must do (src/dispatch/port.ts). */
export const connectionContract = (name: string, start: () => Promise<BrokerUnderTest>): void => {
  const withBroker = (work: (broker: BrokerUnderTest) => Promise<void>) => async () => {
    await using broker = await start();
    await work(broker);
  };

  describe(`a connection: ${name}`, () => {
    test(
      "reports the version and the limits of the broker",
      withBroker(async (broker) => {
        const client = open(broker);
        const connection = await client.dial();
        expect(client.accepted).toEqual([connection]);
        const { version, receiveMaximum, maximumPacketSize } = connection;
        expect({ version, receiveMaximum, maximumPacketSize }).toEqual({
          version: broker.version,
          ...broker.limits,
        });
        expect(connection.broker).toBe(broker.url);
      }),
    );

    test(
      "a publish arrives as it was sent, and its PUBACK is 0",
      withBroker(async (broker) => {
        await broker.listen();
        const connection = await open(broker).dial();
        expect(await publish(broker, connection, "event")).toBe(0);
        await broker.until("the message", () => broker.heard.length > 0);
        expect(broker.heard).toEqual([{ topic: `${ROOT}/event`, payload: '{"event":1}' }]);
      }),
    );

    test(
      "a publish that nobody has subscribed to: 0x10 in MQTT 5, 0 in 3.1.1",
      withBroker(async (broker) => {
        const connection = await open(broker).dial();
        expect(await publish(broker, connection, "event")).toBe(broker.version === 5 ? 0x10 : 0);
      }),
    );

    test(
      "a refused publish has its code, and the connection goes on",
      withBroker(async (broker) => {
        if (!broker.refuses.publish) return;
        await broker.listen();
        const connection = await open(broker).dial();
        expect(await publish(broker, connection, "health")).toBe(broker.version === 5 ? 0x87 : 0);
        expect(await publish(broker, connection, "event")).toBe(0);
      }),
    );

    test(
      "a refused subscription has its code, the others are granted, and the connection goes on",
      withBroker(async (broker) => {
        if (!broker.refuses.subscribe) return;
        const unit = open(broker);
        const connection = await unit.dial();
        const [forbidden, command] = await subscribe(broker, connection, ["forbidden", "command"]);
        expect([forbidden! >= 0x80, command]).toEqual([true, 1]);
        await broker.say(`${ROOT}/command`, Buffer.from("{}"));
        await broker.until("the message", () => unit.incoming.length > 0);
      }),
    );

    test(
      "a second connection with the same client id ends the first: taken-over, if the broker says so",
      withBroker(async (broker) => {
        const first = await open(broker).dial();
        const second = await open(broker).dial();
        expect(await reason(broker, first)).toBe(broker.saysTakenOver ? "taken-over" : "lost");
        expect(await publish(broker, second, "event")).toBeLessThan(0x80);
      }),
    );

    test(
      "the will is published when a connection ends without DISCONNECT, and only then",
      withBroker(async (broker) => {
        await broker.listen();
        const will = { topic: `${ROOT}/state`, payload: Buffer.from("offline") };
        const polite = await open(broker, { will }).dial();
        polite.end();
        expect(await reason(broker, polite)).toBe("lost");
        const rude = await open(broker, { will }).dial();
        expect(await publish(broker, rude, "event")).toBe(0);
        await broker.until("the message", () => broker.heard.length > 0);
        expect(broker.heard.map(({ payload }) => payload)).toEqual(['{"event":1}']);
        rude.end(new LinkError("stalled", "no answer"));
        expect(await reason(broker, rude)).toBe("stalled");
        await broker.until("the will", () => broker.heard.at(-1)?.payload === "offline");
      }),
    );

    test(
      "a message that its listener rejects ends the connection and comes again on the next",
      withBroker(async (broker) => {
        const unit = open(broker);
        const first = await unit.dial();
        await subscribe(broker, first, ["command"]);
        unit.refuse();
        await broker.say(`${ROOT}/command`, Buffer.from("1"));
        expect(await reason(broker, first)).toBe("failed");
        unit.accept();
        const second = await unit.dial();
        await broker.until("the message again", () => unit.incoming.length === 2);
        second.end();
        await reason(broker, second);
        const third = await unit.dial();
        await publish(broker, third, "event");
        expect(unit.incoming.map(({ payload }) => payload.toString())).toEqual(["1", "1"]);
        expect(unit.incoming.map(({ repeated }) => repeated)).toEqual([
          undefined,
          broker.marksRepeated ? true : undefined,
        ]);
      }),
    );

    test(
      "a message that the broker has kept is marked, and one that comes at once is not, though it will be kept",
      withBroker(async (broker) => {
        await broker.say(`${ROOT}/receipt`, Buffer.from("1"), true);
        const unit = open(broker);
        const connection = await unit.dial();
        await subscribe(broker, connection, ["receipt"]);
        await broker.until("what was kept", () => unit.incoming.length === 1);
        await broker.say(`${ROOT}/receipt`, Buffer.from("2"), true);
        await broker.until("what is new", () => unit.incoming.length === 2);
        expect(unit.incoming.map(({ retained }) => retained)).toEqual([true, undefined]);
      }),
    );

    test(
      "tells when a part of a large message came",
      withBroker(async (broker) => {
        const unit = open(broker);
        const connection = await unit.dial();
        await subscribe(broker, connection, ["command"]);
        expect(connection.arrivedMs).toBeGreaterThan(0);
        await broker.say(`${ROOT}/command`, Buffer.alloc(512 * 1024, "x"));
        await broker.until("the message", () => unit.incoming.length === 1, 30_000);
        expect(connection.arrivedMs).toBeLessThan(60_000);
      }),
    );

    test(
      "a message above the maximum costs nothing: MQTT 5 brokers keep it, in 3.1.1 it is skipped and acknowledged",
      withBroker(async (broker) => {
        const unit = open(broker);
        const first = await unit.dial();
        await subscribe(broker, first, ["command"]);
        await broker.say(`${ROOT}/command`, Buffer.alloc(2 * MAXIMUM_PACKET_BYTES, "x"));
        await broker.say(`${ROOT}/command`, Buffer.from("small"));
        await broker.until("the next message", () => unit.incoming.length > 0, 30_000);
        expect(unit.incoming.map(({ payload }) => payload.toString())).toEqual(["small"]);
        expect(unit.oversize.length).toBe(broker.version === 5 ? 0 : 1);
        for (const bytes of unit.oversize) expect(bytes).toBeGreaterThan(2 * MAXIMUM_PACKET_BYTES);
        first.end();
        await reason(broker, first);
        const second = await unit.dial();
        await publish(broker, second, "event");
        expect(unit.incoming).toHaveLength(1);
        expect(unit.oversize.length).toBe(broker.version === 5 ? 0 : 1);
      }),
    );

    test(
      "each question has one answer, after what was acknowledged before",
      withBroker(async (broker) => {
        const connection = await open(broker).dial();
        const order: string[] = [];
        for (const turn of ["first", "second"]) {
          connection.publish({ topic: `${ROOT}/event`, retain: false }, Buffer.from(turn), () =>
            order.push(`puback ${turn}`),
          );
          connection.ask(() => order.push(turn));
        }
        await broker.until("the answers", () => order.length === 4);
        expect(order).toEqual(["puback first", "first", "puback second", "second"]);
      }),
    );

    test(
      "a black hole ends it within some keepalives, whoever notices first",
      withBroker(async (broker) => {
        const connection = await open(broker, { keepaliveS: 1 }).dial();
        broker.blackHole();
        expect(["stalled", "lost"]).toContain(await reason(broker, connection, NOTICES_MS));
      }),
    );

    test(
      "end() ends it also when nothing answers, and nothing is called afterwards",
      withBroker(async (broker) => {
        const connection = await open(broker).dial();
        let calls = 0;
        broker.blackHole();
        connection.publish({ topic: `${ROOT}/event`, retain: false }, Buffer.from("{}"), () => calls++);
        connection.end();
        connection.publish({ topic: `${ROOT}/event`, retain: false }, Buffer.from("{}"), () => calls++);
        connection.subscribe([`${ROOT}/command`], () => calls++);
        connection.ask(() => calls++);
        expect(await reason(broker, connection, 2_000)).toBe("lost");
        connection.end();
        connection.end(new LinkError("stalled", "too late"));
        connection.publish({ topic: `${ROOT}/event`, retain: false }, Buffer.from("{}"), () => calls++);
        expect(calls).toBe(0);
        expect((await connection.closed).code).toBe("lost");
      }),
    );

    test(
      "where nothing listens it is refused",
      withBroker(async (broker) => {
        await expect(open(broker).dial(broker.nowhere)).rejects.toMatchObject({ code: "refused" });
      }),
    );

    test(
      "an attempt that is given up rejects at once",
      withBroker(async (broker) => {
        const stop = new AbortController();
        stop.abort();
        await expect(open(broker).dial(broker.url, stop.signal)).rejects.toBeInstanceOf(LinkError);
      }),
    );
  });
};

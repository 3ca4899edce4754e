import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from "node:net";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Lookup } from "../../src/dispatch/addresses.ts";
import { createConnect } from "../../src/dispatch/mqtt.ts";
import { LinkError, type Connection, type Incoming } from "../../src/dispatch/port.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { waitFor } from "../journeys/car.ts";
import {
  CONNACK,
  CONNECT,
  connack,
  idOf,
  packet,
  puback,
  PUBLISH,
  startScripted,
  suback,
  SUBSCRIBE,
  type Packet,
} from "./scripted-broker.ts";

/** The MQTT client against brokers that do what no good broker does. */
let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const OPTIONS = { clientId: "zrenjanin.zr-117", username: "zrenjanin/zr-117", keepaliveS: 20 };
const TOPIC = "patrol/v1/zrenjanin/zr-117/event";

const dial = async (url: string, lookup?: Lookup, signal = new AbortController().signal) => {
  const incoming: Incoming[] = [];
  const connect = lookup ? createConnect(systemTime, lookup) : createConnect(systemTime);
  const on = {
    message: async (one: Incoming) => void incoming.push(one),
    accepted: () => undefined,
    oversize: () => undefined,
  };
  const connection = await connect(url, OPTIONS, on, signal);
  stack.defer(() => connection.end(new LinkError("failed", "the test is over")));
  return { connection, incoming };
};
const serve = async (answer: (one: Packet, socket: Socket) => void) => {
  const broker = stack.use(await startScripted(answer));
  return { ...broker, packets: broker.packets, url: `mqtt://127.0.0.1:${broker.port}` };
};
/** Accepts, and answers the rest as it is told. */
const accepting = (answer: (one: Packet, socket: Socket) => void, accepts: Buffer = CONNACK) =>
  serve((one, socket) => {
    if (one.type === CONNECT) socket.write(accepts);
    else answer(one, socket);
  });
const publish = (connection: Connection): Promise<number | LinkError> =>
  Promise.race([
    new Promise<number>((resolve) =>
      connection.publish({ topic: TOPIC, retain: false }, Buffer.from("{}"), resolve),
    ),
    connection.closed,
  ]);

describe("PUBACK", () => {
  test.each([0x00, 0x10, 0x80, 0x87, 0x95, 0x97, 0x99, 0xff])(
    "its reason code 0x%s arrives as it was sent, and the connection goes on",
    async (code) => {
      const { url } = await accepting((one, socket) => {
        if (one.type === PUBLISH) socket.write(puback(idOf(one), code));
      });
      const { connection } = await dial(url);
      expect([await publish(connection), await publish(connection)]).toEqual([code, code]);
    },
  );

  test("for a publish that was never made it is ignored, however often it comes", async () => {
    const { url } = await accepting((one, socket) => {
      if (one.type !== PUBLISH) return;
      const id = idOf(one);
      for (let n = 1; n <= 5_000; n++) socket.write(puback((id + n) & 0xffff || 1, 0x87));
      socket.write(puback(id, 0));
    });
    const { connection } = await dial(url);
    expect(await publish(connection)).toBe(0);
  });

  test("for a publish that was never made it hides no later reason code, and is not taken for one", async () => {
    let answered = 0;
    const { url } = await accepting((one, socket) => {
      if (one.type !== PUBLISH) return;
      const id = idOf(one);
      for (let n = 1; answered === 0 && n <= 1_100; n++)
        socket.write(puback((id + 10 * n) & 0xffff || 1, 0x10));
      socket.write(puback(id, answered++ === 0 ? 0x10 : answered > 20 ? 0 : 0x87));
    });
    const { connection } = await dial(url);
    const codes: unknown[] = [];
    for (let n = 0; n < 30; n++) codes.push(await publish(connection));
    expect(codes).toEqual([
      0x10,
      ...Array.from({ length: 19 }, () => 0x87),
      ...Array.from({ length: 10 }, () => 0),
    ]);
  });

  test("that was read before the connection was ended at once, and is handled after that, does no harm", async () => {
    // A message without acknowledgement, and the answer to the publish behind it, in one piece.
    const command = packet(0x30, Buffer.from([0, 1, 0x74, 0, 0x78]));
    const { url } = await accepting((one, socket) => {
      if (one.type === PUBLISH) socket.write(Buffer.concat([command, puback(idOf(one), 0)]));
    });
    const handled = Promise.withResolvers<void>();
    const seen = Promise.withResolvers<void>();
    const on = {
      message: (): Promise<void> => {
        seen.resolve();
        return handled.promise;
      },
      accepted: () => undefined,
      oversize: () => undefined,
    };
    const connection = await createConnect(systemTime)(url, OPTIONS, on, new AbortController().signal);
    const answer = publish(connection);
    await seen.promise;
    connection.end(new LinkError("stalled", "too late"));
    await connection.closed;
    handled.resolve();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await answer).toMatchObject({ code: "stalled" });
  });

  test("that comes a second time hides no later reason code", async () => {
    const { url } = await accepting((one, socket) => {
      if (one.type !== PUBLISH) return;
      const answer = puback(idOf(one), 0x10);
      socket.write(answer);
      setImmediate(() => socket.write(answer));
    });
    const { connection } = await dial(url);
    const codes = new Set<unknown>();
    for (let n = 0; n < 1_200; n++) codes.add(await publish(connection));
    expect([...codes]).toEqual([0x10]);
  });
});

describe("SUBACK", () => {
  test("its codes come topic by topic, and the connection goes on", async () => {
    const { url } = await accepting((one, socket) => {
      if (one.type === SUBSCRIBE) socket.write(suback(idOf(one), 0x87, 1));
      if (one.type === PUBLISH) socket.write(puback(idOf(one), 0));
    });
    const { connection } = await dial(url);
    const codes = await new Promise((resolve) => connection.subscribe(["a", "b"], resolve));
    expect(codes).toEqual([0x87, 1]);
    expect(await publish(connection)).toBe(0);
  });

  test("one with too few codes ends the connection", async () => {
    const { url } = await accepting((one, socket) => {
      if (one.type === SUBSCRIBE) socket.write(suback(idOf(one), 1));
    });
    const { connection } = await dial(url);
    connection.subscribe(["a", "b"], () => undefined);
    expect(await connection.closed).toBeInstanceOf(LinkError);
  });
});

describe("CONNACK", () => {
  test("limits that are sent twice, against the standard, count as none", async () => {
    const { url } = await accepting(() => undefined, connack([0x21, 0, 5, 0x21, 0, 6]));
    const { connection } = await dial(url);
    expect(connection.receiveMaximum).toBe(65_535);
  });

  test("limits are kept as announced, nonsense included", async () => {
    const { url } = await accepting(() => undefined, connack([0x21, 0, 0, 0x27, 0, 0, 0, 1]));
    const { connection } = await dial(url);
    expect([connection.receiveMaximum, connection.maximumPacketSize]).toEqual([0, 1]);
  });

  const NO_QOS_1 = [0x24, 0];
  const NO_RETAIN = [0x25, 0];
  test.each([
    ["takes no messages with QoS 1", NO_QOS_1],
    ["keeps no retained messages", NO_RETAIN],
  ])(
    "a broker that %s cannot be used, and the fault says so; the next address is tried",
    async (words, limits) => {
      const { url } = await accepting(() => undefined, connack(limits));
      await expect(dial(url)).rejects.toMatchObject({
        code: "failed",
        message: expect.stringContaining(words) as string,
      });
      const one = stack.use(
        await startScripted((_one, socket) => void socket.write(connack(limits)), "127.0.0.2"),
      );
      const other = stack.use(
        await startScripted((_one, socket) => void socket.write(CONNACK), "127.0.0.1", one.port),
      );
      await dial(`mqtt://dispatch:${one.port}`, async () => ["127.0.0.2", "127.0.0.1"]);
      expect(other.packets).toHaveLength(1);
    },
  );

  test("an emergency is published without retain to a broker that keeps no retained messages", async () => {
    const { url, packets } = await accepting((one, socket) => {
      if (one.type === PUBLISH) socket.write(puback(idOf(one), 0));
    }, connack(NO_RETAIN));
    const on = { message: async () => undefined, accepted: () => undefined, oversize: () => undefined };
    const options = { ...OPTIONS, withoutRetained: true };
    const connection = await createConnect(systemTime)(url, options, on, new AbortController().signal);
    stack.defer(() => connection.end(new LinkError("failed", "the test is over")));
    const code = await new Promise((resolve) =>
      connection.publish({ topic: TOPIC, retain: true }, Buffer.from("{}"), resolve),
    );
    const RETAIN = 1;
    expect([code, packets.at(-1)!.first & RETAIN]).toEqual([0, 0]);
  });

  test.each([
    [0x87, "unauthorised"],
    [0x88, "failed"],
    [0x8a, "unauthorised"],
  ])("a refusal 0x%s is %s", async (code, expected) => {
    const { url } = await serve((_one, socket) => socket.end(packet(0x20, Buffer.from([0, code, 0]))));
    await expect(dial(url)).rejects.toMatchObject({ code: expected });
  });

  test("one that refuses MQTT 5 is asked in 3.1.1, from then on at once", async () => {
    const versions: number[] = [];
    const { url } = await serve((one, socket) => {
      if (one.type !== CONNECT) return;
      versions.push(one.body[6]!);
      socket.write(Buffer.from(one.body[6] === 5 ? [0x20, 2, 0, 1] : [0x20, 2, 0, 0]));
    });
    const connect = createConnect(systemTime);
    const on = { message: async () => undefined, accepted: () => undefined, oversize: () => undefined };
    for (let n = 0; n < 2; n++) {
      const connection = await connect(url, OPTIONS, on, new AbortController().signal);
      expect(connection.version).toBe(4);
      connection.end(new LinkError("failed", "enough"));
    }
    expect(versions).toEqual([5, 4, 4]);
  });

  /** A broker that hangs up on the first CONNECTs, and the versions that it was asked in. */
  const hangingUp = async (times: number) => {
    const versions: number[] = [];
    const { url } = await serve((one, socket) => {
      if (one.type === PUBLISH) socket.write(puback(idOf(one), 0x10));
      if (one.type !== CONNECT) return;
      versions.push(one.body[6]!);
      if (versions.length <= times) socket.destroy();
      else socket.write(one.body[6] === 5 ? CONNACK : Buffer.from([0x20, 2, 0, 0]));
    });
    return { url, versions };
  };

  const listener = { message: async () => undefined, accepted: () => undefined, oversize: () => undefined };

  test("one that hangs up once or twice after CONNECT is spoken to in MQTT 5: its codes are seen", async () => {
    for (const times of [1, 2]) {
      const { url, versions } = await hangingUp(times);
      const connect = createConnect(systemTime);
      const visit = () => connect(url, OPTIONS, listener, new AbortController().signal);
      for (let n = 0; n < times; n++) await expect(visit()).rejects.toMatchObject({ code: "lost" });
      const connection = await visit();
      expect([connection.version, await publish(connection)]).toEqual([5, 0x10]);
      expect(versions).toEqual(Array.from({ length: times + 1 }, () => 5));
      connection.end(new LinkError("failed", "enough"));
    }
  });

  test("one that hangs up three times is asked in 3.1.1, and in MQTT 5 again the next time", async () => {
    const { url, versions } = await hangingUp(3);
    const connect = createConnect(systemTime);
    const visit = () => connect(url, OPTIONS, listener, new AbortController().signal);
    for (let n = 0; n < 2; n++) await expect(visit()).rejects.toMatchObject({ code: "lost" });
    for (const expected of [4, 5]) {
      const connection = await visit();
      expect(connection.version).toBe(expected);
      connection.end(new LinkError("failed", "enough"));
    }
    expect(versions).toEqual([5, 5, 5, 4, 5]);
  });

  test("a broker that spoke MQTT 5 and hangs up once is not spoken to in 3.1.1", async () => {
    let times = 0;
    const { url } = await serve((one, socket) => {
      if (one.type !== CONNECT) return;
      if (++times === 1) socket.write(CONNACK);
      else socket.destroy();
    });
    const connect = createConnect(systemTime);
    const on = { message: async () => undefined, accepted: () => undefined, oversize: () => undefined };
    const first = await connect(url, OPTIONS, on, new AbortController().signal);
    first.end(new LinkError("failed", "enough"));
    await expect(connect(url, OPTIONS, on, new AbortController().signal)).rejects.toBeInstanceOf(LinkError);
    expect(times).toBe(2);
  });
});

describe("a port that is not a broker's", () => {
  /** Waits for the answer for a second. */
  const briefly = () => AbortSignal.timeout(1_000);
  const portOf = async (server: TcpServer): Promise<number> => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    stack.defer(() => void server.close());
    return (server.address() as AddressInfo).port;
  };

  test.each(["mqtt", "mqtts"])(
    "one that is silent (%s): the connection was open, is the port right?",
    async (scheme) => {
      const silent = createTcpServer((socket) => void socket.on("error", () => undefined));
      const port = await portOf(silent);
      await expect(dial(`${scheme}://127.0.0.1:${port}`, undefined, briefly())).rejects.toMatchObject({
        code: "timeout",
        message: expect.stringMatching(
          /the connection was open, but no (MQTT|TLS) answer came: is the port right\?$/,
        ) as string,
      });
    },
  );

  test("a web server's: what answers does not speak MQTT", async () => {
    const port = await portOf(createServer((_, response) => response.end("<html>")));
    await expect(dial(`mqtt://127.0.0.1:${port}`)).rejects.toThrow("what answers does not speak MQTT");
    await expect(dial(`mqtts://127.0.0.1:${port}`)).rejects.toThrow("what answers does not speak TLS");
  });
});

describe("the end of a connection", () => {
  test("a DISCONNECT that is the last word before the broker closes is heard: taken-over, in words", async () => {
    const { url } = await accepting((one, socket) => {
      if (one.type === PUBLISH) socket.end(Buffer.from([0xe0, 1, 0x8e]));
    });
    const { connection } = await dial(url);
    void publish(connection);
    const error = await connection.closed;
    expect([error.code, error.message]).toEqual([
      "taken-over",
      expect.stringContaining("do two units have the same name?"),
    ]);
  });

  test.each(["connect", "subscribe", "publish"] as const)(
    "a broker that closes at %s ends the attempt or the connection, and nothing is thrown",
    async (step) => {
      const type = { connect: CONNECT, subscribe: SUBSCRIBE, publish: PUBLISH }[step];
      const { url } = await serve((one, socket) => {
        if (one.type === type) socket.destroy();
        else if (one.type === CONNECT) socket.write(CONNACK);
      });
      if (step === "connect") {
        await expect(dial(url)).rejects.toBeInstanceOf(LinkError);
        return;
      }
      const { connection } = await dial(url);
      if (step === "subscribe") connection.subscribe(["a"], () => undefined);
      void publish(connection);
      expect(await connection.closed).toBeInstanceOf(LinkError);
    },
  );

  test("bytes that are no MQTT end it", async () => {
    const { url } = await accepting((_one, socket) => socket.write(Buffer.alloc(100, 0xff)));
    const { connection } = await dial(url);
    void publish(connection);
    expect(await connection.closed).toBeInstanceOf(LinkError);
  });

  test("a flood of messages is taken one after the other", async () => {
    const FLOOD = 10_000;
    const message = (n: number) =>
      packet(0x32, Buffer.concat([Buffer.from([0, 1, 0x74, n >> 8, n & 0xff, 0]), Buffer.alloc(100)]));
    const { url, packets } = await accepting((one, socket) => {
      if (one.type !== SUBSCRIBE) return;
      socket.write(suback(idOf(one), 1));
      for (let n = 1; n <= FLOOD; n++) socket.write(message(n));
    });
    const { connection, incoming } = await dial(url);
    connection.subscribe(["t"], () => undefined);
    await waitFor("the flood", () => packets.filter(({ type }) => type === 4).length === FLOOD);
    expect(incoming).toHaveLength(FLOOD);
  });
});

describe("the addresses of a name", () => {
  const good = (one: Packet, socket: Socket): void => {
    if (one.type === CONNECT) socket.write(CONNACK);
    if (one.type === PUBLISH) socket.write(puback(idOf(one), 0));
  };
  /** One that says nothing at 127.0.0.2 and one that works at 127.0.0.1, on the same port. */
  const beside = async (first: (one: Packet, socket: Socket) => void) => {
    const one = stack.use(await startScripted(first, "127.0.0.2"));
    const other = stack.use(await startScripted(good, "127.0.0.1", one.port));
    return { one, other, url: `mqtt://dispatch:${one.port}` };
  };

  test("one that accepts TCP and says nothing beside one that works: connected within 5 s", async () => {
    const { one, other, url } = await beside(() => undefined);
    const begun = performance.now();
    const { connection } = await dial(url, async () => ["127.0.0.2", "127.0.0.1"]);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(await publish(connection)).toBe(0);
    await waitFor("the silent one to be given up", () => one.sockets.every(({ destroyed }) => destroyed));
    expect(other.sockets).toHaveLength(1);
  });

  test("only one of them is sent CONNECT if both work", async () => {
    const { one, other, url } = await beside(good);
    const { connection } = await dial(url, async () => ["127.0.0.2", "127.0.0.1"]);
    expect(await publish(connection)).toBe(0);
    expect([one.packets.length, other.packets.length]).toEqual([2, 0]);
  });

  const refusing = (_one: Packet, socket: Socket): void =>
    void socket.end(packet(0x20, Buffer.from([0, 0x87, 0])));

  test("one that refuses the unit is followed by the next, which can be another host", async () => {
    const { url } = await beside(refusing);
    const { connection } = await dial(url, async () => ["127.0.0.2", "127.0.0.1"]);
    expect(await publish(connection)).toBe(0);
  });

  test("a refusal is reported if no other address accepts, also if the other could not be reached", async () => {
    const one = stack.use(await startScripted(refusing, "127.0.0.2"));
    for (const addresses of [
      ["127.0.0.2", "127.0.0.1"],
      ["127.0.0.1", "127.0.0.2"],
    ])
      // oxlint-disable-next-line no-await-in-loop
      await expect(dial(`mqtt://dispatch:${one.port}`, async () => addresses)).rejects.toMatchObject({
        code: "unauthorised",
      });
  });

  test("the one whose connection has failed is tried last the next time, and one that was left politely is not", async () => {
    const { one, other, url } = await beside(good);
    const connect = createConnect(systemTime, async () => ["127.0.0.2", "127.0.0.1"]);
    const on = { message: async () => undefined, accepted: () => undefined, oversize: () => undefined };
    const ends = [
      undefined,
      new LinkError("stalled", "no answer"),
      undefined,
      new LinkError("lost", "reset"),
    ];
    const counts: number[][] = [];
    for (const end of ends) {
      // oxlint-disable-next-line no-await-in-loop -- one connection after the other
      const connection = await connect(url, OPTIONS, on, new AbortController().signal);
      connection.end(end);
      // oxlint-disable-next-line no-await-in-loop
      await connection.closed;
      counts.push([one.sockets.length, other.sockets.length]);
    }
    expect(counts).toEqual([
      [1, 0],
      [2, 0],
      [2, 1],
      [2, 2],
    ]);
  });

  test("one that is in doubt is tried last, and an open connection knows how many others are untried", async () => {
    const { one, other, url } = await beside(good);
    const connect = createConnect(systemTime, async () => ["127.0.0.2", "127.0.0.1"]);
    const on = { message: async () => undefined, accepted: () => undefined, oversize: () => undefined };
    const first = await connect(url, OPTIONS, on, new AbortController().signal);
    expect([first.otherAddresses, first.untriedAddresses]).toEqual([1, 1]);
    first.doubt();
    const second = await connect(url, { ...OPTIONS, clientId: "other" }, on, new AbortController().signal);
    expect([one.sockets.length, other.sockets.length]).toEqual([1, 1]);
    expect(second.untriedAddresses).toBe(1);
    first.end(new LinkError("stalled", "no answer"));
    await first.closed;
    expect(second.untriedAddresses).toBe(0);
    second.end();
  });

  test("a name server that hangs keeps nobody from addresses that are known", async () => {
    const { port } = stack.use(await startScripted(good));
    let asked = 0;
    const connect = createConnect(systemTime, () =>
      ++asked === 1 ? Promise.resolve(["127.0.0.1"]) : new Promise(() => undefined),
    );
    const on = { message: async () => undefined, accepted: () => undefined, oversize: () => undefined };
    for (let n = 0; n < 3; n++) {
      const begun = performance.now();
      const connection = await connect(`mqtt://dispatch:${port}`, OPTIONS, on, new AbortController().signal);
      expect(performance.now() - begun).toBeLessThan(3_000);
      connection.end(new LinkError("failed", "enough"));
    }
    expect(asked).toBe(2);
  });

  test("one that fails neither; without known addresses it is unknown-host", async () => {
    const fails: Lookup = () => Promise.reject(Object.assign(new Error("EAI_AGAIN"), { code: "EAI_AGAIN" }));
    await expect(dial("mqtt://dispatch:1883", fails)).rejects.toMatchObject({ code: "unknown-host" });
  });

  test("a lookup that hangs is given up after 4 s, and its late answer is used by the next attempt", async () => {
    const { port } = stack.use(await startScripted(good));
    const answer = Promise.withResolvers<readonly string[]>();
    const connect = createConnect(systemTime, () => answer.promise);
    const on = { message: async () => undefined, accepted: () => undefined, oversize: () => undefined };
    const begun = performance.now();
    const attempt = () => connect(`mqtt://dispatch:${port}`, OPTIONS, on, new AbortController().signal);
    await expect(attempt()).rejects.toMatchObject({ code: "unknown-host" });
    expect(performance.now() - begun).toBeLessThan(5_000);
    answer.resolve(["127.0.0.1"]);
    const connection = await attempt();
    connection.end(new LinkError("failed", "enough"));
  });

  test("a lookup that hangs is given up with the attempt", async () => {
    const stop = new AbortController();
    const attempt = dial("mqtt://dispatch:1883", () => new Promise(() => undefined), stop.signal);
    const outcome = expect(attempt).rejects.toMatchObject({ code: "timeout" });
    stop.abort();
    await outcome;
  });
});

test("a message of 64 MiB costs less than 10 MiB of memory", async () => {
  const size = 64 * 1024 * 1024;
  const chunk = Buffer.alloc(64 * 1024);
  const { url, packets } = await accepting((one, socket) => {
    if (one.type !== SUBSCRIBE) return;
    socket.write(suback(idOf(one), 1));
    // 64 MiB and 6 bytes: topic length, topic, packet id, properties.
    socket.write(Buffer.from([0x32, 0x86, 0x80, 0x80, 0x20, 0, 1, 0x74, 0, 9, 0]));
    let left = size;
    const more = (): void => {
      while (left > 0) {
        left -= chunk.length;
        if (!socket.write(chunk)) {
          socket.once("drain", more);
          return;
        }
      }
      socket.write(packet(0x32, Buffer.from([0, 1, 0x74, 0, 10, 0, 0x78])));
    };
    more();
  });
  const { stdout } = await promisify(execFile)(process.execPath, ["test/dispatch/listener.ts", url]);
  expect(Number(stdout)).toBeLessThan(10);
  expect(packets.filter(({ type }) => type === 4).map(({ body }) => body.readUInt16BE(0))).toEqual([9, 10]);
});

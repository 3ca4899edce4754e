import { describe, expect, test } from "vitest";
import { LinkError, type Connection, type Incoming } from "../../src/dispatch/port.ts";
import { Broker, FULL_LIMITS, type BrokerLimits } from "./broker.ts";
import type { What } from "./facts.ts";
import { Network } from "./network.ts";
import { SimulatedTime } from "./time.ts";
import { matches } from "./topics.ts";

const URL = "mqtts://a:8883";
const ROOT = "patrol/v1/zrenjanin/zr-117";

const openHarness = (limits: Partial<BrokerLimits> = {}, addresses = [true]) => {
  const time = new SimulatedTime(0);
  const facts: What[] = [];
  const observe = (what: What) => void facts.push(what);
  const broker = new Broker("a", { ...FULL_LIMITS, ...limits }, time, observe);
  const network = new Network(time, observe);
  const route = network.add(URL, broker, addresses);
  const incoming: Incoming[] = [];
  const oversize: number[] = [];
  let accepts = true;
  const dial = (clientId = "zrenjanin.zr-117", will = true) => {
    const options = {
      clientId,
      username: "zrenjanin/zr-117",
      keepaliveS: 20,
      ...(will ? { will: { topic: `${ROOT}/state`, payload: Buffer.from("offline") } } : {}),
    };
    const on = {
      async message(message: Incoming) {
        incoming.push(message);
        if (!accepts) throw new Error("no disk");
      },
      oversize: (_topic: string, bytes: number) => void oversize.push(bytes),
    };
    return network.connect(URL, options, on, new AbortController().signal);
  };
  const settle = async <T>(promise: Promise<T>, withinMs = 30_000): Promise<T> => {
    let over = false;
    promise.then(
      () => (over = true),
      () => (over = true),
    );
    await time.run(time.mono() + withinMs, () => over);
    return promise;
  };
  const publish = (connection: Connection, topic: string, payload = "x", retain = false): number[] => {
    const codes: number[] = [];
    connection.publish({ topic: `${ROOT}/${topic}`, retain }, Buffer.from(payload), (code) =>
      codes.push(code),
    );
    return codes;
  };
  return {
    time,
    facts,
    broker,
    network,
    route,
    incoming,
    oversize,
    dial,
    publish,
    connect: () => settle(dial()),
    wait: (ms: number) => time.run(time.mono() + ms),
    settle,
    reject: () => (accepts = false),
    accept: () => (accepts = true),
  };
};

const reasonOf = async (connection: Connection): Promise<LinkError["code"]> => (await connection.closed).code;

describe("a broker's answers", () => {
  test("a publish is acknowledged with 0 if dispatch listens, with 0x10 if nobody does", async () => {
    const h = openHarness();
    const connection = await h.connect();
    const alone = h.publish(connection, "event");
    await h.wait(1_000);
    using _listener = h.broker.listen({ filter: "patrol/v1/#", receive: () => undefined });
    const heard = h.publish(connection, "event");
    await h.wait(1_000);
    expect([alone, heard]).toEqual([[0x10], [0]]);
  });

  test("3.1.1 has no reason codes", async () => {
    const h = openHarness({ version: 4 });
    const connection = await h.connect();
    expect(connection.version).toBe(4);
    h.broker.faults.refuses = () => 0x87;
    const codes = h.publish(connection, "event");
    await h.wait(1_000);
    expect(codes).toEqual([0]);
  });

  test("a refused topic gets its code, others pass", async () => {
    const h = openHarness();
    using _listener = h.broker.listen({ filter: "#", receive: () => undefined });
    const connection = await h.connect();
    h.broker.faults.refuses = (topic) => (topic.endsWith("/health") ? 0x87 : undefined);
    const [health, event] = [h.publish(connection, "health"), h.publish(connection, "event")];
    const granted: (readonly number[])[] = [];
    connection.subscribe([`${ROOT}/command`, `${ROOT}/health`], (codes) => granted.push(codes));
    await h.wait(1_000);
    expect([health, event, granted]).toEqual([[0x87], [0], [[1, 0x87]]]);
  });

  test("a liar acknowledges and drops", async () => {
    const h = openHarness();
    const heard: string[] = [];
    using _listener = h.broker.listen({ filter: "#", receive: ({ topic }) => void heard.push(topic) });
    h.broker.faults.lies = true;
    const codes = h.publish(await h.connect(), "event");
    await h.wait(1_000);
    expect([codes, heard]).toEqual([[0], []]);
  });

  test("a mute broker acknowledges everything but emergencies, a slow one late", async () => {
    const h = openHarness();
    h.broker.faults.mute = true;
    h.broker.faults.slowMs = 3_000;
    const connection = await h.connect();
    const [emergency, event] = [h.publish(connection, "emergency/01J"), h.publish(connection, "event")];
    await h.wait(2_900);
    expect(event).toEqual([]);
    await h.wait(1_000);
    expect([emergency, event]).toEqual([[], [0x10]]);
  });

  test("more unacknowledged messages than the Receive Maximum end the connection and are noted", async () => {
    const h = openHarness({ receiveMaximum: 2 });
    const connection = await h.connect();
    for (let i = 0; i < 3; i++) h.publish(connection, "event");
    await h.wait(1_000);
    expect(h.facts).toContainEqual(expect.objectContaining({ what: "protocol" }));
    expect(await reasonOf(connection)).toBe("lost");
  });

  test("a packet above the Maximum Packet Size ends the connection and is noted", async () => {
    const h = openHarness({ maximumPacketSize: 100 });
    const connection = await h.connect();
    h.publish(connection, "event", "x".repeat(200));
    await h.wait(1_000);
    expect(h.facts).toContainEqual(expect.objectContaining({ what: "protocol" }));
    expect(await reasonOf(connection)).toBe("lost");
  });

  test("a broker that takes the birth hangs up on it", async () => {
    const h = openHarness();
    h.broker.faults.birthHangsUp = true;
    const connection = await h.connect();
    h.publish(connection, "state", "online", true);
    await h.wait(1_000);
    expect(await reasonOf(connection)).toBe("lost");
  });
});

describe("sessions", () => {
  test("a message that was not acknowledged comes again in the next connection", async () => {
    const h = openHarness();
    const first = await h.connect();
    first.subscribe([`${ROOT}/emergency/+/ack`], () => undefined);
    await h.wait(1_000);
    h.reject();
    h.broker.publish(`${ROOT}/emergency/01J/ack`, Buffer.from("received"), {});
    await h.wait(1_000);
    expect(await reasonOf(first)).toBe("failed");
    h.accept();
    await h.connect();
    await h.wait(1_000);
    expect(h.incoming).toHaveLength(2);
    await h.connect();
    await h.wait(1_000);
    expect(h.incoming).toHaveLength(2);
  });

  test("what is published while the unit is away waits in its session", async () => {
    const h = openHarness();
    const first = await h.connect();
    first.subscribe([`${ROOT}/command`], () => undefined);
    await h.wait(1_000);
    first.end();
    await h.wait(1_000);
    h.broker.publish(`${ROOT}/command`, Buffer.from("ping"), {});
    await h.connect();
    await h.wait(1_000);
    expect(h.incoming).toHaveLength(1);
  });

  test("a restart that loses sessions loses what waited there", async () => {
    const h = openHarness();
    const first = await h.connect();
    first.subscribe([`${ROOT}/command`], () => undefined);
    await h.wait(1_000);
    h.broker.restart({ sessions: true, retained: true });
    h.broker.publish(`${ROOT}/command`, Buffer.from("ping"), {});
    await h.wait(1_000);
    expect(await reasonOf(first)).toBe("lost");
    await h.connect();
    await h.wait(1_000);
    expect(h.incoming).toHaveLength(0);
  });

  test("a second connection of one id takes over the first", async () => {
    const h = openHarness();
    const first = await h.connect();
    await h.connect();
    await h.wait(1_000);
    expect(await reasonOf(first)).toBe("taken-over");
  });

  test("the will is published after an end that was not clean, and only then", async () => {
    const h = openHarness();
    const clean = await h.connect();
    clean.end();
    await h.wait(1_000);
    expect(h.broker.retained(`${ROOT}/state`)).toBeUndefined();
    await h.connect();
    h.network.reset(h.route);
    expect(h.broker.retained(`${ROOT}/state`)?.toString()).toBe("offline");
  });

  test("a message above the unit's own Maximum Packet Size is dropped on 5 and skipped on 3.1.1", async () => {
    for (const version of [5, 4] as const) {
      const h = openHarness({ version });
      const connection = await h.connect();
      connection.subscribe([`${ROOT}/command`], () => undefined);
      await h.wait(1_000);
      h.broker.publish(`${ROOT}/command`, Buffer.alloc(2 * 1024 * 1024), {});
      await h.wait(60_000);
      expect(h.incoming).toEqual([]);
      expect(h.oversize).toHaveLength(version === 4 ? 1 : 0);
    }
  });

  test("a retained message is kept until its expiry or an empty one", async () => {
    const h = openHarness();
    const connection = await h.connect();
    connection.publish(
      { topic: `${ROOT}/position`, retain: true, expiryS: 120 },
      Buffer.from("x"),
      () => undefined,
    );
    h.publish(connection, "emergency/01J", "x", true);
    await h.wait(60_000);
    expect(h.broker.retainedTopics()).toEqual([`${ROOT}/position`, `${ROOT}/emergency/01J`]);
    h.publish(connection, "emergency/01J", "", true);
    await h.wait(70_000);
    expect(h.broker.retainedTopics()).toEqual([]);
  });
});

describe("links", () => {
  test("a message waits behind the bytes before it", async () => {
    const h = openHarness();
    const connection = await h.connect();
    h.network.change(h.route, { bytesPerS: 1_000 });
    h.publish(connection, "history", "x".repeat(5_000));
    const press = h.publish(connection, "emergency/01J");
    await h.wait(4_900);
    expect(press).toEqual([]);
    await h.wait(1_000);
    expect(press).toEqual([0x10]);
    expect(h.facts).toContainEqual(expect.objectContaining({ what: "published", episode: "01J", behind: 1 }));
  });

  test("a stalled link errors nowhere, and passes everything on when it opens: TCP tries again within as long as it stalled", async () => {
    const h = openHarness();
    const connection = await h.connect();
    h.network.change(h.route, { stalled: true });
    const codes = h.publish(connection, "event");
    await h.wait(10_000);
    expect(codes).toEqual([]);
    h.network.change(h.route, { stalled: false });
    const later = h.publish(await h.settle(h.dial("another")), "event");
    await h.wait(1_000);
    expect([codes, later]).toEqual([[], [0x10]]);
    await h.wait(9_000);
    expect(codes).toEqual([0x10]);
  });

  test("a link that stays dead is found by the keepalive, at both ends", async () => {
    const h = openHarness();
    const connection = await h.connect();
    h.network.change(h.route, { stalled: true });
    await h.wait(31_000);
    expect(await reasonOf(connection)).toBe("stalled");
    await h.wait(10_000);
    expect(h.broker.retained(`${ROOT}/state`)?.toString()).toBe("offline");
  });

  test("what the unit had written to a stalled link before it ended the connection arrives when it opens, then the end", async () => {
    const h = openHarness();
    const heard: string[] = [];
    using _listener = h.broker.listen({
      filter: "#",
      receive: ({ topic, payload }) => void heard.push(`${topic.split("/").at(-1)} ${payload.toString()}`),
    });
    for (const end of ["by the unit", "by its process"] as const) {
      heard.length = 0;
      const connection = await h.connect();
      h.network.change(h.route, { stalled: true });
      const codes = h.publish(connection, "event");
      await h.wait(5_000);
      if (end === "by the unit") connection.end(new LinkError("stalled", "enough"));
      else h.network.processGone(false);
      h.publish(connection, "event", "after the end");
      await h.wait(5_000);
      expect([h.network.connections, heard]).toEqual([0, []]);
      h.network.change(h.route, { stalled: false });
      await h.wait(11_000);
      expect([heard, codes]).toEqual([["event x", "state offline"], []]);
    }
  });

  test("at a power cut what was written and has not left is lost, of connections that were ended before too", async () => {
    for (const ended of [false, true]) {
      const h = openHarness();
      const heard: string[] = [];
      using _listener = h.broker.listen({ filter: "#", receive: ({ topic }) => void heard.push(topic) });
      const connection = await h.connect();
      h.network.change(h.route, { stalled: true });
      h.publish(connection, "event");
      await h.wait(5_000);
      if (ended) connection.end(new LinkError("stalled", "enough"));
      h.network.processGone(true);
      h.network.change(h.route, { stalled: false });
      await h.wait(15_000);
      expect(heard).toEqual([]);
      await h.wait(20_000);
      expect(heard).toEqual([`${ROOT}/state`]);
    }
  });

  test("a live and quiet link is kept", async () => {
    const h = openHarness();
    await h.connect();
    await h.wait(600_000);
    expect(h.network.connections).toBe(1);
  });

  test("bytes that were swallowed reset the connection when the link is sound again", async () => {
    const h = openHarness();
    const connection = await h.connect();
    h.network.change(h.route, { swallowing: true });
    const codes = h.publish(connection, "event");
    await h.wait(5_000);
    h.network.change(h.route, { swallowing: false });
    expect(await reasonOf(connection)).toBe("lost");
    expect(codes).toEqual([]);
  });

  test("a half-open connection: the broker says offline, the unit hears nothing until its keepalive", async () => {
    const h = openHarness();
    const connection = await h.connect();
    h.network.halfOpen(h.route);
    expect(h.broker.retained(`${ROOT}/state`)?.toString()).toBe("offline");
    const codes = h.publish(connection, "event");
    await h.wait(29_000);
    expect(h.network.connections).toBe(1);
    await h.wait(2_000);
    expect(await reasonOf(connection)).toBe("stalled");
    expect(codes).toEqual([]);
  });

  test("each way of not being there has its reason", async () => {
    const h = openHarness();
    h.broker.faults.down = true;
    await expect(h.connect()).rejects.toMatchObject({ code: "refused" });
    h.broker.faults.down = false;
    h.broker.faults.hangs = true;
    await expect(h.connect()).rejects.toMatchObject({ code: "timeout" });
    expect(h.time.mono()).toBeGreaterThan(10_000);
    h.broker.faults.hangs = false;
    h.route.unreachable = true;
    await expect(h.connect()).rejects.toMatchObject({ code: "unreachable" });
    h.route.unreachable = false;
    h.route.addresses[0] = false;
    await expect(h.connect()).rejects.toMatchObject({ code: "timeout" });
  });

  test("a dead address costs a moment if another one lives", async () => {
    const h = openHarness({}, [false, true]);
    await h.connect();
    expect(h.time.mono()).toBeLessThan(1_000);
  });

  test("a process that is killed leaves no callbacks, and its broker says offline", async () => {
    const h = openHarness();
    const codes = h.publish(await h.connect(), "event");
    h.network.processGone(false);
    await h.wait(1_000);
    expect(codes).toEqual([]);
    expect(h.broker.retained(`${ROOT}/state`)?.toString()).toBe("offline");
    await h.connect();
    h.network.processGone(true);
    expect(h.network.connections).toBe(0);
    await h.wait(60_000);
    expect(h.time.waiting).toBeLessThan(3);
  });
});

test.each([
  ["a/#", "a/b/c", true],
  ["a/#", "a", true],
  ["a/+/c", "a/b/c", true],
  ["a/+", "a/b/c", false],
  ["a/b", "a/b", true],
  ["a/b/c", "a/b", false],
])("filter %s and topic %s: %s", (filter, topic, expected) => {
  expect(matches(filter, topic)).toBe(expected);
});

test("an attempt to connect ends with the process that made it", async () => {
  const harness = openHarness();
  const attempt = harness.dial();
  await harness.time.run(30);
  harness.network.processGone(true);
  await expect(harness.settle(attempt)).rejects.toMatchObject({ code: "lost" });
  await harness.time.run(60_000);
  expect(harness.facts).toEqual([]);
});

describe("a broker with a fault", () => {
  test("announces the smaller limits to new connections", async () => {
    const harness = openHarness({ maximumPacketSize: 2_000 });
    const before = await harness.settle(harness.dial());
    Object.assign(harness.broker.faults, { maximumPacketSize: 400, receiveMaximum: 1 });
    const after = await harness.settle(harness.dial("zrenjanin.zr-117.courier", false));
    expect([before.maximumPacketSize, before.receiveMaximum]).toEqual([2_000, 65_535]);
    expect([after.maximumPacketSize, after.receiveMaximum]).toEqual([400, 1]);
  });

  test("never answers the birth, and answers the rest", async () => {
    const harness = openHarness();
    harness.broker.faults.muteBirth = true;
    const connection = await harness.settle(harness.dial());
    const birth = harness.publish(connection, "state", "online", true);
    const event = harness.publish(connection, "event");
    await harness.time.run(10_000);
    expect([birth, event]).toEqual([[], [0x10]]);
  });

  test("refuses subscriptions, and accepts what is published", async () => {
    const harness = openHarness();
    harness.broker.faults.refuses = (_topic, deed) => (deed === "subscribe" ? 0x87 : undefined);
    const connection = await harness.settle(harness.dial());
    const answers: number[] = [];
    connection.subscribe([`${ROOT}/command`], (codes) => answers.push(...codes));
    const event = harness.publish(connection, "event");
    await harness.time.run(10_000);
    expect([answers, event]).toEqual([[0x87], [0x10]]);
  });
});

import { describe, expect, test } from "vitest";
import { hangsUpOnBirth } from "./faults/refusals.ts";
import { ROOT, openHarness, reasonOf } from "./network-bench.ts";

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

  test("one that drops some topics acknowledges them, and delivers the others", async () => {
    const h = openHarness();
    const heard: string[] = [];
    using _listener = h.broker.listen({ filter: "#", receive: ({ topic }) => void heard.push(topic) });
    h.broker.faults.drops = (topic) => topic.endsWith("/health");
    const connection = await h.connect();
    const codes = [h.publish(connection, "health"), h.publish(connection, "event")];
    await h.wait(1_000);
    expect([codes, heard]).toEqual([[[0], [0]], [`${ROOT}/event`]]);
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
    h.broker.faults.hangsUp = hangsUpOnBirth;
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

  test("a crash brings back sessions and retained messages as they were saved last", async () => {
    const h = openHarness();
    const first = await h.connect();
    first.subscribe([`${ROOT}/command`], () => undefined);
    h.publish(first, "emergency/01J", "saved", true);
    await h.wait(1_000);
    first.end();
    await h.wait(1_000);
    h.broker.publish(`${ROOT}/command`, Buffer.from("saved"), {});
    h.broker.save();
    const second = await h.connect();
    h.publish(second, "emergency/01J", "", true);
    h.publish(second, "emergency/01K", "later", true);
    await h.wait(1_000);
    h.broker.crash();
    await h.wait(1_000);
    expect(await reasonOf(second)).toBe("lost");
    expect(h.broker.retainedTopics()).toEqual([`${ROOT}/emergency/01J`]);
    expect(h.facts.findLast(({ what }) => what === "retained")).toMatchObject({
      episode: "01K",
      present: false,
    });
    await h.connect();
    await h.wait(1_000);
    expect(h.incoming.map(({ payload }) => payload.toString())).toEqual(["saved", "saved"]);
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

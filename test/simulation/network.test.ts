import { describe, expect, test } from "vitest";
import { LinkError } from "../../src/dispatch/port.ts";
import { Broker, FULL_LIMITS } from "./broker.ts";
import { matches } from "./topics.ts";
import { ROOT, openHarness, reasonOf } from "./network-bench.ts";

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
    h.route.addresses[0] = undefined;
    await expect(h.connect()).rejects.toMatchObject({ code: "timeout" });
  });

  test("a dead address costs a moment if another one lives", async () => {
    const h = openHarness({}, [false, true]);
    await h.connect();
    expect(h.time.mono()).toBeLessThan(1_000);
  });

  test("an address whose SYNs are lost is slow: alone it is waited for, beside a quick one it is not", async () => {
    const alone = openHarness();
    alone.route.slowTcpMs.set(0, () => 3_000);
    await alone.connect();
    expect(alone.time.mono()).toBeGreaterThan(3_000);
    const beside = openHarness({}, [true, true]);
    beside.route.slowTcpMs.set(0, () => 3_000);
    await beside.connect();
    expect(beside.time.mono()).toBeLessThan(1_000);
  });

  test("an address can lead to another host; after a connection to it has failed the others are tried first", async () => {
    const h = openHarness({}, [true, true]);
    const host = new Broker("another", FULL_LIMITS, h.time, () => undefined);
    h.route.addresses[0] = host;
    h.publish(await h.connect(), "event", "x", true);
    await h.wait(1_000);
    expect([host.retainedTopics().length, h.broker.retainedTopics().length]).toEqual([1, 0]);
    h.network.reset(h.route);
    h.publish(await h.connect(), "event", "x", true);
    await h.wait(1_000);
    expect(h.broker.retainedTopics()).toContain(`${ROOT}/event`);
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
  await expect(harness.settle(attempt)).rejects.toMatchObject({ code: "timeout" });
  await harness.time.run(60_000);
  expect(harness.facts).toEqual([]);
});

// Each waiting message set a timer, and each timer set one for every message, until the memory was full (seed 5697975).
test("a broker that sends again after 30 s needs one timer, however much waits", async () => {
  const h = openHarness({ resendsAfterMs: 30_000, inFlight: 100 });
  const first = await h.connect();
  first.subscribe([`${ROOT}/command`], () => undefined);
  await h.wait(1_000);
  h.network.change(h.route, { stalled: true });
  for (let n = 0; n < 50; n++) h.broker.send({ topic: `${ROOT}/command`, payload: Buffer.from(`${n}`) });
  first.end(new LinkError("stalled", "enough"));
  h.network.change(h.route, { stalled: false });
  await h.wait(1_000);
  await h.connect();
  await h.wait(1_000);
  expect(h.time.waiting).toBeLessThan(20);
  await h.wait(60_000);
  expect(h.incoming.map(({ payload }) => payload.toString())).toEqual(
    Array.from({ length: 50 }, (_, n) => `${n}`),
  );
});

import { describe, expect, test } from "vitest";
import { emergency, event, position } from "./reports.ts";
import { open, up, arrived } from "./link-bench.ts";

describe("what a broker refuses", () => {
  test("a subscription: it is named once with its code, the others work, and the connection stays", async () => {
    const bench = open([{}]);
    bench.brokers[0]!.broker.faults.refuses = (topic) => (topic.endsWith("/command") ? 0x87 : undefined);
    bench.outbox.add(position(1));
    await up(bench);
    await bench.wait(600_000);
    expect(bench.refusals).toEqual([expect.stringMatching(/zr-117\/command: 0x87, not authorised/)]);
    expect([bench.ups.length, bench.downs.length, bench.outbox.pending.length]).toEqual([1, 0, 0]);
  });

  test("a topic: it is named once with its code, its reports wait, the others flow", async () => {
    const bench = open([{}]);
    const { faults } = bench.brokers[0]!.broker;
    faults.refuses = (topic) => (topic.endsWith("/event") ? 0x87 : undefined);
    bench.outbox.add(event(1), position(2), event(3));
    await up(bench);
    await bench.wait(600_000);
    expect(bench.refusals).toEqual([expect.stringMatching(/ event: 0x87, not authorised/)]);
    expect(bench.outbox.pending.map(({ seq }) => seq)).toEqual([1, 3]);
    faults.refuses = () => undefined;
    await bench.until("the events", () => bench.outbox.pending.length === 0, 3_600_000);
    expect(bench.downs).toEqual([]);
  });

  test("a topic, and hangs up: the pause doubles, and begins at 30 s again once it was accepted", async () => {
    const bench = open([{}]);
    const { broker, route } = bench.brokers[0]!;
    const refusedAt: number[] = [];
    const refuse = (topic: string): number | undefined => {
      if (!topic.endsWith("/event")) return undefined;
      refusedAt.push(bench.time.mono());
      bench.time.after(200, () => bench.network.reset(route));
      return 0x87;
    };
    broker.faults.refuses = refuse;
    bench.outbox.add(event(1));
    bench.start();
    await bench.until("two refusals", () => refusedAt.length === 2, 60_000);
    broker.faults.refuses = () => undefined;
    await bench.until("the event", () => bench.outbox.pending.length === 0, 120_000);
    broker.faults.refuses = refuse;
    bench.outbox.add(event(2));
    bench.link.stored("event");
    await bench.until("two more", () => refusedAt.length === 4, 300_000);
    const waits = [0, 2].map((n) => refusedAt[n + 1]! - refusedAt[n]!);
    for (const ms of waits) {
      expect(ms).toBeGreaterThan(29_000);
      expect(ms).toBeLessThan(40_000);
    }
  });

  test("the birth: the unit counts as let in", async () => {
    const bench = open([{}]);
    bench.brokers[0]!.broker.faults.refuses = (topic) => (topic.endsWith("/state") ? 0x87 : undefined);
    await up(bench);
    expect(bench.link.status.broker).toBe(bench.brokers[0]!.url);
  });
});

describe("limits", () => {
  test("a Receive Maximum of 1 is kept, and everything is settled", async () => {
    const bench = open([{ receiveMaximum: 1 }]);
    bench.outbox.add(event(1), position(2), event(3));
    await up(bench);
    bench.press(emergency(4));
    await bench.until("the outbox to be empty", () => bench.outbox.pending.length === 0);
    expect(bench.downs).toEqual([]);
  });

  test("an emergency above the Maximum Packet Size is shortened", async () => {
    const bench = open([{ maximumPacketSize: 2_000 }]);
    await up(bench);
    const track = Array.from({ length: 10 }, () => ({
      lat: 45.123456,
      lon: 20.123456,
      ageMs: 1_000,
      trusted: true,
    }));
    const signals = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`Vehicle.Signal${n}`, "x".repeat(20)]),
    );
    bench.press(emergency(1, "active", { track, vehicle: { signals } }));
    await bench.until("the press", arrived(bench, 1));
    expect(bench.heard[0]!.report).toMatchObject({
      data: { shortened: ["track", "vehicle"], buttons: ["dash"] },
    });
    await bench.wait(1_000);
    expect(bench.downs).toEqual([]);
  });

  test("the end of an emergency does not fit where its beginning did: the retained copy goes all the same", async () => {
    const bench = open([{ maximumPacketSize: 560 }]);
    const broker = bench.brokers[0]!.broker;
    await up(bench);
    bench.press(emergency(1));
    await bench.until("the press", arrived(bench, 1));
    const topic = broker.retainedTopics().find((one) => one.includes("/emergency/"));
    expect(topic).toBeDefined();
    bench.press(emergency(2, "cleared", { by: "x".repeat(400) }));
    await bench.until("the removal", () => broker.retained(topic!) === undefined);
    expect(arrived(bench, 2)()).toBe(false);
  });

  test("an event that no broker takes is declared, and nothing waits for it", async () => {
    const bench = open([{ maximumPacketSize: 700 }]);
    bench.outbox.add(event(1, "x".repeat(2_000)), event(2));
    await up(bench);
    await bench.until("the other", () => bench.outbox.pending.length === 0);
    expect(bench.outbox.refused).toEqual([1]);
  });
});

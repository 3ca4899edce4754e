import { describe, expect, test } from "vitest";
import { Broker, FULL_LIMITS } from "../simulation/broker.ts";
import { hangsUpOnBirth } from "../simulation/faults/refusals.ts";
import { emergency, event, position } from "./reports.ts";
import { arrived, EPISODE, open, ROOT, up } from "./link-bench.ts";

describe("a press", () => {
  test("on a path that swallows everything is at the second broker within 10 s, and the link follows", async () => {
    const bench = open();
    await up(bench);
    bench.network.change(bench.brokers[0]!.route, { swallowing: true });
    bench.press(emergency(1));
    expect(await bench.until("the press", arrived(bench, 1))).toBeLessThan(10_000);
    await bench.until("the link", () => bench.link.status.broker === bench.brokers[1]!.url);
  });

  test("on a half-open connection is at the same broker within 10 s, by a new one", async () => {
    const bench = open([{}]);
    await up(bench);
    bench.network.halfOpen(bench.brokers[0]!.route);
    bench.press(emergency(1));
    expect(await bench.until("the press", arrived(bench, 1))).toBeLessThan(10_000);
    await bench.wait(10_000);
    expect(bench.outbox.pending).toEqual([]);
  });

  test("is repeated within 10 s by a new connection, and the link follows, if its own has become half-open since", async () => {
    const bench = open([{}]);
    await up(bench);
    bench.press(emergency(1));
    await bench.until("the press", () => bench.delivered.length > 0);
    bench.network.halfOpen(bench.brokers[0]!.route);
    const before = bench.heard.length;
    bench.link.emergency(emergency(1, "active", { attempt: 2 }), [...bench.copies]);
    await bench.until("the repetition", () => bench.heard.length > before, 10_000);
    await bench.until("the new link", () => bench.ups.length === 2, 5_000);
  });

  test("is there within 10 s though the connection of a courier has died as well", async () => {
    const bench = open();
    await up(bench);
    bench.press(emergency(1));
    bench.link.emergency(emergency(1, "active", { attempt: 2 }), [...bench.copies]);
    await bench.until("both brokers", () => new Set(bench.heard.map(({ broker }) => broker)).size === 2);
    await bench.wait(2_000);
    for (const { route } of bench.brokers) bench.network.halfOpen(route);
    bench.press(emergency(2, "active", { presses: 2 }));
    expect(await bench.until("the press", arrived(bench, 2))).toBeLessThan(10_000);
  });

  // Every millisecond of two seconds, in seven runs: more at once would wait at the broker (Receive Maximum).
  const answeredFrom = async (offsetMs: number): Promise<void> => {
    const bench = open();
    await up(bench);
    const [first, second] = [bench.brokers[0]!, bench.brokers[1]!];
    bench.network.change(first.route, { swallowing: true });
    bench.press(emergency(1));
    await bench.until("the press at the second", arrived(bench, 1));
    await bench.wait(100 + offsetMs); // the subscription of the courier follows its publish
    const said: string[] = [];
    for (let n = offsetMs; n < 2_000; n += 7) {
      said.push(`answer ${n}`);
      second.broker.send({ topic: `${ROOT}/emergency/${EPISODE}/ack`, payload: Buffer.from(`answer ${n}`) });
      await bench.wait(7);
    }
    await bench.wait(5_000);
    expect(bench.link.status.broker).toBe(second.url);
    expect(said.filter((one) => !bench.messages.includes(one))).toEqual([]);
  };
  test("is answered at any moment of the change from a courier to the link, and no answer is lost", async () => {
    await Promise.all(Array.from({ length: 7 }, (_, offsetMs) => answeredFrom(offsetMs)));
  });

  test("that was stored before the link is started leaves with its first connection", async () => {
    const bench = open();
    bench.press(emergency(1));
    bench.start();
    expect(await bench.until("the press", arrived(bench, 1))).toBeLessThan(2_000);
  });

  test("that nobody hears at the link's broker is tried at the next one at once, and counts only there", async () => {
    const bench = open([{}, {}], [false, true]);
    await up(bench);
    bench.press(emergency(1));
    expect(await bench.until("the press", arrived(bench, 1))).toBeLessThan(1_500);
    await bench.wait(1_000);
    expect(bench.delivered).toEqual([`1 ${bench.brokers[1]!.url}`]);
  });

  test("that the link's broker refuses is tried at the next one at once, and the connection stays", async () => {
    const bench = open();
    bench.brokers[0]!.broker.faults.refuses = (topic) => (topic.includes("/emergency/") ? 0x87 : undefined);
    await up(bench);
    bench.press(emergency(1));
    expect(await bench.until("the press", arrived(bench, 1))).toBeLessThan(1_500);
    expect(bench.downs).toEqual([]);
    expect(bench.refusals.filter((one) => one.includes(" emergency: 0x87"))).toHaveLength(1);
    expect(bench.withheld).toContain(bench.brokers[0]!.url);
    expect(bench.withheld).not.toContain(bench.brokers[1]!.url);
  });

  test("that does not fit the link's broker is tried at the next one at once, and the connection stays", async () => {
    const bench = open([{ maximumPacketSize: 250 }, {}]);
    await up(bench);
    bench.press(emergency(1));
    expect(await bench.until("the press", arrived(bench, 1))).toBeLessThan(1_500);
    await bench.wait(20_000);
    expect([bench.downs, bench.link.status.broker]).toEqual([[], bench.brokers[0]!.url]);
    expect(new Set(bench.withheld)).toEqual(new Set([bench.brokers[0]!.url]));
  });

  test("waits at most a second for a disk that does not answer", async () => {
    const bench = open([{}]);
    bench.link.start({ ...bench.on, publishing: () => new Promise(() => undefined) });
    await bench.until("the link", () => bench.link.status.broker !== undefined);
    bench.press(emergency(1));
    expect(await bench.until("the press", arrived(bench, 1))).toBeLessThan(1_500);
  });
});

describe("brokers that are of no use", () => {
  test("one that accepts the birth and hangs up: the healthy one is used within seconds", async () => {
    const bench = open();
    bench.brokers[0]!.broker.faults.hangsUp = hangsUpOnBirth;
    bench.outbox.add(position(1));
    bench.start();
    expect(await bench.until("a report", arrived(bench, 1))).toBeLessThan(5_000);
  });

  test("one that takes no packet as large as a birth: the same, and it says why", async () => {
    const bench = open([{ maximumPacketSize: 60 }, {}]);
    bench.outbox.add(position(1));
    bench.start();
    expect(await bench.until("a report", arrived(bench, 1))).toBeLessThan(5_000);
    expect(bench.downs[0]!.message).toContain("packets of at most 60 bytes");
  });

  test("one that hangs up again and again after it has accepted: perhaps two units have one name", async () => {
    const bench = open([{}]);
    bench.brokers[0]!.broker.faults.hangsUp = hangsUpOnBirth;
    bench.start();
    await bench.wait(60_000);
    expect(bench.downs.map(({ message }) => message).join("\n")).toContain(
      "do two units have the same name?",
    );
  });

  test("one with a silent address beside a good one is used", async () => {
    const bench = open([{}]);
    bench.brokers[0]!.route.addresses.unshift(undefined);
    bench.outbox.add(position(1));
    bench.start();
    expect(await bench.until("a report", arrived(bench, 1))).toBeLessThan(5_000);
  });
});

test("the only broker has an address at which nobody listens: after a minute the link goes to the other one", async () => {
  const bench = open([{}]);
  const { broker, route } = bench.brokers[0]!;
  route.addresses.unshift(new Broker("another host", FULL_LIMITS, bench.time, () => undefined));
  expect(route.addresses[1]).toBe(broker);
  bench.outbox.add(event(1));
  bench.start();
  await bench.wait(50_000);
  expect(bench.heard).toEqual([]);
  await bench.until("a report", arrived(bench, 1), 30_000);
});

test("a report that does not fit the link's broker is at the next one after a minute, which the link reports", async () => {
  const bench = open([{ maximumPacketSize: 300 }, {}]);
  bench.outbox.add(event(1, "x".repeat(400)));
  await up(bench);
  await bench.wait(55_000);
  expect([bench.heard.length, bench.downs.length]).toEqual([0, 0]);
  await bench.until("the report", arrived(bench, 1), 15_000);
  expect(bench.downs.map(({ code }) => code)).toEqual(["small-packets"]);
  await bench.wait(600_000);
  expect(bench.link.status.broker).toBe(bench.brokers[1]!.url);
});

test("while an episode is open the link stays, though a report does not fit its broker", async () => {
  const bench = open([{ maximumPacketSize: 700 }, {}], [true, false]);
  bench.outbox.add(event(1, "x".repeat(800)));
  await up(bench);
  bench.press(emergency(2));
  await bench.wait(600_000);
  expect([bench.downs, bench.link.status.broker]).toEqual([[], bench.brokers[0]!.url]);
  bench.press(emergency(3, "cleared"));
  await bench.until("the other broker", () => bench.downs.length > 0, 70_000);
});

test("the only broker keeps the link, whatever does not fit it", async () => {
  const bench = open([{ maximumPacketSize: 300, version: 4 }]);
  bench.outbox.add(event(1, "x".repeat(400)));
  await up(bench);
  await bench.wait(600_000);
  expect(bench.downs).toEqual([]);
});

test("a gap that does not fit the link's broker is split there, though another broker may accept more; other reports wait", async () => {
  const bench = open([{ maximumPacketSize: 600 }, { version: 4 }]);
  const kept = Array.from({ length: 300 }, (_, n) => 2 + n);
  const data = { type: "gap", from: 1, to: 302, count: 2, kept, reason: "superseded" } as const;
  const large = event(401, "x".repeat(2_000));
  bench.outbox.add({ ...event(400), kind: "event", data }, large);
  await up(bench);
  await bench.wait(50_000);
  expect(bench.outbox.refused).toEqual([400]);
  expect(bench.outbox.pending.map(({ seq }) => seq)).toEqual([401]);
});

describe("the end", () => {
  test("a stop says farewell and closes; no timer is left", async () => {
    const bench = open();
    await up(bench);
    bench.press(emergency(1));
    await bench.wait(1_000);
    let over = false;
    void bench.link.stop("stopped").then(() => (over = true));
    await bench.until("the stop", () => over, 5_000);
    expect(bench.brokers[0]!.broker.retained(`${ROOT}/state`)?.toString()).toContain('"reason":"stopped"');
    await bench.wait(90_000_000); // the brokers' sessions expire
    expect([bench.network.connections, bench.time.waiting]).toEqual([0, 0]);
  });

  test("a farewell that is not acknowledged leaves the word to the will", async () => {
    const bench = open([{}]);
    await up(bench);
    bench.brokers[0]!.broker.faults.refuses = () => undefined;
    bench.brokers[0]!.broker.faults.slowMs = 30_000;
    bench.brokers[0]!.broker.faults.lies = true; // the farewell is lost inside
    let over = false;
    void bench.link.stop("stopped").then(() => (over = true));
    await bench.until("the stop", () => over, 5_000);
    await bench.wait(1_000);
    expect(bench.brokers[0]!.broker.retained(`${ROOT}/state`)?.toString()).toContain('"state":"offline"');
  });

  test("a stop while dialling ends the attempt", async () => {
    const bench = open([{}]);
    bench.brokers[0]!.broker.faults.hangs = true;
    bench.start();
    await bench.wait(500);
    let over = false;
    void bench.link.stop("stopped").then(() => (over = true));
    await bench.until("the stop", () => over, 1_000);
  });

  test("drained resolves when everything is settled", async () => {
    const bench = open();
    bench.outbox.add(event(1), position(2));
    bench.start();
    let drained = false;
    void bench.link.drained().then(() => (drained = true));
    await bench.until("the drain", () => drained);
    expect(bench.outbox.pending).toEqual([]);
  });
});

import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Link, type LinkEvents } from "../../src/dispatch/link.ts";
import type { LinkError } from "../../src/dispatch/port.ts";
import { laneOf, type Lane } from "../../src/domain/pending.ts";
import type { EmergencyUpdate, Report } from "../../src/domain/report.ts";
import type { Clock } from "../../src/domain/time.ts";
import { createRoutes } from "../../src/domain/wire.ts";
import { readMessage } from "../../src/wire/read.ts";
import { Broker, FULL_LIMITS, type BrokerLimits } from "../simulation/broker.ts";
import { Network } from "../simulation/network.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { emergency, event, position } from "./reports.ts";

const UNIT = "zrenjanin/zr-117";
const ROOT = `patrol/v1/${UNIT}`;
const EPISODE = emergency(1).data.episode;

const openOutbox = () => {
  let pending: Report[] = [];
  const refused: number[] = [];
  let connection = 0;
  const drop = (reports: readonly Pick<Report, "seq">[]): void => {
    pending = pending.filter(({ seq }) => !reports.some((one) => one.seq === seq));
  };
  return {
    boot: 1,
    get pending() {
      return pending;
    },
    refused,
    add: (...reports: Report[]) => void pending.push(...reports),
    settle: drop,
    refuse(reports: readonly Pick<Report, "seq">[]) {
      refused.push(...reports.map(({ seq }) => seq));
      drop(reports);
    },
    async read(lane: Lane, after: number, limit: number) {
      const reports = pending
        .filter(({ kind, seq }) => laneOf(kind) === lane && seq > after)
        .toSorted((a, b) => a.seq - b.seq)
        .slice(0, limit);
      return { reports, cursor: reports.at(-1)?.seq ?? after };
    },
    oldest: () => Math.min(1_000_000, ...pending.map(({ seq }) => seq)),
    nextConnection: () => ++connection,
  };
};

/** A link to simulated brokers at which dispatch listens. */
const open = (limits: readonly Partial<BrokerLimits>[] = [{}, {}], listening = [true, true]) => {
  const time = new SimulatedTime(Date.UTC(2026, 10, 22));
  const network = new Network(time, () => undefined);
  const outbox = openOutbox();
  const heard: { broker: string; topic: string; report: Report; at: number }[] = [];
  const brokers = limits.map((some, n) => {
    const broker = new Broker(`b${n}`, { ...FULL_LIMITS, ...some }, time, () => undefined);
    const listen = () =>
      broker.listen({
        filter: "patrol/v1/#",
        receive({ topic, payload }) {
          const received = readMessage(topic, payload);
          if (received.kind !== "json" || topic.endsWith("/state")) return;
          for (const value of received.values)
            heard.push({ broker: broker.name, topic, report: value as Report, at: time.mono() });
        },
      });
    if (listening[n]) listen();
    return { url: `mqtts://b${n}:8883`, broker, route: network.add(`mqtts://b${n}:8883`, broker), listen };
  });
  const clock: Clock = {
    now: () => ({ at: time.host(), clock: "gnss" }),
    when: (mono: number) => ({ at: time.host() - time.mono() + mono, clock: "gnss" }),
    mono: () => time.mono(),
  };
  const link = new Link({
    brokers: brokers.map(({ url }) => url),
    connect: network.connect,
    broker: { clientId: "zrenjanin.zr-117", username: UNIT, keepaliveS: 20 },
    routes: createRoutes("patrol/v1", UNIT),
    clock,
    time,
    random: () => 0.5,
    compress: (text) => Promise.resolve(gzipSync(text)),
    outbox,
    maxInFlightBytes: 512 * 1024,
    unheardCounts: () => false,
    state: (state, connection, reason) => ({
      state,
      unit: UNIT,
      boot: 1,
      connection,
      version: "1",
      ...(reason === undefined ? {} : { reason }),
    }),
  });
  const copies = new Set<string>();
  const ups: string[] = [];
  const downs: LinkError[] = [];
  const refusals: string[] = [];
  const delivered: string[] = [];
  const on: LinkEvents = {
    up: (broker) => void ups.push(broker),
    down: (error) => void downs.push(error),
    silent: () => undefined,
    deserted: () => undefined,
    recovered: () => undefined,
    refused: (broker, topic, why) => void refusals.push(`${broker} ${topic}: ${why}`),
    accepted: () => undefined,
    oversize: () => undefined,
    tooLarge: () => undefined,
    publishing(_report, broker) {
      copies.add(broker);
      return undefined;
    },
    delivered: ({ seq }, broker) => void delivered.push(`${seq} ${broker}`),
    removed: (_episode, broker) => void copies.delete(broker),
    heard: () => undefined,
    message: () => Promise.resolve(),
  };
  return {
    time,
    network,
    brokers,
    outbox,
    link,
    on,
    heard,
    copies,
    ups,
    downs,
    refusals,
    delivered,
    start: () => link.start(on),
    wait: (ms: number) => time.run(time.mono() + ms),
    async until(what: string, done: () => boolean, withinMs = 20_000) {
      const from = time.mono();
      await time.run(from + withinMs, done);
      if (!done()) throw new Error(`waited ${withinMs} ms for ${what}`);
      return time.mono() - from;
    },
    /** The unit stores an emergency and hands it to the link, as the ring does. */
    press(report: EmergencyUpdate) {
      outbox.add(report);
      link.stored("emergency");
      link.emergency(report, [...copies]);
    },
    retained: () => brokers.filter(({ broker }) => broker.retained(`${ROOT}/emergency/${EPISODE}`)).length,
  };
};
type Bench = ReturnType<typeof open>;

const up = async (bench: Bench): Promise<void> => {
  bench.start();
  await bench.until("the link", () => bench.ups.length > 0);
  await bench.wait(1_000);
};
const arrived = (bench: Bench, seq: number) => () => bench.heard.some(({ report }) => report.seq === seq);

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
  });

  test("waits at most a second for a disk that does not answer", async () => {
    const bench = open([{}]);
    bench.link.start({ ...bench.on, publishing: () => new Promise(() => undefined) });
    await bench.until("the link", () => bench.link.status.broker !== undefined);
    bench.press(emergency(1));
    expect(await bench.until("the press", arrived(bench, 1))).toBeLessThan(1_500);
  });
});

describe("an ended episode", () => {
  const cleared = (bench: Bench) => bench.press(emergency(2, "cleared"));

  test("leaves no retained copy anywhere, though its PUBACK was lost and the link has moved", async () => {
    const bench = open();
    await up(bench);
    bench.brokers[0]!.broker.faults.mute = true;
    bench.press(emergency(1));
    await bench.until("the second broker", () => bench.retained() === 2);
    bench.brokers[0]!.broker.faults.mute = false;
    bench.network.reset(bench.brokers[0]!.route);
    cleared(bench);
    await bench.until("the end", () => bench.retained() === 0, 60_000);
    await bench.until("a sweep", () => bench.outbox.pending.length === 0, 60_000);
    await bench.wait(60_000);
    expect(bench.retained()).toBe(0);
    expect(bench.network.connections).toBe(1);
  });

  test("is removed from a broker that was away, within a minute after it is back, and nobody dials on", async () => {
    const bench = open();
    await up(bench);
    bench.press(emergency(1));
    bench.link.emergency(emergency(1, "active", { attempt: 2 }), [...bench.copies]);
    await bench.until("both copies", () => bench.retained() === 2);
    bench.brokers[1]!.broker.faults.down = true;
    bench.network.reset(bench.brokers[1]!.route);
    cleared(bench);
    await bench.wait(3_600_000);
    expect(bench.retained()).toBe(1);
    bench.brokers[1]!.broker.faults.down = false;
    await bench.until("the removal", () => bench.retained() === 0, 60_000);
    await bench.wait(5_000);
    expect(bench.network.connections).toBe(1);
    expect(bench.time.waiting).toBeLessThan(20);
  });

  test("whose end finds no subscriber is not retained any more, and is delivered later", async () => {
    const bench = open([{}], [false]);
    await up(bench);
    bench.press(emergency(1));
    bench.press(emergency(2, "cleared"));
    await bench.until("the removal", () => bench.outbox.pending.length === 2 && bench.retained() === 0);
    await bench.wait(20_000);
    expect(bench.retained()).toBe(0);
    expect(bench.delivered).toEqual([]);
    bench.brokers[0]!.listen();
    await bench.until("both reports", () => bench.outbox.pending.length === 0, 120_000);
    expect(bench.retained()).toBe(0);
    expect(bench.heard.find(({ report }) => report.seq === 1)?.topic).toMatch(/history$/);
  });

  /** Both brokers have a copy, the episode is cleared, and neither has one any more. */
  const endEverywhere = async (bench: Bench): Promise<void> => {
    bench.link.emergency(emergency(1, "active", { attempt: 2 }), [...bench.copies]);
    await bench.until("both copies", () => bench.retained() === 2);
    cleared(bench);
    await bench.until("the end", () => bench.retained() === 0);
    await bench.wait(1_000);
  };

  test("does not count as removed while an old connection can bring its copy back; the sweep removes that too", async () => {
    const bench = open();
    const [a, b] = [bench.brokers[0]!, bench.brokers[1]!];
    const removedAt: Record<string, number> = {};
    bench.link.start({
      ...bench.on,
      removed(episode, broker) {
        removedAt[broker] ??= bench.time.mono();
        bench.on.removed(episode, broker);
      },
    });
    await bench.until("the link", () => bench.link.status.broker === a.url);
    await bench.wait(1_000);
    bench.network.change(a.route, { stalled: true });
    bench.press(emergency(1));
    await bench.until("the link at B", () => bench.link.status.broker === b.url);
    const closedAt = bench.time.mono();
    bench.network.change(a.route, { stalled: false });
    await endEverywhere(bench);
    expect([Object.keys(removedAt), [...bench.copies]]).toEqual([[b.url], [a.url]]);
    await bench.until("the copy that comes back", () => bench.retained() === 1);
    // The ring sweeps the copies that it knows of.
    using _ = bench.time.every(5_000, () => {
      for (const broker of bench.copies) bench.link.remove(EPISODE, broker);
    });
    await bench.until("the sweep", () => bench.retained() === 0, 6_000);
    await bench.until("the end of the sweeps", () => bench.copies.size === 0, 60_000);
    // One and a half keepalives and 10 s after the connection was closed.
    expect(removedAt[a.url]! - closedAt).toBeGreaterThan(39_000);
    expect(removedAt[a.url]! - closedAt).toBeLessThan(46_000);
    await bench.wait(120_000);
    expect(bench.retained()).toBe(0);
  });

  test("counts as removed at once if no connection was closed while it was on its way", async () => {
    const bench = open();
    await up(bench);
    bench.press(emergency(1));
    await endEverywhere(bench);
    expect([...bench.copies]).toEqual([]);
  });

  test("a broker that is not configured any more is not called on", async () => {
    const bench = open();
    await up(bench);
    bench.copies.add("mqtts://old:8883");
    bench.link.remove(EPISODE, "mqtts://old:8883");
    expect(bench.copies.has("mqtts://old:8883")).toBe(false);
  });
});

describe("brokers that are of no use", () => {
  test("one that accepts the birth and hangs up: the healthy one is used within seconds", async () => {
    const bench = open();
    bench.brokers[0]!.broker.faults.birthHangsUp = true;
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
    bench.brokers[0]!.broker.faults.birthHangsUp = true;
    bench.start();
    await bench.wait(60_000);
    expect(bench.downs.map(({ message }) => message).join("\n")).toContain(
      "do two units have the same name?",
    );
  });

  test("one with a silent address beside a good one is used", async () => {
    const bench = open([{}]);
    bench.brokers[0]!.route.addresses.unshift(false);
    bench.outbox.add(position(1));
    bench.start();
    expect(await bench.until("a report", arrived(bench, 1))).toBeLessThan(5_000);
  });
});

test("a gap that does not fit the link's broker is split there, though another broker may accept more; other reports wait", async () => {
  const bench = open([{ maximumPacketSize: 600 }, { version: 4 }]);
  const kept = Array.from({ length: 300 }, (_, n) => 2 + n);
  const data = { type: "gap", from: 1, to: 302, count: 2, kept, reason: "superseded" } as const;
  const large = event(401, "x".repeat(2_000));
  bench.outbox.add({ ...event(400), kind: "event", data }, large);
  await up(bench);
  await bench.wait(60_000);
  expect(bench.outbox.refused).toEqual([400]);
  expect(bench.outbox.pending.map(({ seq }) => seq)).toEqual([401]);
});

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

  test("an event that no broker takes is declared, and nothing waits for it", async () => {
    const bench = open([{ maximumPacketSize: 700 }]);
    bench.outbox.add(event(1, "x".repeat(2_000)), event(2));
    await up(bench);
    await bench.until("the other", () => bench.outbox.pending.length === 0);
    expect(bench.outbox.refused).toEqual([1]);
  });
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

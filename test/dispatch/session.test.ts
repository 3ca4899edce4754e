import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { LinkError, type Connection } from "../../src/dispatch/port.ts";
import { Session, type SessionEvents } from "../../src/dispatch/session.ts";
import type { Answer } from "../../src/dispatch/outgoing.ts";
import { Traffic } from "../../src/dispatch/traffic.ts";
import { laneOf, type PendingReports } from "../../src/domain/pending.ts";
import type { Report } from "../../src/domain/report.ts";
import { createRoutes, type Route } from "../../src/domain/wire.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { emergency, event, position } from "./reports.ts";
import { PLAIN } from "./traffic-bench.ts";

/** A session on a connection that acknowledges when it is told to. */
const open = (
  pending: readonly Report[] = [],
  more: {
    maximumPacketSize?: number;
    on?: Partial<SessionEvents>;
    compress?: (text: string) => Promise<Buffer>;
    read?: PendingReports["read"];
  } = {},
) => {
  const time = new SimulatedTime(0);
  const closed = Promise.withResolvers<LinkError>();
  const wire: { route: Route; payload: Buffer; done: (code: number) => void }[] = [];
  const connection: Connection = {
    broker: "mqtts://a",
    address: "10.0.0.1",
    version: 5,
    receiveMaximum: 20,
    maximumPacketSize: 1_000_000,
    otherAddresses: 0,
    unusableFile: undefined,
    hadSession: false,
    arrivedMs: Infinity,
    untriedAddresses: 0,
    doubt: () => undefined,
    ask: () => undefined,
    closed: closed.promise,
    publish: (route, payload, done) => void wire.push({ route, payload, done }),
    subscribe: () => undefined,
    end: (error) => closed.resolve(error ?? new LinkError("lost", "ended")),
  };
  const answers: Answer[] = [];
  const tooLarge: number[] = [];
  const limits: number[] = [];
  let drained = 0;
  const traffic = new Traffic({ ...PLAIN, receiveMaximum: 20 }, 0);
  const session = new Session({
    connection,
    traffic,
    routes: createRoutes("p", "a/b"),
    time,
    compress: more.compress ?? ((text) => Promise.resolve(gzipSync(text))),
    maximumPacketSize: more.maximumPacketSize ?? 1_000_000,
    outbox: {
      boot: 1,
      madeHere: () => true,
      sending: () => undefined,
      acknowledge: () => undefined,
      refuse: () => undefined,
      oldest: () => 1,
      read:
        more.read ??
        (async (lane, after, limit) => {
          const reports = pending
            .filter(({ kind, seq }) => laneOf(kind) === lane && seq > after)
            .slice(0, limit);
          return { reports: [...reports], cursor: reports.at(-1)?.seq ?? after };
        }),
    },
    on: {
      isLive: () => true,
      right: (report) => report,
      publishing: () => undefined,
      answer: (answer) => void answers.push(answer),
      tooLarge: (_reports, bytes) => void tooLarge.push(bytes),
      limited: (bytes) => void limits.push(bytes),
      drained: () => drained++,
      ...more.on,
    },
  });
  return {
    time,
    wire,
    traffic,
    session,
    connection,
    answers,
    tooLarge,
    limits,
    drained: () => drained,
    wait: (ms = 100) => time.run(time.mono() + ms),
    async settle(codes: (topic: string, payload: Buffer) => number = () => 0) {
      session.pump();
      await time.run(time.mono() + 100);
      for (let turn = 0; wire.length > 0 && turn < 200; turn++) {
        const { route, payload, done } = wire.shift()!;
        done(codes(route.topic, payload));
        await time.run(time.mono() + 10);
      }
    },
  };
};

describe("a session", () => {
  test("publishes each report on its topic, with its retain flag and expiry", async () => {
    const bench = open([emergency(1), event(2)]);
    bench.traffic.greet(Buffer.from("birth"));
    bench.traffic.offerLive(position(3), 0);
    const routes: Route[] = [];
    bench.session.pump();
    for (let turn = 0; turn < 10; turn++) {
      await bench.wait();
      for (const { route, done } of bench.wire.splice(0)) {
        routes.push(route);
        done(0);
      }
    }
    expect(routes.toSorted((a, b) => a.topic.localeCompare(b.topic))).toEqual([
      { topic: `p/a/b/emergency/${emergency(1).data.episode}`, retain: true },
      { topic: "p/a/b/event", retain: false },
      { topic: "p/a/b/position", retain: true, expiryS: 120 },
      { topic: "p/a/b/state", retain: true },
    ]);
    expect(bench.drained()).toBeGreaterThan(0);
  });

  test("0x95 lowers the limit until what is too large fits or is reported, and goes on with the rest", async () => {
    const bench = open([event(1, "x".repeat(900)), event(2)]);
    await bench.settle((_topic, payload) => (payload.length > 600 ? 0x95 : 0));
    expect(bench.limits).toHaveLength(1);
    expect(bench.tooLarge).toHaveLength(1);
    expect(bench.tooLarge[0]).toBeGreaterThan(bench.limits[0]!);
    expect(bench.answers.map(({ kind }) => kind)).toEqual(["too-large", "delivered"]);
  });

  test("0x95 for every packet ends: nothing is sent for ever", async () => {
    const bench = open([emergency(1), event(2), position(3), position(4)]);
    await bench.settle(() => 0x95);
    expect(bench.wire).toEqual([]);
    expect(bench.answers.length).toBeLessThan(10);
  });

  test("an outbox that cannot be read ends the connection", async () => {
    const bench = open([], { read: () => Promise.reject(new Error("gone")) });
    bench.session.pump();
    await bench.wait();
    expect((await bench.connection.closed).message).toContain("the outbox cannot be read: gone");
  });

  test("a batch that cannot be compressed ends the connection, and nothing is thrown", async () => {
    const bench = open([position(1)], { compress: () => Promise.reject(new Error("no memory")) });
    await bench.settle();
    expect((await bench.connection.closed).message).toContain("no memory");
  });

  test("nothing is published, and nothing waits, after the connection has ended", async () => {
    const bench = open([event(1), event(2)]);
    bench.session.pump();
    await bench.wait();
    const { done } = bench.wire[0]!;
    bench.connection.end(new LinkError("lost", "gone"));
    await bench.wait();
    done(0);
    bench.session.pump();
    await bench.wait(60_000);
    expect([bench.wire.length, bench.answers.length, bench.time.waiting]).toEqual([1, 0, 0]);
  });

  test("an emergency waits for what must be on disk first, and goes out though that fails", async () => {
    const ready = Promise.withResolvers<void>();
    const bench = open([], { on: { publishing: () => ready.promise } });
    bench.traffic.say(emergency(1));
    bench.session.pump();
    await bench.wait();
    expect(bench.wire).toEqual([]);
    ready.reject(new Error("no disk"));
    await bench.wait();
    expect(bench.wire).toHaveLength(1);
  });

  test("a connection that ends while an emergency waits for the disk publishes nothing", async () => {
    const bench = open([], { on: { publishing: () => new Promise(() => undefined) } });
    bench.traffic.say(emergency(1));
    bench.session.pump();
    bench.connection.end();
    await bench.wait(5_000);
    expect([bench.wire.length, bench.time.waiting]).toEqual([0, 0]);
  });

  test("the largest payload on the wire is known when a connection is lost", async () => {
    const bench = open([event(1, "x".repeat(900))]);
    bench.session.pump();
    await bench.wait();
    expect(bench.session.largestInFlight).toBe(bench.wire[0]!.payload.length);
    bench.wire[0]!.done(0);
    expect(bench.session.largestInFlight).toBe(0);
  });
});

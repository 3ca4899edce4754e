import { expect, test } from "vitest";
import { Courier } from "../../src/dispatch/courier.ts";
import { LinkError, type Connection } from "../../src/dispatch/port.ts";
import type { EmergencyUpdate } from "../../src/domain/report.ts";
import { createRoutes } from "../../src/domain/wire.ts";
import { SimulatedTime } from "../simulation/time.ts";

const NO_SUBSCRIBERS = 0x10;

const cleared: EmergencyUpdate = {
  v: 1,
  unit: "zrenjanin/zr-117",
  store: "k3v9q0ab",
  boot: 1,
  seq: 7,
  at: "2026-11-22T08:00:00.000Z",
  clock: "gnss",
  mono: 0,
  kind: "emergency",
  data: {
    episode: "01K0000000000000000000000A",
    state: "cleared",
    test: false,
    button: "dash",
    presses: 1,
    attempt: 1,
  },
};

/** Addresses of the broker's name besides the one of the connection, and how many of them are worth a try. */
type Others = { readonly all: number; untried: number };

const active: EmergencyUpdate = { ...cleared, data: { ...cleared.data, state: "active" } };

/**
 * A courier with a report of an episode, by default its end, and a broker that answers each publish with the next of these
 * codes, then with the last one. Without codes it answers nothing. `ended`: when connections ended.
 */
const openCourier = (
  time: SimulatedTime,
  codes: number[],
  others: Others = { all: 0, untried: 0 },
  report = cleared,
) => {
  const broker = "mqtts://b:8883";
  const published: number[] = [];
  const ended: number[] = [];
  const first = Promise.withResolvers<LinkError>();
  const connect = (): Promise<Connection> => {
    const over = Promise.withResolvers<LinkError>();
    return Promise.resolve({
      broker,
      address: "10.0.0.1",
      version: 5,
      receiveMaximum: 1,
      maximumPacketSize: 100_000,
      otherAddresses: others.all,
      unusableFile: undefined,
      hadSession: false,
      arrivedMs: Infinity,
      get untriedAddresses() {
        return others.untried;
      },
      doubt: () => undefined,
      ask: () => undefined,
      publish(_route, payload, done) {
        published.push(payload.length);
        if (codes.length > 0) time.after(1, () => done(codes.length > 1 ? codes.shift()! : codes[0]!));
      },
      subscribe: () => undefined,
      closed: over.promise,
      end(error = new LinkError("lost", "ended")) {
        ended.push(time.mono());
        over.resolve(error);
        first.resolve(error);
      },
    });
  };
  const courier = new Courier(
    {
      broker,
      connect,
      options: { clientId: "a", username: "a", keepaliveS: 20 },
      routes: createRoutes("patrol/v1", "zrenjanin/zr-117"),
      time,
      random: () => 0.5,
      compress: () => Promise.reject(new Error("no history")),
      unheardCounts: () => false,
      takeOver: () => true,
      hasEnded: () => false,
      session: { isLive: () => true, right: (one) => one, publishing: () => undefined },
      hears: () => ({
        events: { message: () => Promise.resolve(), accepted: () => undefined, oversize: () => undefined },
        answered: () => undefined,
      }),
      on: {
        accepted: () => undefined,
        tooLarge: () => undefined,
        closed: () => undefined,
        answer: () => undefined,
        done: () => undefined,
      },
    },
    { episode: report.data.episode, report },
  );
  time.every(250, () => courier.look(time.mono()));
  return { courier, published, ended, closed: first.promise };
};

test("the end of an episode that nobody heard is said again; its copy is removed at once", async () => {
  const time = new SimulatedTime(0);
  const { published } = openCourier(time, [NO_SUBSCRIBERS, 0]);
  await time.run(1_000);
  // Its copy is removed at once, whoever heard of the end.
  expect(published).toEqual([published[0], 0]);
  await time.run(6_000);
  expect(published.filter((bytes) => bytes > 0)).toEqual([published[0], published[0]]);
});

test("a courier whose load is put down while it connects leaves no connection behind", async () => {
  const time = new SimulatedTime(0);
  const { courier, published, closed } = openCourier(time, [0]);
  courier.drop(cleared.data.episode);
  await time.run(1_000);
  expect(await Promise.race([closed.then(() => "closed"), time.run(2_000).then(() => "open")])).toBe(
    "closed",
  );
  expect(published).toEqual([]);
});

test("a courier that has become patient at a mute address leaves it when another address is worth a try", async () => {
  const time = new SimulatedTime(0);
  const others = { all: 1, untried: 0 };
  const { ended } = openCourier(time, [], others, active);
  // Each connection without an answer doubles the patience.
  await time.run(60_000, () => ended.length === 3);
  const patient = time.mono() + 5_000;
  await time.run(patient);
  expect(ended).toHaveLength(3);
  others.untried = 1;
  await time.run(patient + 500);
  expect(ended).toHaveLength(4);
});

test("once every address was mute, the end of an episode may take as long at each as at a single one", async () => {
  const time = new SimulatedTime(0);
  const { ended } = openCourier(time, [], { all: 1, untried: 1 });
  await time.run(200_000);
  const lasted = ended.slice(1).map((at, n) => at - ended[n]!);
  expect(ended[0]).toBeLessThan(3_000);
  expect(Math.max(...lasted.slice(2))).toBeGreaterThan(29_000);
});

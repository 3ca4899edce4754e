import { expect, test } from "vitest";
import { LinkError, type Connection } from "../../src/dispatch/port.ts";
import { Subscriptions } from "../../src/dispatch/subscriptions.ts";
import { SimulatedTime } from "../simulation/time.ts";

/**
 * A connection of which only subscribing matters: it answers each request with these codes after `afterMs`;
 * undefined: it does not answer.
 */
const open = (
  codes: (topic: string) => number,
  afterMs: (request: number) => number | undefined = () => 10,
  arrivedMs: () => number = () => Infinity,
) => {
  const time = new SimulatedTime(0);
  const asked: { topics: readonly string[]; at: number }[] = [];
  const connection: Connection = {
    broker: "mqtts://a",
    address: "10.0.0.1",
    version: 5,
    receiveMaximum: 20,
    maximumPacketSize: 1_000,
    otherAddresses: 0,
    unusableFile: undefined,
    hadSession: false,
    get arrivedMs() {
      return arrivedMs();
    },
    untriedAddresses: 0,
    doubt: () => undefined,
    ask: () => undefined,
    closed: new Promise<LinkError>(() => undefined),
    publish: () => undefined,
    end: () => undefined,
    subscribe(topics, done) {
      asked.push({ topics, at: time.mono() });
      const ms = afterMs(asked.length);
      if (ms !== undefined) time.after(ms, () => done(topics.map(codes)));
    },
  };
  const refused: string[] = [];
  const granted: string[] = [];
  const subscriptions = new Subscriptions(connection, ["acks", "command"], time, {
    refused: (topic, code) => void refused.push(`${topic} ${code}`),
    granted: (topic) => void granted.push(topic),
  });
  return { time, asked, refused, granted, subscriptions, wait: (ms: number) => time.run(time.mono() + ms) };
};

test("what is granted is asked for once, all topics together", async () => {
  const { asked, refused, granted, wait } = open(() => 1);
  await wait(86_400_000);
  expect([asked.map(({ topics }) => topics), refused]).toEqual([[["acks", "command"]], []]);
  expect(granted).toEqual(["acks", "command"]);
});

test("a refused topic is reported once and asked for again by itself: after 30 s, doubling to an hour", async () => {
  const { asked, refused, wait } = open((topic) => (topic === "command" ? 0x87 : 1));
  await wait(5 * 3_600_000);
  const waits = asked.slice(1).map(({ at }, n) => Math.round((at - asked[n]!.at) / 1_000));
  expect(waits.slice(0, 10)).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
  expect(asked.slice(1).every(({ topics }) => topics.join() === "command")).toBe(true);
  expect(refused).toEqual(["command 135"]);
});

test("after its end nothing is asked, and no timer is left", async () => {
  const { asked, refused, subscriptions, time, wait } = open(() => 0x80);
  await wait(100);
  subscriptions[Symbol.dispose]();
  await wait(86_400_000);
  expect([asked.length, refused.length, time.waiting]).toEqual([1, 2, 0]);
});

test("an answer that comes after its end does nothing", async () => {
  const { asked, refused, subscriptions, wait } = open(() => 0x80);
  subscriptions[Symbol.dispose]();
  await wait(86_400_000);
  expect([asked.length, refused]).toEqual([1, []]);
});

const seconds = (asked: readonly { readonly at: number }[]): number[] =>
  asked.slice(1).map(({ at }, n) => Math.round((at - asked[n]!.at) / 1_000));

test("no answer within 30 s is reported once for each topic, and each is asked for again, doubling to an hour", async () => {
  const { asked, refused, granted, wait } = open(
    () => 1,
    () => undefined,
  );
  await wait(29_000);
  expect([asked.length, refused]).toEqual([1, []]);
  await wait(86_400_000);
  expect(refused).toEqual(["acks undefined", "command undefined"]);
  for (const topic of ["acks", "command"]) {
    const requests = asked.filter(({ topics }) => topics.includes(topic));
    expect(seconds(requests).slice(0, 9)).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
  }
  expect(granted).toEqual([]);
});

test("a late answer counts: what it grants is granted, and what it refuses is not refused again", async () => {
  const late = open(
    (topic) => (topic === "acks" ? 1 : 0x87),
    (request) => (request === 1 ? 45_000 : undefined),
  );
  await late.wait(46_000);
  expect(late.granted).toEqual(["acks"]);
  expect(late.refused).toEqual(["acks undefined", "command undefined"]);
});

test("once it is answered, nothing is asked again and no timer is left", async () => {
  const { asked, refused, granted, time, wait } = open(
    () => 1,
    (request) => (request === 1 ? undefined : 10),
  );
  await wait(86_400_000);
  expect(asked.map(({ topics }) => topics.join())).toEqual(["acks,command", "acks", "command"]);
  expect([refused.length, granted, time.waiting]).toEqual([2, ["acks", "command"], 0]);
});

test("without an answer, nothing is reported or asked after its end, and no timer is left", async () => {
  for (const endMs of [10_000, 100_000]) {
    const { asked, refused, subscriptions, time, wait } = open(
      () => 1,
      () => undefined,
    );
    await wait(endMs);
    const before = [asked.length, refused.length];
    subscriptions[Symbol.dispose]();
    await wait(86_400_000);
    expect([asked.length, refused.length]).toEqual(before);
    expect(time.waiting).toBe(0);
  }
});

test("an answer that waits behind a large message is not late", async () => {
  let now = 0;
  const { asked, refused, granted, time, wait } = open(
    () => 1,
    () => 100_000,
    () => Math.max(0, now - 95_000),
  );
  for (; now < 120_000; now += 1_000) await wait(1_000);
  expect([asked.length, refused, granted, time.waiting]).toEqual([1, [], ["acks", "command"], 0]);
});

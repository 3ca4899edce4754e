import { describe, expect, test } from "vitest";
import {
  Brokers,
  couriersFor,
  heardOn,
  isDeserted,
  type EmergencyView,
  type Hearing,
  type LinkView,
} from "../../src/dispatch/brokers.ts";
import type { Channel } from "../../src/domain/wire.ts";

const URLS = ["mqtts://a", "mqtts://b", "mqtts://c"];
const useless = (broker: number) => ({ broker, lastedMs: 0, delivered: 0, lostBytes: 0 });
const useful = (broker: number) => ({ broker, lastedMs: 60_000, delivered: 5, lostBytes: 0 });

describe("the next broker", () => {
  test("each is tried at once after the one before, then there is a pause that grows", () => {
    const brokers = new Brokers(URLS);
    expect([0, 1, 2].map((broker) => brokers.after(useless(broker)))).toEqual([
      { broker: 1, pause: "none" },
      { broker: 2, pause: "none" },
      { broker: 0, pause: "growing" },
    ]);
  });

  test("after a connection that carried something for a while it is the first one again", () => {
    const brokers = new Brokers(URLS);
    expect(brokers.after(useful(2))).toEqual({ broker: 0, pause: "short" });
  });

  test("one that accepts and hangs up does not count as useful, whatever it took", () => {
    const brokers = new Brokers(URLS);
    expect(brokers.after({ ...useful(0), lastedMs: 9_999 })).toEqual({ broker: 1, pause: "none" });
    expect(brokers.after({ ...useful(1), delivered: 0 })).toEqual({ broker: 2, pause: "none" });
  });

  test("after one that took everything but did not answer an emergency it is the one after that", () => {
    const brokers = new Brokers(URLS);
    expect(brokers.after({ ...useful(0), left: "unanswered" })).toEqual({ broker: 1, pause: "short" });
    expect(brokers.after({ ...useful(2), left: "unanswered" })).toEqual({ broker: 0, pause: "short" });
  });

  test("after one at which nobody listens it is the next one at once, whatever that one took before", () => {
    const brokers = new Brokers(URLS);
    expect(brokers.after({ ...useful(1), left: "deserted" })).toEqual({ broker: 2, pause: "none" });
    expect(brokers.after({ ...useless(2), left: "deserted" })).toEqual({ broker: 0, pause: "none" });
  });

  test("with a single broker every failure grows the pause", () => {
    const brokers = new Brokers(["mqtts://a"]);
    expect(brokers.after(useless(0))).toEqual({ broker: 0, pause: "growing" });
  });

  test("it is the one that an emergency got through to, once", () => {
    const brokers = new Brokers(URLS);
    brokers.prefer("mqtts://c");
    expect(brokers.after(useless(0))).toEqual({ broker: 2, pause: "none" });
    expect(brokers.after(useless(2)).broker).toBe(0);
    brokers.prefer("mqtts://unknown");
    expect(brokers.after(useless(0)).broker).toBe(1);
  });
});

describe("the largest packet of a broker", () => {
  const lost = (lostBytes: number, lastedMs = 1_000) => ({
    broker: 0,
    lastedMs,
    delivered: 0,
    lostBytes,
  });

  test("is what it announces, or less if it has refused less", () => {
    const brokers = new Brokers(URLS);
    expect(brokers.limit(0)).toBe(Infinity);
    brokers.accepted(0, 5_000);
    expect(brokers.limit(0)).toBe(5_000);
    brokers.limited(0, 2_999);
    brokers.limited(0, 4_000);
    expect(brokers.limit(0)).toBe(2_999);
  });

  test("that was refused counts until the broker accepts a new connection", () => {
    const brokers = new Brokers(URLS);
    brokers.accepted(0, 5_000);
    brokers.limited(0, 2_999);
    brokers.accepted(0, 5_000);
    expect(brokers.limit(0)).toBe(5_000);
  });

  test("is learned from two losses in a row with a large message on the wire, and never below 1,024", () => {
    const brokers = new Brokers(URLS);
    brokers.after(lost(40_000));
    expect(brokers.limit(0)).toBe(Infinity);
    brokers.after(lost(40_000));
    expect(brokers.limit(0)).toBe(20_000);
    for (let n = 0; n < 20; n++) brokers.after(lost(1_200));
    expect(brokers.limit(0)).toBe(1_024);
  });

  test("small messages and connections that lasted are never to blame", () => {
    const brokers = new Brokers(URLS);
    for (let n = 0; n < 10; n++) brokers.after(lost(1_024));
    for (let n = 0; n < 10; n++) brokers.after(lost(40_000, 10_000));
    expect(brokers.limit(0)).toBe(Infinity);
  });

  test("what was learned is doubled by each connection that lasts: the link may have been to blame", () => {
    const brokers = new Brokers(URLS);
    brokers.after(lost(4_000));
    brokers.after(lost(4_000));
    brokers.after(useful(0));
    expect(brokers.limit(0)).toBe(4_000);
  });

  test("a report fits none only if every broker has said so itself", () => {
    const brokers = new Brokers(["mqtts://a", "mqtts://b"]);
    brokers.accepted(0, 1_000);
    expect(brokers.nobodyTakes(2_000)).toBe(false);
    brokers.accepted(1, 268_435_455);
    brokers.after({ ...lost(3_000), broker: 1 });
    brokers.after({ ...lost(3_000), broker: 1 });
    expect(brokers.nobodyTakes(2_000)).toBe(false);
    brokers.limited(1, 1_500);
    expect(brokers.nobodyTakes(2_000)).toBe(true);
    expect(brokers.nobodyTakes(1_200)).toBe(false);
  });
});

describe("who gets an emergency beside the link", () => {
  const [a, b, c] = URLS as [string, string, string];
  const fresh: EmergencyView = { reach: "waiting", repeats: false, attempt: 1, copies: [] };
  const sent: EmergencyView = { ...fresh, reach: "sent" };
  const down: LinkView = { kind: "down" };
  const up: LinkView = { kind: "open", broker: a, silent: false };
  const silent: LinkView = { kind: "open", broker: a, silent: true };
  test.each<[string, EmergencyView, LinkView, readonly string[]]>([
    ["it was just pressed and the link is up", fresh, up, []],
    ["the link is down", fresh, down, [a, b, c]],
    ["the link has not answered for 5 s: also a new connection to its own broker", fresh, silent, [a, b, c]],
    ["nobody listens at the link's broker", { ...fresh, reach: "unheard" }, up, [b, c]],
    ["it repeats for the second time", { ...fresh, repeats: true, attempt: 2 }, up, [b]],
    ["it repeats for the third time", { ...fresh, repeats: true, attempt: 3 }, up, [c]],
    ["it repeats and was sent", { ...sent, repeats: true, attempt: 3 }, up, [c]],
    ["it was sent", sent, up, []],
    ["it was sent and the link is down", sent, down, []],
    ["it has changed and another broker holds a copy", { ...fresh, copies: [a, c] }, up, [c]],
    ["it was sent, another broker holds a copy, the link is down", { ...sent, copies: [c] }, down, [c]],
    ["the copy is at a broker that is not configured any more", { ...sent, copies: ["mqtts://z"] }, up, []],
  ])("%s", (_case, emergency, link, expected) => {
    expect(couriersFor(emergency, link, URLS)).toEqual(expected);
  });

  test("a single broker is not called on twice while the link works", () => {
    expect(couriersFor({ ...fresh, repeats: true, attempt: 2 }, up, [a])).toEqual([]);
  });
});

describe("whether nobody listens at a broker", () => {
  /** The answers in order: when (s), channel, and whether there was a subscriber. */
  type Heard = readonly [atS: number, channel: Channel, listening: boolean];
  const after = (...answers: readonly Heard[]): ReadonlyMap<Channel, Hearing> => {
    const channels = new Map<Channel, Hearing>();
    for (const [atS, channel, listening] of answers)
      channels.set(channel, heardOn(channels.get(channel), listening, atS * 1_000));
    return channels;
  };

  test.each<[string, boolean, number, readonly Heard[]]>([
    ["nothing was answered", false, 3_600, []],
    ["the first 0x10 is not a minute old", false, 59.9, [[0, "event", false]]],
    ["nothing but 0x10 for a minute", true, 60, [[0, "event", false]]],
    [
      "0x10 again and again: from the first",
      true,
      60,
      [
        [0, "health", false],
        [59, "health", false],
      ],
    ],
    [
      "a minute since the last message with a subscriber",
      true,
      100,
      [
        [0, "event", false],
        [40, "history", true],
        [50, "event", false],
      ],
    ],
    [
      "not yet a minute since then",
      false,
      99.9,
      [
        [0, "event", false],
        [40, "history", true],
        [50, "event", false],
      ],
    ],
    [
      "no 0x10 since the last message with a subscriber",
      false,
      200,
      [
        [0, "event", false],
        [40, "history", true],
      ],
    ],
    [
      "another kind of telemetry has a subscriber",
      false,
      300,
      [
        [0, "position", true],
        [1, "vehicle", false],
        [200, "vehicle", false],
      ],
    ],
    [
      "its subscriber has gone",
      true,
      300,
      [
        [0, "position", true],
        [1, "vehicle", false],
        [200, "position", false],
      ],
    ],
    [
      "it was heard long ago",
      true,
      600,
      [
        [0, "position", true],
        [1, "vehicle", false],
      ],
    ],
  ])("%s: %s", (_case, expected, atS, answers) => {
    expect(isDeserted(after(...answers), atS * 1_000)).toBe(expected);
  });
});

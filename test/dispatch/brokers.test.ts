import { describe, expect, test } from "vitest";
import { Brokers } from "../../src/dispatch/brokers.ts";

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

  test("that all have failed is known until one accepts a connection", () => {
    const brokers = new Brokers(URLS);
    const failed = [0, 1, 2].map((broker) => {
      brokers.after(useless(broker));
      return brokers.allFailed;
    });
    expect(failed).toEqual([false, false, true]);
    brokers.accepted(1, 5_000);
    expect(brokers.allFailed).toBe(false);
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

  test("one that serves for less than a minute keeps the link twice, not for ever", () => {
    const brokers = new Brokers(URLS);
    const short = { ...useful(0), lastedMs: 59_999 };
    const next = [short, short, useful(1), short, useful(0), short, short].map(
      (visit) => brokers.after(visit).broker,
    );
    expect(next).toEqual([0, 1, 0, 0, 0, 0, 1]);
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

  test("after one that drops what it acknowledges it is the next one, for a day of connection", () => {
    const brokers = new Brokers(URLS);
    expect(brokers.after({ ...useful(0), left: "unconfirmed" })).toEqual({ broker: 1, pause: "none" });
    const hours = (n: number) => ({ ...useful(1), lastedMs: n * 3_600_000 });
    expect(brokers.after(hours(20))).toEqual({ broker: 1, pause: "short" });
    expect(brokers.after(hours(3.9))).toEqual({ broker: 1, pause: "short" });
    expect(brokers.after(hours(0.2))).toEqual({ broker: 0, pause: "short" });
  });

  test("one that drops, while the link would return to another one, does not change that", () => {
    const brokers = new Brokers(URLS);
    expect(brokers.after({ ...useful(1), left: "unconfirmed" })).toEqual({ broker: 2, pause: "none" });
    expect(brokers.after(useful(2))).toEqual({ broker: 0, pause: "short" });
  });

  test("with a single broker every failure grows the pause", () => {
    const brokers = new Brokers(["mqtts://a"]);
    expect(brokers.after(useless(0))).toEqual({ broker: 0, pause: "growing" });
  });

  test("after a connection of no use it is the same one until each address of its name had a turn", () => {
    const brokers = new Brokers(["mqtts://a", "mqtts://b"]);
    const visits = [0, 0, 0, 1, 0].map((broker) =>
      brokers.after({ ...useless(broker), ...(broker === 0 ? { otherAddresses: 2 } : {}) }),
    );
    expect(visits).toEqual([
      { broker: 0, pause: "none" },
      { broker: 0, pause: "none" },
      { broker: 1, pause: "none" },
      { broker: 0, pause: "growing" },
      { broker: 0, pause: "none" },
    ]);
  });

  test("a useful connection to one address begins the turns of the others anew", () => {
    const brokers = new Brokers(["mqtts://a", "mqtts://b"]);
    brokers.after({ ...useless(0), otherAddresses: 1 });
    brokers.after(useful(0));
    expect(brokers.after({ ...useless(0), otherAddresses: 1 })).toEqual({ broker: 0, pause: "none" });
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

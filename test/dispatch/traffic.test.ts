import { describe, expect, test } from "vitest";
import { emergency, event, position } from "./reports.ts";
import { open, drain, other } from "./traffic-bench.ts";

describe("the order of delivery", () => {
  test("birth, emergency, event, live, history, whatever came first", () => {
    const bench = open({}, [position(1), position(2), event(3), emergency(4)]);
    bench.traffic.greet(Buffer.from("{}"));
    bench.traffic.offerLive(position(5), 0);
    bench.read();
    bench.read();
    expect(drain(bench)).toEqual(["birth", "emergency 4", "event 3", "live 5", "history 1 2"]);
  });

  test("nothing but the birth leaves before the emergencies of the outbox are known", () => {
    const bench = open({}, [emergency(1)]);
    bench.traffic.greet(Buffer.from("{}"));
    bench.traffic.offerLive(position(5), 0);
    expect(bench.send()).toEqual(["birth"]);
    bench.read();
    expect(bench.send()).toEqual(["emergency 1", "live 5"]);
  });

  test("a press that was just stored does not wait until the outbox is read", () => {
    const bench = open();
    bench.traffic.say(emergency(1));
    expect(bench.send()).toEqual(["emergency 1"]);
  });

  test("a live report is not sent again as history", () => {
    const bench = open({}, [position(1), position(2)]);
    bench.traffic.offerLive(position(1), 0);
    expect(drain(bench)).toEqual(["live 1", "history 2"]);
  });

  test("live reports beyond the queue of four go as history", () => {
    const bench = open();
    for (let seq = 1; seq <= 6; seq++) {
      bench.store([position(seq)]);
      bench.traffic.offerLive(position(seq), 0);
    }
    expect(drain(bench)).toEqual(["live 1", "live 2", "live 3", "live 4", "history 5 6"]);
  });

  test("each report is delivered once, in the order of its lane", () => {
    const all = Array.from({ length: 500 }, (_, n) => (n % 5 === 0 ? event(n + 1) : position(n + 1)));
    const bench = open({}, all);
    const sent = drain(bench).flatMap((line) => line.split(" ").slice(1).map(Number));
    expect(sent.toSorted((a, b) => a - b)).toEqual(all.map(({ seq }) => seq));
    const events = sent.filter((seq) => seq % 5 === 1);
    expect(events).toEqual(events.toSorted((a, b) => a - b));
    expect(bench.traffic.drained).toBe(true);
  });
});

describe("the broker's Receive Maximum", () => {
  test.each([1, 2, 20, 65_535])(
    "%i: never more is unacknowledged, birth and emergencies included, and everything arrives",
    (receiveMaximum) => {
      const bench = open({ receiveMaximum }, [
        ...Array.from({ length: 40 }, (_, n) => event(n + 1)),
        ...Array.from({ length: 40 }, (_, n) => position(n + 41)),
      ]);
      bench.traffic.greet(Buffer.from("{}"));
      let most = 0;
      for (let n = 0; !bench.traffic.drained; n++) {
        if (n < 30)
          bench.traffic.say(emergency(1_000 + n, "active", { episode: `01JD9Z4K6M8N0P2Q4R6S8T0${n}` }));
        bench.run(10);
        most = Math.max(most, bench.wire.length);
        expect(bench.traffic.flights.size).toBe(bench.wire.length);
        if (bench.wire.length > 0) bench.answer();
      }
      expect(most).toBeLessThanOrEqual(Math.min(32, receiveMaximum));
      expect(most).toBeGreaterThanOrEqual(Math.min(5, receiveMaximum));
    },
  );

  test("a broker that announces 0, against the standard, is sent one message at a time", () => {
    const bench = open({ receiveMaximum: 0 }, [event(1), event(2)]);
    expect(bench.run()).toEqual(["event 1"]);
  });

  test.each([
    [2, 1],
    [9, 4],
    [65_535, 4],
  ])("with %i, %i places are kept for emergencies", (receiveMaximum, kept) => {
    const bench = open({ receiveMaximum });
    // A link that is known to hold much.
    for (let seq = 1; seq <= 40; seq++) {
      bench.store([event(seq)]);
      bench.traffic.stored("event");
      bench.run(1_000);
      bench.answer(0, 1_000);
    }
    for (let n = 0; n < 40; n++)
      bench.traffic.say(emergency(1_000 + n, "active", { episode: `01JD9Z4K6M8N0P2Q4R6S8T0${n}` }));
    bench.store(Array.from({ length: 40 }, (_, n) => event(n + 100)));
    const window = Math.min(32, receiveMaximum);
    bench.run();
    expect(bench.wire).toHaveLength(window);
    while (bench.wire.length > 0) {
      const ordinary = bench.wire.filter(({ outgoing }) => outgoing.kind !== "emergency").length;
      expect(ordinary).toBeLessThanOrEqual(window - kept);
      bench.answer();
      const [first] = bench.run();
      // An event leaves only if the kept places stay free.
      if (first?.startsWith("event")) expect(bench.wire.length).toBeLessThanOrEqual(window - kept);
    }
  });
});

describe("the end", () => {
  test("after a farewell nothing else leaves", () => {
    const bench = open({}, [event(1)]);
    bench.read();
    bench.traffic.farewell(Buffer.from("{}"));
    bench.traffic.say(emergency(2));
    expect(bench.run()).toEqual(["farewell"]);
  });

  test("a farewell takes the place of a birth that has not left", () => {
    const bench = open();
    bench.traffic.greet(Buffer.from("{}"));
    bench.traffic.farewell(Buffer.from("{}"));
    expect(bench.run()).toEqual(["farewell"]);
  });

  test("it is drained when all that was read is settled, and not while a channel waits", () => {
    const bench = open({}, [event(1)]);
    expect(bench.traffic.drained).toBe(false);
    bench.run();
    bench.answer(0x10);
    bench.run();
    expect(bench.traffic.drained).toBe(false);
    bench.wait(5_000);
    drain(bench);
    expect(bench.traffic.drained).toBe(true);
    bench.traffic.reply({ topic: "t", retain: false }, Buffer.from("{}"));
    expect(bench.traffic.drained).toBe(false);
  });

  test("of the answers to commands the newest 256 wait, and each that is dropped is reported", () => {
    const bench = open();
    const dropped = Array.from({ length: 300 }, (_, n) =>
      bench.traffic.reply({ topic: `t${n}`, retain: false }, Buffer.from("{}")),
    );
    expect(dropped.indexOf(true)).toBe(256);
    expect(dropped.filter(Boolean)).toHaveLength(44);
    const topics: string[] = [];
    bench.read();
    for (let out = bench.traffic.next(0); out; out = bench.traffic.next(0)) {
      if (out.kind === "reply") topics.push(out.route.topic);
    }
    expect(topics).toEqual(Array.from({ length: 256 }, (_, n) => `t${n + 44}`));
  });

  test("how long the broker has acknowledged nothing is counted from the first message on the wire", () => {
    const bench = open();
    bench.wait(60_000);
    expect(bench.traffic.flights.silentMs(bench.now)).toBe(0);
    bench.traffic.say(emergency(1));
    bench.run();
    bench.wait(3_000);
    bench.traffic.say(emergency(2, "active", other));
    bench.run();
    expect(bench.traffic.flights.silentMs(bench.now)).toBe(3_000);
    bench.answer(0, 0);
    expect(bench.traffic.flights.silentMs(bench.now)).toBe(0);
  });
});

import { describe, expect, test } from "vitest";
import { emergency, event, health, position } from "./reports.ts";
import { open, drain, FIRST_LIMIT, label } from "./traffic-bench.ts";

describe("0x10, nobody listens", () => {
  test("history pauses 5 s, doubling to 60, until somebody does; live reports go on", () => {
    const bench = open({}, [position(1)]);
    const pauses: number[] = [];
    for (let n = 0; n < 6; n++) {
      expect(bench.run()).toEqual(["history 1"]);
      expect(bench.answer(0x10, 0).answer.kind).toBe("unheard");
      expect(bench.run()).toEqual([]);
      const until = bench.traffic.wakeAt(bench.now)!;
      pauses.push(until - bench.now);
      bench.traffic.offerLive(health(100 + n), bench.now);
      expect(bench.run()).toEqual([`live ${100 + n}`]);
      bench.answer(0, 0);
      bench.wait(until - bench.now);
    }
    expect(pauses).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  test("a live report that finds no subscriber stays for history, and history pauses", () => {
    const bench = open({}, [position(1)]);
    bench.traffic.offerLive(position(1), 0);
    bench.run();
    bench.answer(0x10);
    expect(bench.run()).toEqual([]);
    bench.wait(5_000);
    expect(bench.run()).toEqual(["history 1"]);
  });

  test("the first report that is heard ends the pause of the others", () => {
    const bench = open({}, [position(1), event(2)]);
    bench.run();
    bench.answer(0x10);
    bench.run();
    bench.answer(0x10);
    expect(bench.run()).toEqual([]);
    bench.traffic.offerLive(position(1), bench.now);
    expect(drain(bench)).toEqual(["live 1"]);
    bench.wait(5_000);
    expect(drain(bench)).toEqual(["event 2"]);
  });

  test("it counts as delivery if the settings or a receipt say so", () => {
    const bench = open({ unheardCounts: () => true }, [position(1)]);
    bench.run();
    expect(bench.answer(0x10).answer).toMatchObject({ kind: "delivered", reports: [{ seq: 1 }] });
  });

  test("an older report of an episode that went as history, unheard, is read again in its own lane", () => {
    const bench = open({}, [emergency(1), emergency(2, "received")]);
    expect(bench.run()).toEqual(["emergency 2", "history 1"]);
    bench.answer();
    bench.answer(0x10);
    expect(bench.run()).toEqual([]);
    bench.wait(5_000);
    expect(drain(bench)).toEqual(["history 1"]);
    expect(bench.traffic.drained).toBe(true);
  });

  test("what was given back while its lane is being read is read again", () => {
    const bench = open({}, [position(1), position(2)]);
    bench.run();
    bench.store([position(3)]);
    bench.traffic.stored("telemetry");
    const [read] = bench.traffic.reads(bench.now);
    expect(read).toMatchObject({ lane: "telemetry", after: 2 });
    bench.answer(0x10);
    const { reports, cursor } = bench.page("telemetry", 2, FIRST_LIMIT);
    bench.traffic.page("telemetry", reports, cursor);
    bench.wait(5_000);
    const sent = drain(bench).join(" ");
    for (const seq of [1, 2, 3]) expect(sent).toContain(String(seq));
    expect(bench.stored.telemetry).toEqual([]);
  });
});

describe("refusals", () => {
  test.each([
    ["event", [event(1)]],
    ["position", []],
    ["history", [position(1)]],
    ["emergency", [emergency(1)]],
  ] as const)(
    "a refused %s is named once and waits 30 s, then longer; the connection goes on",
    (channel, pending) => {
      const bench = open({}, pending);
      if (channel === "position") bench.traffic.offerLive(position(1), 0);
      bench.run();
      expect(bench.answer(0x87, 0).answer).toEqual({ kind: "refused", channel, code: 0x87, first: true });
      if (channel === "position") bench.traffic.offerLive(position(1), 0);
      else {
        expect(bench.run()).toEqual([]);
        bench.wait(30_000);
        expect(bench.run()).toHaveLength(1);
        expect(bench.answer(0x87, 0).answer).toMatchObject({ first: false });
        bench.wait(30_000);
        // Emergencies do not wait longer each time.
        if (channel !== "emergency") expect(bench.run()).toEqual([]);
        bench.wait(30_000);
        expect(bench.run()).toHaveLength(1);
      }
    },
  );

  test("a refused reply is named by the topic that dispatch has chosen for it", () => {
    const bench = open({}, []);
    bench.traffic.reply({ topic: "answers/1", retain: false }, Buffer.from("{}"));
    bench.run();
    expect(bench.answer(0x87, 0).answer).toMatchObject({ channel: "reply", topic: "answers/1" });
  });

  test("a refused topic does not hold up the others", () => {
    const bench = open({}, [event(1), position(2), emergency(3)]);
    const sent: string[] = [];
    for (let n = 0; n < 3; n++) {
      sent.push(...bench.run());
      bench.answer(bench.wire[0]!.outgoing.kind === "event" ? 0x87 : 0);
    }
    expect(sent).toEqual(["emergency 3", "event 1", "history 2"]);
  });

  test("live reports of a refused kind go as history", () => {
    const bench = open();
    bench.traffic.offerLive(health(1), 0);
    bench.run();
    bench.answer(0x87);
    bench.store([health(1), health(2)]);
    bench.traffic.offerLive(health(2), bench.now);
    expect(drain(bench)).toEqual(["history 1 2"]);
  });

  test("emergencies that wait from the start of a connection keep nothing else back, and go when their pause is over", () => {
    const held = [{ channel: "emergency", until: 60_000 }] as const;
    const bench = open({ held }, [position(1), position(2), event(3), emergency(4)]);
    bench.traffic.greet(Buffer.from("{}"));
    bench.traffic.offerLive(position(5), 0);
    bench.read();
    bench.read();
    expect(drain(bench)).toEqual(["birth", "event 3", "live 5", "history 1 2"]);
    bench.wait(60_000);
    expect(drain(bench)).toEqual(["emergency 4"]);
  });

  test("an emergency that is refused before the outbox was read keeps nothing else back", () => {
    const bench = open({}, [position(1), position(2), event(3)]);
    bench.traffic.offerLive(position(5), 0);
    bench.traffic.say(emergency(10));
    expect(bench.send()).toEqual(["emergency 10"]);
    bench.answer(0x87);
    bench.read();
    bench.read();
    expect(drain(bench)).toEqual(["event 3", "live 5", "history 1 2"]);
  });

  test("an emergency that is said again stays where it is until the pause is over", () => {
    const bench = open({}, [emergency(1)]);
    bench.run();
    bench.answer(0x87);
    bench.traffic.say(emergency(1, "active", { attempt: 2 }));
    expect(bench.run()).toEqual([]);
    bench.wait(30_000);
    expect(bench.run()).toEqual(["emergency 1"]);
  });
});

describe("0x95, the packet is too large", () => {
  test("an emergency goes out again at once, before anything else", () => {
    const bench = open({}, [emergency(1), event(2)]);
    bench.run(2_000);
    expect(bench.answer(0x95).answer.kind).toBe("too-large");
    expect(bench.run()[0]).toBe("emergency 1");
  });

  test("said of a message of 1,024 bytes it is a refusal like any other", () => {
    const bench = open({}, [emergency(1), event(2)]);
    bench.run(1_024);
    expect(bench.answer(0x95).answer).toMatchObject({ kind: "refused", channel: "emergency", code: 0x95 });
    bench.answer(0);
    bench.wait(30_000);
    expect(bench.run()).toEqual(["emergency 1"]);
  });

  test("a batch goes out in halves", () => {
    const bench = open({}, [position(1), position(2), position(3)]);
    bench.run(2_000);
    bench.answer(0x95);
    expect(drain(bench)).toEqual(["history 1 2", "history 3"]);
    expect(bench.traffic.drained).toBe(true);
  });
});

describe("what does not fit", () => {
  test("a batch is halved until it does", () => {
    const bench = open(
      {},
      Array.from({ length: 4 }, (_, n) => position(n + 1)),
    );
    bench.read();
    bench.read();
    const whole = bench.traffic.next(0)!;
    bench.traffic.unfit(whole);
    bench.read();
    const half = bench.traffic.next(0)!;
    expect(label(half)).toBe("history 1 2");
    bench.traffic.unfit(half);
    expect(drain(bench)).toEqual(["history 3 4", "history 1", "history 2"]);
  });

  test("a single report is not offered again on this connection, and holds up nothing", () => {
    const bench = open({}, [event(1), event(2)]);
    bench.read();
    bench.read();
    bench.traffic.unfit(bench.traffic.next(0)!);
    bench.traffic.stored("event");
    expect(drain(bench)).toEqual(["event 2"]);
  });
});

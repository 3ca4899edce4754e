import { describe, expect, test } from "vitest";
import type { Outgoing } from "../../src/dispatch/outgoing.ts";
import { Traffic, type TrafficSettings } from "../../src/dispatch/traffic.ts";
import type { Lane } from "../../src/domain/pending.ts";
import type { EmergencyData, Report } from "../../src/domain/report.ts";
import { emergency, event, health, position } from "./reports.ts";

const FIRST_LIMIT = 100;

/** Traffic with an outbox of plain arrays, and a wire on which each message waits for its answer. */
const open = (settings: Partial<TrafficSettings> = {}, pending: readonly Report[] = []) => {
  const stored: Record<Lane, Report[]> = { emergency: [], event: [], telemetry: [] };
  const laneOf = ({ kind }: Report): Lane => (kind === "emergency" || kind === "event" ? kind : "telemetry");
  const store = (reports: readonly Report[]): void => {
    for (const report of reports) stored[laneOf(report)].push(report);
  };
  store(pending);
  let now = 0;
  const traffic = new Traffic(
    {
      receiveMaximum: 65_535,
      maxInFlightBytes: 512 * 1024,
      oldest: 1,
      unheardCounts: () => false,
      hasEnded: () => false,
      boot: 0,
      held: [],
      ...settings,
    },
    now,
  );
  const page = (lane: Lane, after: number, limit: number) => {
    const reports = stored[lane].filter(({ seq }) => seq > after).slice(0, limit);
    return { reports, cursor: reports.at(-1)?.seq ?? after };
  };
  /** Returns whether there was anything to read or to encode. */
  const read = (): boolean => {
    let busy = false;
    for (const { lane, after, limit } of traffic.reads(now)) {
      busy = true;
      const { reports, cursor } = page(lane, after, limit);
      traffic.page(lane, reports, cursor);
    }
    for (let batch = traffic.toEncode(); batch; batch = traffic.toEncode()) {
      busy = true;
      traffic.offerHistory(batch, Buffer.alloc(batch.length * 50));
    }
    return busy;
  };
  const wire: { outgoing: Outgoing; flight: ReturnType<Traffic["sent"]> }[] = [];
  const send = (bytes = 100): string[] => {
    const sent: Outgoing[] = [];
    for (let out = traffic.next(now); out; out = traffic.next(now)) {
      sent.push(out);
      wire.push({ outgoing: out, flight: traffic.sent(out, bytes, now) });
    }
    return sent.map(label);
  };
  return {
    traffic,
    stored,
    store,
    wire,
    read,
    send,
    page,
    wait: (ms: number) => void (now += ms),
    /** Reads and sends until nothing more leaves by itself; what was sent. */
    run(bytes?: number): string[] {
      const all: string[] = [];
      for (;;) {
        const busy = read();
        const sent = send(bytes);
        all.push(...sent);
        if (!busy && sent.length === 0) return all;
      }
    },
    /** Answers the oldest message on the wire. */
    answer(code = 0, afterMs = 10) {
      now += afterMs;
      const { flight, outgoing } = wire.shift()!;
      const answer = traffic.answered(flight, code, now);
      if (answer.kind === "delivered")
        for (const { seq, kind } of answer.reports)
          stored[laneOf({ kind } as Report)] = stored[laneOf({ kind } as Report)].filter(
            (one) => one.seq !== seq,
          );
      return { answer, outgoing };
    },
    get now() {
      return now;
    },
  };
};
type Bench = ReturnType<typeof open>;

const label = (out: Outgoing): string => {
  switch (out.kind) {
    case "state":
      return out.last ? "farewell" : "birth";
    case "reply":
      return "reply";
    case "removal":
      return `removal${out.final ? ` after ${out.final.seq}` : ""}`;
    case "history":
      return `history ${out.reports.map(({ seq }) => seq).join(" ")}`;
    case "emergency":
    case "event":
    case "live":
      return `${out.kind} ${out.report.seq}`;
  }
};

/** Answers everything with success until nothing moves; what was sent, in its order. */
const drain = (bench: Bench, bytes?: number): string[] => {
  const all = bench.run(bytes);
  while (bench.wire.length > 0) {
    bench.answer();
    all.push(...bench.run(bytes));
  }
  return all;
};

const data = { episode: "01JD9Z4K6M8N0P2Q4R6S8T0V2W" };
const other = { episode: "01JD9Z4K6M8N0P2Q4R6S8T0V2X" } satisfies Partial<EmergencyData>;

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
        expect(bench.traffic.inFlight).toBe(bench.wire.length);
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

describe("what an emergency waits behind", () => {
  test("at most one message of a burst of events is on the wire before anything is known of the link", () => {
    const bench = open(
      {},
      Array.from({ length: 36 }, (_, n) => event(n + 1)),
    );
    expect(bench.run()).toEqual(["event 1"]);
    bench.traffic.say(emergency(100));
    expect(bench.run()).toEqual(["emergency 100"]);
  });

  test("on a slow link no more than one message waits in its queue, whatever the mix", () => {
    const bench = open({}, [
      ...Array.from({ length: 36 }, (_, n) => event(n + 1)),
      ...Array.from({ length: 400 }, (_, n) => position(n + 101)),
    ]);
    // 1,000 bytes a second, 100 ms round trip: the link itself holds 100 bytes.
    const bytesPerS = 1_000;
    const ends: number[] = [];
    let free = 0;
    for (let n = 0; n < 60; n++) {
      const before = bench.wire.length;
      if (n % 3 === 0) bench.traffic.offerLive(position(1_000 + n), bench.now);
      bench.run(400);
      for (let one = before; one < bench.wire.length; one++) {
        free = Math.max(free, bench.now) + (400 * 1_000) / bytesPerS;
        ends.push(free + 100);
      }
      // What has not left: one being sent, and one that waits.
      const queued = ends.filter((end) => end - 100 > bench.now).length;
      expect(queued).toBeLessThanOrEqual(2);
      bench.answer(0, Math.max(1, ends.shift()! - bench.now));
    }
  });

  test("a long silence does not make the link look slow", () => {
    const bench = open();
    for (let n = 1; n <= 20; n++) {
      bench.store([event(n)]);
      bench.traffic.stored("event");
      bench.run(1_000);
      bench.answer(0, 100);
      bench.wait(60_000);
    }
    bench.store([event(30), event(31)]);
    bench.traffic.stored("event");
    expect(bench.run(1_000)).toEqual(["event 30", "event 31"]);
  });
});

describe("an episode", () => {
  test("a newer report of it replaces the queued one, which goes as history", () => {
    const bench = open({ receiveMaximum: 1 }, [emergency(1), emergency(2, "received")]);
    bench.traffic.greet(Buffer.from("{}"));
    bench.send();
    bench.traffic.say(emergency(1));
    bench.traffic.say(emergency(2, "received"));
    bench.answer();
    expect(drain(bench)).toEqual(["emergency 2", "history 1"]);
  });

  test("of the reports that were pending the newest goes to its topic, the others as history", () => {
    const bench = open({}, [
      emergency(1),
      emergency(2),
      emergency(3, "received"),
      emergency(4, "active", other),
    ]);
    expect(drain(bench)).toEqual(["emergency 3", "emergency 4", "history 1 2"]);
  });

  test("an older report than the one that stands is not said", () => {
    const bench = open();
    bench.traffic.say(emergency(2, "received"));
    bench.traffic.say(emergency(1));
    expect(bench.run()).toEqual(["emergency 2"]);
  });

  test("the same report with another attempt is on the wire once", () => {
    const bench = open();
    bench.traffic.say(emergency(1));
    bench.run();
    bench.traffic.say(emergency(1, "active", { attempt: 2 }));
    expect(bench.run()).toEqual([]);
    bench.answer();
    bench.traffic.say(emergency(1, "active", { attempt: 3 }));
    expect(bench.run()).toEqual(["emergency 1"]);
  });

  test("a cleared one counts as delivered when its retained copy is removed as well", () => {
    const bench = open({}, [emergency(1, "cleared")]);
    expect(bench.run()).toEqual(["emergency 1"]);
    expect(bench.answer().answer).toMatchObject({ kind: "delivered", reports: [] });
    expect(bench.run()).toEqual(["removal after 1"]);
    expect(bench.answer().answer).toMatchObject({ kind: "delivered", reports: [{ seq: 1 }] });
    expect(bench.traffic.drained).toBe(true);
  });

  test("what is left of one that was removed here goes as history: on its topic it would be retained for ever", () => {
    const bench = open({}, [emergency(1)]);
    bench.run();
    bench.answer(0x10);
    bench.store([emergency(2, "cleared")]);
    bench.traffic.say(emergency(2, "cleared"));
    expect(drain(bench)).toEqual(["emergency 2", "removal after 2", "history 1"]);
  });

  test("the same holds for one that another connection has ended", () => {
    const bench = open({ hasEnded: (episode) => episode === data.episode }, [
      emergency(1),
      emergency(2, "active", other),
    ]);
    expect(drain(bench)).toEqual(["emergency 2", "history 1"]);
  });

  test("and while its removal is still on the wire", () => {
    const bench = open({}, [emergency(1)]);
    bench.traffic.remove(data.episode);
    bench.send();
    expect(bench.run()).toEqual(["history 1"]);
  });

  test("its end finds no subscriber: the retained copy goes, the report stays", () => {
    const bench = open({}, [emergency(1, "cleared")]);
    bench.run();
    expect(bench.answer(0x10).answer.kind).toBe("unheard");
    expect(bench.run()).toEqual(["removal"]);
    expect(bench.answer(0x10).answer).toMatchObject({ kind: "delivered", reports: [] });
    expect(bench.run()).toEqual([]);
    bench.wait(5_000);
    expect(drain(bench)).toEqual(["emergency 1", "removal after 1"]);
  });

  test("a removal is asked for once, however often", () => {
    const bench = open();
    bench.traffic.remove(data.episode);
    bench.traffic.remove(data.episode);
    expect(bench.run()).toEqual(["removal"]);
    bench.traffic.remove(data.episode);
    expect(bench.run()).toEqual([]);
  });

  test("a refused removal is tried again after the pause", () => {
    const bench = open();
    bench.traffic.remove(data.episode);
    bench.run();
    bench.answer(0x87);
    expect(bench.run()).toEqual([]);
    bench.wait(30_000);
    expect(bench.run()).toEqual(["removal"]);
  });

  test("a report that waited for the disk is not sent after a newer one", () => {
    const bench = open();
    bench.traffic.say(emergency(1));
    bench.send();
    const [{ flight }] = bench.wire.splice(0, 1) as [(typeof bench.wire)[number]];
    bench.traffic.say(emergency(2, "received"));
    expect(bench.run()).toEqual(["emergency 2"]);
    expect(bench.traffic.resume(flight)).toBeUndefined();
    expect(drain(bench)).toEqual(["history 1"]);
  });

  test("a report that waited for the disk is sent as it stands by then", () => {
    const bench = open();
    bench.traffic.say(emergency(1));
    bench.send();
    bench.traffic.say(emergency(1, "active", { attempt: 2 }));
    expect(bench.traffic.resume(bench.wire[0]!.flight)).toMatchObject({ report: { data: { attempt: 2 } } });
  });

  test("its time on the wire is known", () => {
    const bench = open();
    bench.traffic.say(emergency(1));
    bench.run();
    bench.wait(5_000);
    expect(bench.traffic.emergencyMs(bench.now)).toBe(5_000);
    bench.answer(0, 0);
    expect(bench.traffic.emergencyMs(bench.now)).toBe(0);
  });
});

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

  test("of the answers to commands the newest 256 wait", () => {
    const bench = open();
    for (let n = 0; n < 300; n++) bench.traffic.reply({ topic: `t${n}`, retain: false }, Buffer.from("{}"));
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
    expect(bench.traffic.silentMs(bench.now)).toBe(0);
    bench.traffic.say(emergency(1));
    bench.run();
    bench.wait(3_000);
    bench.traffic.say(emergency(2, "active", other));
    bench.run();
    expect(bench.traffic.silentMs(bench.now)).toBe(3_000);
    bench.answer(0, 0);
    expect(bench.traffic.silentMs(bench.now)).toBe(0);
  });
});

describe("an emergency of this boot", () => {
  test("that the unit has not said is not published from the outbox: it may not be on disk", () => {
    const bench = open({ boot: 1 }, [emergency(1)]);
    expect(bench.run()).toEqual([]);
    bench.traffic.say(emergency(1));
    expect(bench.run()).toEqual(["emergency 1"]);
  });

  test("that a newer one has overtaken before it was said goes as history", () => {
    const bench = open({ boot: 1 }, [emergency(1), emergency(2, "active", { presses: 2 })]);
    expect(bench.run()).toEqual([]);
    bench.traffic.say(emergency(2, "active", { presses: 2 }));
    expect(bench.run()).toEqual(["emergency 2", "history 1"]);
  });
});

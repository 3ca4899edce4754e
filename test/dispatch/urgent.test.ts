import { describe, expect, test } from "vitest";
import { emergency, event, position } from "./reports.ts";
import { open, drain, data, other } from "./traffic-bench.ts";

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

test("an emergency does not wait for the removal of copies of other episodes", () => {
  const bench = open({ receiveMaximum: 1 });
  for (const episode of ["X", "Y"]) bench.traffic.remove(episode);
  bench.run();
  bench.traffic.say(emergency(1));
  bench.answer(0);
  expect(bench.run()).toEqual(["emergency 1"]);
});

test("the copy of an episode that is open again is not removed", () => {
  const bench = open({ receiveMaximum: 1 });
  for (const episode of ["X", "Y", data.episode]) bench.traffic.remove(episode);
  bench.run();
  bench.traffic.say(emergency(1));
  bench.answer(0);
  expect(drain(bench)).toEqual(["emergency 1", "removal"]);
});

test("an open emergency does not wait for the end of another one", () => {
  const bench = open({ receiveMaximum: 1 });
  bench.traffic.say(emergency(1, "cleared", other));
  bench.traffic.say(emergency(2));
  expect(bench.run()).toEqual(["emergency 2"]);
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

  test("what the unit says replaces one that was read, though that has a higher number", () => {
    const bench = open({}, [emergency(9)]);
    expect(bench.run()).toEqual(["emergency 9"]);
    bench.answer();
    bench.traffic.say(emergency(4, "active", { attempt: 2 }));
    expect(bench.run()).toEqual(["emergency 4"]);
    bench.answer();
    bench.traffic.say(emergency(4, "active", { attempt: 3 }));
    expect(bench.run()).toEqual(["emergency 4"]);
  });

  test("what the unit says stays on the topic: one with a higher number that is read goes as history", () => {
    const bench = open();
    bench.traffic.say(emergency(4, "active", { attempt: 2 }));
    expect(bench.run()).toEqual(["emergency 4"]);
    bench.answer();
    bench.store([emergency(9)]);
    bench.traffic.stored("emergency");
    expect(drain(bench)).toEqual(["history 9"]);
    bench.traffic.say(emergency(4, "active", { attempt: 3 }));
    expect(bench.run()).toEqual(["emergency 4"]);
  });

  test("one that was read and waits goes as history if the unit says another one", () => {
    const bench = open({ receiveMaximum: 1 }, [emergency(9)]);
    bench.traffic.greet(Buffer.from("{}"));
    bench.send();
    bench.traffic.say(emergency(4));
    bench.answer();
    expect(drain(bench)).toEqual(["emergency 4", "history 9"]);
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
    expect(bench.traffic.flights.emergencyMs(bench.now)).toBe(5_000);
    bench.answer(0, 0);
    expect(bench.traffic.flights.emergencyMs(bench.now)).toBe(0);
  });
});

describe("an emergency of this life", () => {
  test("that the unit has not said is not published from the outbox: it may not be on disk", () => {
    const bench = open({ madeHere: () => true }, [emergency(1)]);
    expect(bench.run()).toEqual([]);
    bench.traffic.say(emergency(1));
    expect(bench.run()).toEqual(["emergency 1"]);
  });

  test("that a newer one has overtaken before it was said goes as history", () => {
    const bench = open({ madeHere: () => true }, [emergency(1), emergency(2, "active", { presses: 2 })]);
    expect(bench.run()).toEqual([]);
    bench.traffic.say(emergency(2, "active", { presses: 2 }));
    expect(bench.run()).toEqual(["emergency 2", "history 1"]);
  });

  test("waits for the unit to say it though a report of an earlier life has a higher number", () => {
    const bench = open({ madeHere: (seq) => seq < 5 }, [emergency(9)]);
    expect(bench.run()).toEqual(["emergency 9"]);
    bench.answer();
    bench.store([emergency(4, "active", { presses: 2 })]);
    bench.traffic.stored("emergency");
    expect(bench.run()).toEqual([]);
    bench.traffic.say(emergency(4, "active", { presses: 2 }));
    expect(drain(bench)).toEqual(["emergency 4"]);
  });
});

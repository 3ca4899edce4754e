import { describe, expect, test } from "vitest";
import { AT, emergencyData, gapData, STORE, UNIT, wire } from "../reports.ts";
import { EPISODE, NOW, openBench, place } from "./messages.ts";

const OTHER_STORE = "zzzzzzzz";
type Bench = ReturnType<typeof openBench>;
const unset = (seq: number, more: object = {}) => ({
  clock: "unset",
  at: new Date(seq).toISOString(),
  ...more,
});

describe("the marker of a car", () => {
  test("moves with a live position", () => {
    const bench = openBench();
    bench.position(1, place(45.1));
    bench.position(2, place(45.2));
    expect(bench.car()).toMatchObject({ position: { lat: 45.2, at: AT + 2_000, isTimeKnown: true } });
  });

  test("is not moved by history, which is drawn into the track in its place", () => {
    const bench = openBench();
    bench.position(1, place(45.1));
    bench.position(4, place(45.4));
    bench.history(wire(3, place(45.3)), wire(2, place(45.2)), wire(5, place(45.5)));
    expect(bench.car().position?.lat).toBe(45.4);
    expect(bench.details().track.map(({ lat }) => lat)).toEqual([45.1, 45.2, 45.3, 45.4, 45.5]);
  });

  test("is not moved back by an older live position that comes late", () => {
    const bench = openBench();
    bench.position(9, place(45.9));
    bench.position(8, { ...place(45.8), at: new Date(AT + 60_000).toISOString() });
    expect(bench.car().position?.lat).toBe(45.9);
  });

  test("is set by a retained position, which does not count as heard", () => {
    const bench = openBench();
    bench.position(1, place(45.1), true);
    expect(bench.car().position?.lat).toBe(45.1);
    expect(bench.car().heardAt).toBeUndefined();
  });

  test("follows the store of the newest birth, whatever the times say", () => {
    const bench = openBench();
    bench.position(500, place(45.5));
    bench.state("online", { store: OTHER_STORE });
    bench.position(1, { ...place(45.6), store: OTHER_STORE, at: new Date(0).toISOString(), clock: "unset" });
    bench.position(501, place(45.7));
    expect(bench.car().position?.lat).toBe(45.6);
  });
});

describe("a report that comes twice", () => {
  test("is one event", () => {
    const bench = openBench();
    bench.event(1, { type: "shutdown", reason: "x" });
    bench.event(1, { type: "shutdown", reason: "x" });
    bench.history(wire(1, { kind: "event", data: { type: "shutdown", reason: "x" } }));
    expect(bench.fleet.eventsAfter(0)).toHaveLength(1);
  });

  test("of another store is another one", () => {
    const bench = openBench();
    bench.event(1, { type: "shutdown", reason: "x" });
    bench.event(1, { type: "shutdown", reason: "x" }, { store: OTHER_STORE });
    expect(bench.fleet.eventsAfter(0)).toHaveLength(2);
  });

  test("is one point of the track, also if it is older than the first number that is counted", () => {
    const bench = openBench();
    bench.position(50);
    bench.history(wire(3), wire(4));
    bench.history(wire(3), wire(4));
    expect(bench.details().track).toHaveLength(3);
  });
});

describe("missing numbers", () => {
  test("are counted from the first telemetry that came live", () => {
    const bench = openBench();
    bench.position(90, {}, true);
    bench.emergency(95);
    bench.position(100);
    bench.position(104);
    expect(bench.car().missing).toBe(3);
    expect(bench.details().numbers).toMatchObject([
      { store: STORE, from: 100, upTo: 104, missing: [[101, 103]], missingCount: 3 },
    ]);
  });

  test("are no longer missing when they come as history", () => {
    const bench = openBench();
    bench.position(100);
    bench.position(104);
    bench.history(wire(101), wire(102), wire(103));
    expect(bench.car().missing).toBe(0);
  });

  test("are no longer missing when a gap declares them, which says why", () => {
    const bench = openBench();
    bench.position(100);
    bench.event(110, gapData(50, 109, [105]));
    expect(bench.details().numbers).toMatchObject([
      { missing: [[105, 105]], declared: [{ reason: "retention", count: 8 }] },
    ]);
  });

  test("mark the point of the track before which they are", () => {
    const bench = openBench();
    bench.position(100);
    bench.position(101);
    bench.position(104);
    expect(bench.details().track.map(({ isGap }) => isGap)).toEqual([undefined, undefined, true]);
  });

  test("are bounded: of a unit that leaves out every second number the lowest are forgotten", () => {
    const bench = openBench();
    for (let seq = 1; seq < 6_000; seq += 2) bench.position(seq);
    const [numbers] = bench.details().numbers;
    expect(numbers!.missingCount).toBeLessThanOrEqual(1_000);
    expect(numbers!.from).toBeGreaterThan(1);
    expect(numbers!.upTo).toBe(5_999);
  });
});

describe("a clock correction", () => {
  const correction = { type: "clock", boot: 1, mono: 10_000, at: new Date(AT).toISOString() };

  test("puts right what was sent before it", () => {
    const bench = openBench();
    bench.position(4, unset(4, { mono: 4_000 }));
    expect(bench.car().position).toMatchObject({ at: 4, isTimeKnown: false });
    bench.event(5, correction);
    expect(bench.car().position).toMatchObject({ at: AT - 6_000, isTimeKnown: true });
    expect(bench.details().track[0]!.at).toBe(AT - 6_000);
  });

  test("puts right the time of a press", () => {
    const bench = openBench();
    bench.emergency(4, { pressedAt: new Date(0).toISOString() }, unset(4, { mono: 4_000 }));
    expect(bench.episode()).toMatchObject({ pressedAt: 0, isPressTimeKnown: false });
    expect(bench.event(5, correction).episodes).toEqual([`${UNIT} ${EPISODE}`]);
    expect(bench.episode()).toMatchObject({ pressedAt: AT - 6_004, isPressTimeKnown: true });
  });

  test("does not change what another start of the service sent, or what had the time", () => {
    const bench = openBench();
    bench.event(1, correction);
    bench.position(2, unset(2, { boot: 2 }));
    expect(bench.car().position).toMatchObject({ at: 2, isTimeKnown: false });
    bench.position(3, { boot: 2 });
    expect(bench.car().position?.at).toBe(AT + 3_000);
  });
});

describe("the link of a car", () => {
  test("is online after a birth, and offline after its will", () => {
    const bench = openBench();
    expect(bench.fleet.car(UNIT)).toBeUndefined();
    bench.state("online");
    expect(bench.car()).toMatchObject({ link: "online", heardAt: NOW });
    bench.state("offline");
    expect(bench.car().link).toBe("offline");
  });

  test.each([
    ["an older connection", { connection: 2 }],
    ["an older start of the service", { boot: 1, connection: 9 }],
    ["another store", { store: OTHER_STORE, boot: 7, connection: 9 }],
  ])("stays online when a will of %s comes late", (_, stale) => {
    const bench = openBench();
    bench.state("online", { boot: 2, connection: 3 });
    bench.state("offline", { boot: 2, ...stale });
    expect(bench.car().link).toBe("online");
  });

  test("says why the unit has stopped", () => {
    const bench = openBench();
    bench.state("online");
    bench.state("offline", { reason: "SIGTERM" });
    expect(bench.car()).toMatchObject({ link: "offline", linkDetail: "SIGTERM" });
  });

  test("is not proved by a will: it does not count as heard", () => {
    const bench = openBench();
    bench.state("online");
    bench.wait(60_000);
    bench.state("offline");
    expect(bench.car().heardAt).toBe(NOW);
  });

  test("is silent while the recorder says so", () => {
    const bench = openBench();
    bench.state("online");
    const at = new Date(NOW).toISOString();
    bench.say("silent", JSON.stringify({ since: at, last: at, expectedS: 10 }), true);
    expect(bench.car().link).toBe("silent");
    bench.say("silent", "", true);
    expect(bench.car().link).toBe("online");
  });
});

describe("a car that is silent", () => {
  const at = new Date(NOW).toISOString();
  const silent = JSON.stringify({ since: at, last: at, expectedS: 10 });

  test.each([
    ["a live report", (bench: Bench) => bench.position(2)],
    ["a batch of its backlog", (bench: Bench) => bench.history(wire(2))],
    ["a birth", (bench: Bench) => bench.state("online", { connection: 2 })],
  ])("is no longer when %s comes, although the removal of the message was not seen", (_, hear) => {
    const bench = openBench();
    bench.state("online");
    bench.say("silent", silent, true);
    hear(bench);
    expect(bench.car().link).toBe("online");
  });

  test.each([
    ["a retained report", (bench: Bench) => bench.position(2, {}, true)],
    ["a will", (bench: Bench) => bench.state("offline")],
  ])("is still when only %s comes", (_, hear) => {
    const bench = openBench();
    bench.state("online");
    bench.say("silent", silent, true);
    hear(bench);
    expect(bench.car().link).toBe("silent");
  });
});

describe("the panic board of a car", () => {
  test("is not known before a health report, and none if the unit has none", () => {
    const bench = openBench();
    bench.position(1);
    expect(bench.car().board).toBe("unknown");
    bench.health(2);
    expect(bench.car().board).toBe("none");
  });

  test("is faulty while a fault of the board or a loop is open", () => {
    const bench = openBench();
    bench.health(1, { panicBoard: { connected: true } });
    expect(bench.car().board).toBe("ok");
    const fault = { part: "panic-loop", code: "cut", where: "dash", detail: "the loop is cut" };
    bench.event(2, { type: "fault", ...fault });
    expect(bench.car()).toMatchObject({ board: "fault", boardDetail: "cut", faults: 1 });
    bench.event(3, { type: "recovered", ...fault });
    expect(bench.car()).toMatchObject({ board: "ok", faults: 0 });
  });

  test("is not made faulty again by an older event that comes as history", () => {
    const bench = openBench();
    const fault = { part: "panic-loop", code: "cut", where: "dash", detail: "the loop is cut" };
    bench.health(1, { panicBoard: { connected: true } });
    bench.event(3, { type: "recovered", ...fault });
    bench.history(wire(2, { kind: "event", data: { type: "fault", ...fault } }));
    expect(bench.car().board).toBe("ok");
  });

  test("a start of the service closes the faults of the one before", () => {
    const bench = openBench();
    bench.event(2, { type: "fault", part: "gps", code: "silent", detail: "no sentence" });
    bench.event(3, { type: "boot", version: "1", config: "0" }, { boot: 2 });
    expect(bench.car().faults).toBe(0);
  });
});

describe("an emergency", () => {
  test("is shown at once, and seen when it is retained at the start", () => {
    const bench = openBench();
    const touched = bench.emergency(1, {}, {}, true);
    expect(touched).toMatchObject({ episodes: [`${UNIT} ${EPISODE}`], isUrgent: true });
    expect(bench.episode()).toMatchObject({ state: "active", test: false, presses: 1, ended: undefined });
    expect(bench.car().emergency).toBe("real");
  });

  test("is shown whatever the name of its button is", () => {
    const bench = openBench();
    bench.emergency(1, { button: "b".repeat(500) });
    expect(bench.episode()).toMatchObject({ state: "active", buttons: ["b".repeat(100)] });
  });

  test("goes through its stages, and has ended when the unit reports it as cleared", () => {
    const bench = openBench();
    bench.emergency(1);
    bench.emergency(2, { state: "received", by: "recorder main" });
    bench.emergency(3, { state: "accepted", by: "operator 7" });
    bench.wait(1_000);
    bench.emergency(4, { state: "cleared", by: "operator 7" });
    expect(bench.episode()).toMatchObject({ state: "cleared", ended: { at: NOW + 1_000, why: "cleared" } });
    expect(bench.episode()!.steps.map(({ stage, by }) => `${stage} ${by ?? ""}`)).toEqual([
      "active ",
      "received recorder main",
      "accepted operator 7",
      "cleared operator 7",
    ]);
    expect(bench.car().emergency).toBeUndefined();
  });

  test("is not changed by the removal of its topic after it was cleared", () => {
    const bench = openBench();
    bench.emergency(1);
    bench.emergency(2, { state: "cleared" });
    bench.say(`emergency/${EPISODE}`, "", false);
    expect(bench.episode()!.ended!.why).toBe("cleared");
  });

  test("has ended when its topic is removed and the end itself was not seen", () => {
    const bench = openBench();
    bench.emergency(1);
    bench.say(`emergency/${EPISODE}`, "");
    expect(bench.episode()!.ended!.why).toBe("removed");
  });

  test("is not taken back by an older state that comes again", () => {
    const bench = openBench();
    bench.emergency(2, { state: "accepted" });
    bench.emergency(1);
    bench.history(wire(1, { kind: "emergency", data: emergencyData() }));
    expect(bench.episode()!.state).toBe("accepted");
  });

  test("that ended long ago raises no alarm when its reports come as history", () => {
    const bench = openBench();
    bench.history(wire(1, { kind: "emergency", data: emergencyData() }));
    expect(bench.episode()).toBeUndefined();
  });

  test("a fuller copy of the same number replaces a shortened one, and not the other way round", () => {
    const bench = openBench();
    bench.emergency(1, { shortened: ["vehicle"], attempt: 1 });
    bench.emergency(1, { vehicle: { signals: { "Vehicle.Speed": 50 } }, attempt: 2 });
    bench.emergency(1, { shortened: ["vehicle"], attempt: 3 });
    expect(bench.episode()).toMatchObject({ shortened: [], attempt: 2, vehicle: { "Vehicle.Speed": 50 } });
  });

  test("remembers that it was accepted when a further press makes it active again", () => {
    const bench = openBench();
    bench.emergency(1, { state: "accepted" });
    bench.emergency(2, { state: "active", presses: 2 });
    expect(bench.episode()).toMatchObject({ state: "active", wasAccepted: true });
  });

  test("shows where the car is if no position report of it has come", () => {
    const bench = openBench();
    bench.emergency(
      5,
      { position: { lat: 45.3, lon: 20.3, fix: "3d", ageMs: 2_000, trusted: true } },
      {},
      true,
    );
    expect(bench.car().position).toMatchObject({ lat: 45.3, lon: 20.3, at: AT + 3_000, isTimeKnown: true });
    expect(bench.details().car.position?.lat).toBe(45.3);
    bench.position(6, place(45.4));
    expect(bench.car().position?.lat).toBe(45.4);
  });

  test("a drill is marked, and does not make the car's emergency real", () => {
    const bench = openBench();
    bench.emergency(1, { test: true });
    expect(bench.car().emergency).toBe("drill");
    bench.emergency(2, { episode: "01JDD400000000000000000000" });
    expect(bench.car().emergency).toBe("real");
  });
});

describe("what is unknown or hostile", () => {
  test("unknown kinds, types and keys are kept as raw messages, and change nothing else", () => {
    const bench = openBench();
    bench.position(1, { kind: "weather", data: { wind: 3 } });
    bench.event(2, { type: "eclipse", where: "moon" });
    expect(bench.fleet.eventsAfter(0)).toMatchObject([{ type: "eclipse", fields: [["where", "moon"]] }]);
    expect(bench.fleet.rawAfter(0)).toHaveLength(2);
  });

  test("what breaks the contract is a raw message with the reason", () => {
    const bench = openBench();
    bench.say("position", "{");
    bench.say("history", "no gzip");
    bench.position(1, { unit: UNIT, data: { lat: 945, lon: 0, fix: "3d", reason: "interval" } });
    expect(bench.fleet.car(UNIT)).toBeUndefined();
    expect(bench.fleet.rawAfter(0).every(({ rejected }) => rejected.length > 0)).toBe(true);
  });

  test("a topic that is not a unit's is only a raw message", () => {
    const bench = openBench();
    bench.say("position", JSON.stringify(wire(1)), false, "<script>alert(1)</script>/x");
    expect([...bench.fleet.units]).toEqual([]);
    expect(bench.fleet.rawAfter(0)).toHaveLength(1);
  });
});

import { expect, test } from "vitest";
import { ARMED_MAX } from "../../src/commissioning/buttons.ts";
import { Bench, drill } from "./car.ts";

const RECEIVED = { stored: 4, sent: 20, received: 35 };
const CLEARED = { state: "cleared", legs: { ...RECEIVED, cleared: 900 } };
const armedBench = (): Bench => {
  const bench = new Bench();
  bench.status();
  bench.give({ kind: "armed" });
  return bench;
};
const arms = ({ orders }: Bench): number => orders.filter(({ kind }) => kind === "arm").length;

test("a button passes when dispatch has received its drill and the drill has ended, with the time of each leg", () => {
  const bench = armedBench();
  bench.status({ drillArmed: true });
  bench.status({ episodes: [drill("dash")] });
  bench.status({ episodes: [drill("dash", { state: "received", legs: RECEIVED })] });
  expect(bench.shown("button:dash")).toMatchObject({ state: "waiting" });
  bench.status({ episodes: [drill("dash", CLEARED)] });
  expect(bench.shown("button:dash")).toEqual({
    state: "pass",
    figures: { storedMs: 4, sentMs: 20, receivedMs: 35, clearedMs: 900 },
  });
});

test("an answer of a person counts as received", () => {
  const bench = armedBench();
  const legs = { stored: 4, accepted: 50, cleared: 90 };
  bench.status({ episodes: [drill("dash", { state: "cleared", legs })] });
  expect(bench.shown("button:dash")).toMatchObject({ state: "pass" });
});

test("a drill that ends without an answer of dispatch has failed", () => {
  const bench = armedBench();
  bench.status({ episodes: [drill("dash")] });
  bench.status({ episodes: [drill("dash", { state: "cleared", legs: { stored: 4, cleared: 600_000 } })] });
  expect(bench.shown("button:dash")).toMatchObject({
    state: "fail",
    reason: expect.stringMatching(/dispatch never answered/) as string,
  });
});

test("the next drill is armed when the last one has ended, and not before", () => {
  const bench = armedBench();
  expect(arms(bench)).toBe(1);
  bench.status({ episodes: [drill("dash", { state: "received", legs: RECEIVED })] });
  bench.status({ episodes: [drill("dash", { state: "received", legs: RECEIVED })] }, 500_000);
  expect(arms(bench)).toBe(1);
  expect(bench.instruction().says).toMatch(/it must now clear the drill \(else .* in 100 s\)/);
  bench.status({ episodes: [drill("dash", CLEARED)] });
  expect(arms(bench)).toBe(2);
  bench.give({ kind: "armed" });
  expect(bench.instruction().says).toMatch(/^press boot now, once/);
});

test("a drill counts for the button that was pressed, whichever was asked for", () => {
  const bench = armedBench();
  bench.status({ episodes: [drill("boot", { state: "received", legs: RECEIVED })] });
  bench.status({ episodes: [drill("boot", CLEARED)] });
  expect(bench.shown("button:boot")).toMatchObject({ state: "pass" });
  expect(bench.shown("button:dash")).toMatchObject({ state: "waiting" });
  expect(arms(bench)).toBe(2);
});

test("a drill from before the list proves nothing", () => {
  const bench = new Bench();
  bench.status({ episodes: [drill("dash", CLEARED)] });
  bench.status({ episodes: [drill("dash", CLEARED)] });
  expect(bench.shown("button:dash")).toMatchObject({ state: "waiting" });
});

test("while a drill from before the list is open, none is armed, and the technician is told why", () => {
  const bench = new Bench();
  bench.status({ episodes: [drill("dash")] });
  expect(arms(bench)).toBe(0);
  expect(bench.instruction().says).toMatch(/a drill is open: dispatch must clear it/);
});

test("a button fails when no press came in any of its drills", () => {
  const bench = new Bench({ buttons: ["dash"] });
  for (let n = 0; n < ARMED_MAX; n++) {
    bench.status();
    bench.give({ kind: "armed" });
    bench.status({ drillArmed: true });
    bench.status({}, 60_000);
  }
  expect(arms(bench)).toBe(ARMED_MAX);
  expect(bench.shown("button:dash")).toMatchObject({
    state: "fail",
    reason: expect.stringMatching(/no press arrived in 3 drills of 60 s/) as string,
  });
});

test("a status that was read before the drill was armed does not mean that the drill is over", () => {
  const bench = armedBench();
  bench.status({ drillArmed: false }, 500);
  expect(bench.shown("button:dash")).toMatchObject({ drill: { phase: "armed" } });
});

test("a refusal of the unit is shown, and the unit is asked again later", () => {
  const bench = new Bench();
  bench.status();
  bench.give({ kind: "armed", why: "an emergency is open, so no press can be a drill" });
  bench.status({}, 1_000);
  expect(arms(bench)).toBe(1);
  expect(bench.instruction().says).toMatch(/an emergency is open/);
  bench.status({}, 2_000);
  expect(arms(bench)).toBe(2);
});

test("nothing is armed while a real emergency is open, and the technician is warned", () => {
  const bench = new Bench();
  bench.status({ episodes: [drill("dash", { test: false })] });
  expect(arms(bench)).toBe(0);
  expect(bench.instruction().says).toMatch(/REAL emergency is open/);
});

test("nothing is armed while the board does not answer", () => {
  const bench = new Bench();
  bench.status({ board: { connected: false } });
  expect(arms(bench)).toBe(0);
});

test("with a person to ask, a drill is armed when the person is ready, and not before", () => {
  const bench = new Bench({}, { asks: true });
  bench.status();
  bench.status();
  expect(arms(bench)).toBe(0);
  expect(bench.instruction()).toMatchObject({ who: "person", action: "ready" });
  expect(bench.give({ kind: "ready" })).toEqual([{ kind: "arm" }]);
});

test("the drill of a button that is skipped is disarmed: the next press is meant", () => {
  const bench = armedBench();
  expect(bench.give({ kind: "skip", id: "button:dash", reason: "not wired yet" })).toEqual([
    { kind: "disarm" },
  ]);
});

test("a drill that is armed after its button was skipped is disarmed", () => {
  const bench = new Bench();
  bench.status();
  expect(bench.give({ kind: "skip", id: "button:dash", reason: "not wired yet" })).toEqual([
    { kind: "disarm" },
  ]);
  expect(bench.give({ kind: "armed" })).toEqual([{ kind: "disarm" }]);
});

test("when the time is up, an armed drill is disarmed and the button has failed", () => {
  const bench = armedBench();
  bench.timeUp();
  expect(bench.orders.at(-1)).toEqual({ kind: "disarm" });
  expect(bench.shown("button:dash")).toMatchObject({
    state: "fail",
    reason: "the time is up: dash was not pressed",
  });
});

test("when the time is up, a drill that dispatch has not cleared has failed, with its reason", () => {
  const bench = armedBench();
  bench.status({ episodes: [drill("dash", { state: "received", legs: RECEIVED })] });
  bench.timeUp();
  expect(bench.shown("button:dash")).toMatchObject({
    state: "fail",
    reason: expect.stringMatching(/has not cleared it$/) as string,
  });
});

test("a car without a board has no buttons; one whose board is not configured has failed", () => {
  expect(new Bench({ buttons: "none" }).shown("button")).toMatchObject({ cause: "not-configured" });
  expect(new Bench({ buttons: "missing" }).shown("button")).toMatchObject({ state: "fail" });
  expect(new Bench({ buttons: [] }).shown("button")).toMatchObject({ state: "fail" });
});

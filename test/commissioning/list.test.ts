import { BOARD_FIRMWARE } from "../../src/domain/panic.ts";
import { expect, test } from "vitest";
import { isOver } from "../../src/commissioning/list.ts";
import { planFor } from "../../src/commissioning/plan.ts";
import { resultOf } from "../../src/commissioning/report.ts";
import { howToChange, isTriable } from "../../src/commissioning/signals.ts";
import { outcomeOf, titleOf } from "../../src/commissioning/words.ts";
import { CommissioningReport, eventOf, resultLine } from "../../src/domain/commissioning.ts";
import { EventReport } from "../../src/domain/report.ts";
import { VSS } from "../../src/domain/vss.ts";
import { AIRBAG, Bench, BROKER, DOOR, drill, FULL } from "./car.ts";

const CLEARED = { state: "cleared", legs: { stored: 4, sent: 20, received: 35, cleared: 900 } };

/** A list in which everything passes. */
const passedList = (): Bench => {
  const bench = new Bench();
  bench.status();
  bench.give({ kind: "broker", url: BROKER, says: "MQTT 5", failed: false });
  bench.status({ signals: { [DOOR]: true } });
  for (const button of ["dash", "boot"]) bench.status({ episodes: [drill(button, CLEARED)] });
  bench.statuses(60);
  return bench;
};

test("the list begins with what a press needs, and has a step for each broker, button and signal", () => {
  expect(planFor(FULL).steps.map(({ id }) => id)).toEqual([
    "configuration",
    "clock",
    "certificate",
    "firmware",
    `broker:${BROKER}`,
    "fix",
    "button:dash",
    "button:boot",
    `signal:${DOOR}`,
    `signal:${AIRBAG}`,
    "power-off",
  ]);
});

test("the list is over when each step has ended, and has passed if none has failed", () => {
  const bench = passedList();
  expect(isOver(bench.list)).toBe(true);
  expect(resultOf(bench.list, bench.mono)).toMatchObject({ result: "passed", seconds: 64 });
  expect(bench.instruction().says).toBe("every step has ended");
});

test("one failed step makes the whole list fail; a skipped one makes it incomplete, and is named", () => {
  const bench = new Bench();
  bench.status();
  bench.timeUp();
  expect(resultOf(bench.list, bench.mono).result).toBe("failed");
  for (const { step } of bench.list.entries) bench.give({ kind: "skip", id: step.id, reason: "a bench" });
  const { result, steps } = resultOf(bench.list, bench.mono);
  expect(result).toBe("incomplete");
  expect(resultLine({ result, steps })).toMatch(/^incomplete: \d+ passed, 0 failed, .* skipped: .*fix/);
  expect(steps.find(({ id }) => id === "fix")).toMatchObject({ cause: "skipped", reason: "a bench" });
});

test("a step that has passed cannot be skipped", () => {
  const bench = passedList();
  bench.give({ kind: "skip", id: "fix", reason: "why not" });
  expect(bench.shown("fix")).toMatchObject({ state: "pass" });
});

test("a list that has not ended has failed", () => {
  const { result, steps } = resultOf(new Bench().list, 2_000);
  expect(result).toBe("failed");
  expect(steps[1]).toMatchObject({ id: "clock", outcome: "fail", reason: "it has not ended" });
});

test.each([
  ["the service was restarted", { boot: 8 }, /was restarted: begin again/],
  ["the configuration has changed", { config: "other" }, /has changed: begin again/],
])("the list cannot go on when %s", (_, more, words) => {
  const bench = passedList();
  bench.status(more);
  expect(bench.list.broken).toHaveLength(1);
  expect(bench.instruction().says).toMatch(words);
  expect(bench.status()).toEqual([]);
});

test("the service that does not answer interrupts only what must hold without a break", () => {
  const bench = new Bench();
  bench.statuses(30);
  bench.give({ kind: "away", why: "no answer" });
  expect(bench.shown("fix")).toMatchObject({ state: "waiting", why: "no answer" });
  expect(bench.shown("clock")).toMatchObject({ state: "pass" });
});

test("a report of the list and its event are what their schemas say", () => {
  const bench = passedList();
  bench.give({ kind: "skip", id: "nonsense", reason: "there is no such step" });
  const report = CommissioningReport.parse({
    v: 1,
    kind: "commissioning",
    id: "k3v9q0ab-7-1",
    unit: "zrenjanin/zr-117",
    store: "k3v9q0ab",
    boot: 7,
    at: "2026-11-26T12:00:00.000Z",
    clock: "gnss",
    technician: "M. Petrović",
    versions: { software: "0.1.0", vss: "6.0", firmware: BOARD_FIRMWARE },
    configuration: { sha256: "0".repeat(64), version: 3, signer: "hq" },
    ...resultOf(bench.list, bench.mono),
  });
  const data = eventOf(report, "f".repeat(64));
  expect(data).toMatchObject({ result: "passed", passed: 9, failed: 0, notFitted: 2, skipped: 0 });
  const event = {
    v: 1,
    unit: "zrenjanin/zr-117",
    boot: 7,
    seq: 1,
    at: report.at,
    clock: "gnss",
    mono: 1,
    kind: "event",
    live: true,
    data,
  };
  expect(EventReport.parse(event).data).toEqual(data);
});

test("a long reason is shortened to what a report may hold", () => {
  const bench = new Bench();
  bench.give({ kind: "skip", id: "fix", reason: "x".repeat(2_000) });
  const fix = resultOf(bench.list, bench.mono).steps.find(({ id }) => id === "fix");
  expect(fix?.reason).toHaveLength(500);
});

test("the instruction names the signal that waits, its value, and what to do", () => {
  const bench = new Bench({ buttons: "none" });
  bench.status();
  expect(bench.instruction()).toEqual({
    who: "person",
    says: `${DOOR} (a door) reads false: open it, or close it`,
  });
});

test("the instruction asks for the ignition when the power-off is tried", () => {
  const power = { kind: "declared", offAfterS: 900, tried: true } as const;
  const bench = new Bench({ buttons: "none", signals: undefined, power });
  bench.status({}, 1_000, false);
  expect(bench.instruction().says).toMatch(/ignition off .* after 900 s/);
  bench.status({}, 900_000, true);
  expect(bench.instruction().says).toMatch(/ignition ON within a minute/);
});

test("at last the instruction says what is waited for", () => {
  const bench = new Bench({ buttons: "none", signals: undefined });
  bench.statuses(11);
  bench.give({ kind: "broker", url: BROKER, says: "MQTT 5", failed: false });
  expect(bench.instruction().says).toBe("the fix has been good for 10 s of 60 s");
});

test("each outcome has words of its own", () => {
  const bench = passedList();
  expect(outcomeOf(bench.of("fix"))).toBe("pass");
  expect(outcomeOf(bench.of(`signal:${AIRBAG}`))).toBe("not tried");
  expect(outcomeOf(new Bench({ buttons: "none" }).of("button"))).toBe("not fitted");
  expect(outcomeOf(new Bench({ buttons: "missing" }).of("button"))).toBe("FAIL");
  expect(outcomeOf(new Bench().of("fix"))).toBe("waits");
  expect(titleOf({ kind: "button", subject: "dash" })).toBe("button dash");
});

test("of all paths of VSS, only what needs an accident, an emergency braking or hours cannot be tried", () => {
  const untriable = VSS.map(({ path }) => path).filter((path) => !isTriable(path));
  expect(
    untriable.filter((path) => !/Airbag|ADAS|Tire|Temperature|Level|Distance|Charge|Range/.test(path)),
  ).toEqual([]);
  expect(untriable.length).toBeGreaterThan(10);
  expect(isTriable("Vehicle.Police.Siren.IsActive")).toBe(true);
  for (const { path } of VSS) expect(howToChange(path)).not.toBe("");
});

import { expect, test } from "vitest";
import { NO_MEMORY, type Memory, type MemoryPatch } from "../../src/domain/memory.ts";
import type { EventData } from "../../src/domain/report.ts";
import type { Instant } from "../../src/domain/time.ts";
import { createLog } from "../../src/runtime/log.ts";
import { ButtonTests } from "../../src/unit/button-tests.ts";
import { Faults } from "../../src/unit/faults.ts";
import { openWorld } from "./whole-unit.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 24);

/** A car that stands for months: its clock, its memory, and what it reports. */
class Months {
  memory: Memory = NO_MEMORY;
  writes = 0;
  clock: Instant = { at: NOW, clock: "gnss" };
  mono = 0;
  events: EventData[] = [];
  healthDue = 0;
  tests = this.start();

  start(): ButtonTests {
    const faults = new Faults({
      log: createLog(() => undefined),
      event: (data) => this.events.push(data),
      mono: () => this.mono,
    });
    faults.changed.listen(() => this.healthDue++);
    this.tests = new ButtonTests({
      buttons: { dash: { loop: 0 }, boot: { loop: 1 } },
      everyDays: 90,
      outbox: this,
      clock: {
        mono: () => this.mono,
        now: () => this.clock,
        when: (mono) => ({ ...this.clock, at: this.clock.at - (this.mono - mono) }),
      },
      faults,
    });
    return this.tests;
  }

  remember(patch: MemoryPatch): void {
    this.writes++;
    this.memory = { ...this.memory, ...patch };
  }

  pass(days: number): void {
    this.mono += days * DAY;
    this.clock = { ...this.clock, at: this.clock.at + days * DAY };
    this.tests.tick();
  }

  press(loop: number, age: { ageMs?: number } = { ageMs: 0 }): void {
    this.tests.press({ board: "0badcafe", number: 1, loop, count: 1, ...age });
  }
}

const UNTESTED = { part: "panic-loop", code: "untested" } as const;

test("a button that nobody presses is a fault after the limit, once; the press ends it", () => {
  const car = new Months();
  car.tests.tick();
  car.press(1);
  car.pass(89);
  expect(car.events).toEqual([]);
  car.pass(1);
  car.pass(0);
  expect(car.events).toEqual([
    {
      type: "fault",
      ...UNTESTED,
      where: "dash",
      detail:
        "dash has been watched for 90 days and was not pressed (limit 90): press it as a drill: patrol-unit drill",
    },
    {
      type: "fault",
      ...UNTESTED,
      where: "boot",
      detail: "boot was last pressed 90 days ago (limit 90): press it as a drill: patrol-unit drill",
    },
  ]);
  const due = car.healthDue;
  for (let n = 0; n < 100; n++) car.tests.tick();
  expect(car.healthDue).toBe(due);
  car.pass(1);
  expect(car.events).toHaveLength(2);
  car.press(0, { ageMs: 120 });
  expect(car.events.at(-1)).toEqual({
    type: "recovered",
    ...UNTESTED,
    where: "dash",
    detail: "dash was last pressed 0 days ago",
  });
  expect(car.events).toHaveLength(3);
});

test("health has the days for each configured button, and nothing that is not known", () => {
  const car = new Months();
  expect(car.tests.health()).toEqual({ buttons: {} });
  car.press(0);
  car.press(3);
  car.pass(12);
  expect(car.tests.health()).toEqual({
    buttons: { dash: { lastPressDays: 12, watchedDays: 12 }, boot: { watchedDays: 12 } },
  });
  car.clock = { ...car.clock, clock: "unset" };
  expect(car.tests.health()).toEqual({});
});

test("a restart forgets neither the days nor, for dispatch, the fault", () => {
  const car = new Months();
  car.press(0);
  car.pass(91);
  car.events = [];
  car.start();
  car.pass(0);
  expect(car.events).toMatchObject([
    { type: "fault", where: "dash" },
    { type: "fault", where: "boot" },
  ]);
});

test("while the time is not known nothing changes; a press counts from when it was made", () => {
  const car = new Months();
  car.press(1);
  car.pass(80);
  car.clock = { at: 0, clock: "unset" };
  car.pass(1);
  car.press(1);
  car.pass(2);
  expect(car.memory.buttons).toMatchObject([{ button: "dash" }, { button: "boot", pressedAt: NOW }]);
  expect(car.events).toEqual([]);
  car.clock = { at: NOW + 83 * DAY, clock: "ntp" };
  car.pass(0);
  expect(car.memory.buttons?.[1]).toMatchObject({ pressedAt: NOW + 81 * DAY });
});

test("a press of unknown age, and one on a loop without a button, say nothing", () => {
  const car = new Months();
  car.press(0, {});
  car.press(2);
  car.pass(1);
  expect(car.tests.health()).toEqual({ buttons: { dash: { watchedDays: 0 }, boot: { watchedDays: 0 } } });
});

test("a press that the board repeats is written once, and time alone writes nothing", () => {
  const car = new Months();
  car.press(0, { ageMs: 5 });
  expect(car.writes).toBe(1);
  for (let n = 0; n < 20; n++) car.press(0, { ageMs: 6 });
  for (let n = 0; n < 50; n++) car.pass(1);
  expect(car.writes).toBe(1);
});

test("a clock that was years ahead for a while raises no fault that stays, and keeps no press from then", () => {
  const car = new Months();
  car.press(0);
  car.press(1);
  car.clock = { at: NOW + 4_000 * DAY, clock: "gnss" };
  car.tests.tick();
  expect(car.events).toHaveLength(2);
  car.press(1);
  car.clock = { at: NOW + DAY, clock: "gnss" };
  car.tests.tick();
  expect(car.tests.health()).toEqual({
    buttons: { dash: { lastPressDays: 1, watchedDays: 1 }, boot: { watchedDays: 0 } },
  });
  expect(car.events.filter(({ type }) => type === "recovered")).toHaveLength(2);
});

test("the unit's health says when a button was pressed, also after a power cut", async () => {
  const world = openWorld([{}]);
  const healths = () =>
    world.heard.filter(({ topic }) => topic.endsWith("/health")).map(({ report }) => report["data"]);
  const { board, process } = await world.start("health: { intervalS: 5 }");
  await world.wait(20_000);
  expect(healths().at(-1)).toMatchObject({ panicBoard: { buttons: { dash: { watchedDays: 0 } } } });
  board.hello("0badcafe", 0);
  board.press({ board: "0badcafe", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(20_000);
  const tested = { panicBoard: { buttons: { dash: { lastPressDays: 0, watchedDays: 0 } } } };
  expect(healths().at(-1)).toMatchObject(tested);
  process.kill();
  world.network.processGone(true);
  world.disk.cut();
  world.heard.length = 0;
  await world.start("health: { intervalS: 5 }");
  await world.wait(20_000);
  expect(healths().at(-1)).toMatchObject(tested);
});

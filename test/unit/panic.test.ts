import { expect, test } from "vitest";
import type { EventData } from "../../src/domain/report.ts";
import { createLog } from "../../src/runtime/log.ts";
import { Faults } from "../../src/unit/faults.ts";
import { boardHealth, boardLoops, listenToBoard } from "../../src/unit/panic.ts";
import { EmergencyWorld } from "./emergency-life.ts";

const opened = async () => {
  const world = new EmergencyWorld();
  const emergency = await world.start();
  const events: EventData[] = [];
  const faults = new Faults({
    log: createLog(() => undefined),
    event: (data) => events.push(data),
    mono: () => world.time.mono(),
  });
  return { world, events, faults, board: listenToBoard(world.buttons, emergency, faults) };
};

test("a press that the board says is stored and confirmed", async () => {
  const { world, board } = await opened();
  board.press({ board: "0badcafe", number: 1, loop: 1, count: 1, ageMs: 5 });
  await world.pass(1_000, () => world.confirmed.length > 0);
  expect(world.episodes).toMatchObject([{ button: "knee", silent: true, dark: true }]);
  expect(world.confirmed).toHaveLength(1);
});

test("a board that has lost its memory is believed: its next press is a new one", async () => {
  const { world, board } = await opened();
  const press = { board: "0badcafe", number: 1, loop: 0, count: 1, ageMs: 5 };
  board.press(press);
  await world.pass(1_000, () => world.confirmed.length > 0);
  board.hello("0badcafe", 1);
  board.press(press);
  expect(world.episodes).toMatchObject([{ presses: 1 }]);
  board.hello("0badcafe", 0);
  board.press(press);
  expect(world.episodes).toMatchObject([{ presses: 2 }]);
});

test.each([
  ["open", "dash (loop 0) is cut: look for a broken wire or a loose plug"],
  ["short", "dash (loop 0) is shorted: look for a crushed cable"],
  ["stuck", "dash (loop 0) has been pressed for 60 s: the button is stuck"],
] as const)(
  "a loop that is %s is a fault on the lamp and for dispatch, until it is whole",
  async (state, detail) => {
    const { world, events, board } = await opened();
    board.loop(0, "normal");
    expect([events, world.lamp]).toEqual([[], "idle"]);
    board.loop(0, state);
    expect(world.lamp).toBe("fault");
    expect(events).toEqual([{ type: "fault", part: "panic-loop", code: state, where: "dash", detail }]);
    // A press says nothing about the rest of the loop.
    board.loop(0, "pressed");
    expect([events.length, world.lamp]).toEqual([1, "fault"]);
    board.loop(0, "normal");
    expect(world.lamp).toBe("idle");
    expect(events.at(-1)).toMatchObject({ type: "recovered", detail: "dash (loop 0) is normal again" });
  },
);

test.each([
  [3.04, "reads 3.0 V instead of 2.5 V: look for corrosion in its plugs, or a loose one"],
  [2.5, "reads 2.5 V, and comes and goes: look for a loose plug, or a wire that touches ground"],
  [1.9, "reads 1.9 V instead of 2.5 V: look for moisture in its plugs, cable or button"],
  [
    undefined,
    "is degraded: look for corrosion in its plugs, or a loose one, or moisture in its plugs, cable or button",
  ],
])("a loop that is degraded, at %s V, is a fault that says what to look for", async (level, says) => {
  const { world, events, board } = await opened();
  board.loop(0, "degraded", level);
  expect(world.lamp).toBe("fault");
  expect(events).toEqual([
    { type: "fault", part: "panic-loop", code: "degraded", where: "dash", detail: `dash (loop 0) ${says}` },
  ]);
  board.loop(0, "pressed", level);
  board.loop(0, "degraded", level);
  expect(events).toHaveLength(1);
});

test("troubles of a board that works are faults of their own, on the lamp and for dispatch, until they are over", async () => {
  const { world, faults, board } = await opened();
  board.trouble("supply-low", true, "4.6 V");
  board.fault("silent", "it does not answer");
  board.trouble("lamp-cut", true, "no current");
  board.trouble("resets", true, "4 times");
  expect(faults.active.map(({ code, where }) => [code, where])).toEqual([
    ["supply-low", "supply"],
    ["silent", undefined],
    ["lamp-cut", "lamp"],
    ["resets", "resets"],
  ]);
  board.recovered("it answers");
  board.trouble("supply-low", false, "5.0 V");
  board.trouble("lamp-cut", false, "it is lit");
  // It works again: the lamp has more to say than that.
  expect([faults.active.map(({ code }) => code), world.lamp]).toEqual([["resets"], "idle"]);
  board.trouble("resets", false, "none for an hour");
  expect([faults.active, world.lamp]).toEqual([[], "idle"]);
});

test("a fault of a loop and one of its button's contact neither end nor hide each other", async () => {
  const { faults, board } = await opened();
  faults.add({ part: "panic-loop", code: "untested", where: "dash" }, "nobody has pressed it");
  board.loop(0, "open");
  const codes = () => faults.active.map(({ code }) => code);
  expect(codes()).toEqual(["untested", "open"]);
  board.loop(0, "short");
  expect(codes()).toEqual(["untested", "short"]);
  board.loop(0, "normal");
  expect(codes()).toEqual(["untested"]);
});

test("a fault of the board itself is one for dispatch, until it is over", async () => {
  const { events, faults, board } = await opened();
  board.fault("unplugged", "it is gone");
  expect(faults.active).toMatchObject([{ part: "panic-board", code: "unplugged" }]);
  board.recovered("it is back");
  expect(events.map(({ type }) => type)).toEqual(["fault", "recovered"]);
});

test("health names the loops that have a button, and leaves out what is not known", () => {
  const buttons = { dash: { loop: 0 }, boot: { loop: 3 } };
  expect(boardHealth({ health: { connected: false } }, buttons)).toEqual({ connected: false });
  const health = {
    connected: true,
    firmware: "1.2",
    loops: ["normal", "open"] as const,
    supplyMv: 5_010,
    uptimeS: 7,
    resetCause: "power" as const,
    degraded: true,
    supplyCalibrated: true,
    resetsInHour: 0,
  };
  expect(boardHealth({ health }, buttons)).toEqual({ ...health, loops: { dash: "normal" } });
});

test("what is measured at each loop is shown by the name of its button", () => {
  const buttons = { dash: { loop: 0 }, boot: { loop: 2 } };
  const levelsV = [2.5, 5, 2.51953125, 5];
  expect(boardLoops({ health: { connected: true, levelsV } }, buttons)).toEqual({
    loopNumbers: { dash: 0, boot: 2 },
    levelsV: { dash: 2.5, boot: 2.52 },
  });
  expect(boardLoops({ health: { connected: true } }, buttons)).not.toHaveProperty("levelsV");
});

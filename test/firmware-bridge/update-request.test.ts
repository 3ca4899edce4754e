import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readFirmware } from "../../firmware-bridge/firmware-image.ts";
import type { FromBoard } from "../../firmware-bridge/protocol.ts";
import { HEALTHY } from "../../firmware-bridge/simulator/network.ts";
import { HARDWARE_OURS, READ_HARDWARE, SYNC } from "../../firmware-bridge/stk500.ts";
import type { LampPattern } from "../../src/domain/panic.ts";
import { firmwareText, openBootBench, type BootBench } from "./boot-bench.ts";

const image = readFirmware(firmwareText());
/** A hex image of Optiboot 7 or newer for an ATmega328P at 16 MHz: none is packaged. */
const OPTIBOOT = process.env["PATROL_UNIT_OPTIBOOT"];

type Answer = Extract<FromBoard, { kind: "update" }>;

const started = (options: Parameters<typeof openBootBench>[0] = {}) => {
  const bench = openBootBench(options);
  const { board } = bench.hello()!;
  return { bench, board };
};
/** What the board answers to a request within a second. */
const request = (bench: BootBench, board: string, consent = true): Answer["state"][] => {
  bench.heard.length = 0;
  bench.say({ kind: "update", board, consent });
  bench.pass(1_000);
  return bench.heard.filter((message) => message.kind === "update").map(({ state }) => state);
};
const show = (bench: BootBench, pattern: LampPattern, flags = { quiet: false, drill: false }) =>
  bench.say({ kind: "show", pattern, ...flags, darkLoops: [], mayTest: false });
const confirm = (bench: BootBench) => {
  for (const message of bench.heard)
    if (message.kind === "press") bench.say({ kind: "confirm", number: message.press.number });
  bench.pass(100);
};

describe("a request for an update", () => {
  test("starts the boot loader, with the EEPROM as it was, and the firmware again if nothing follows", () => {
    const { bench, board } = started();
    bench.pass(500);
    const before = Uint8Array.from(bench.eeprom);
    expect(request(bench, board)).toEqual(["starting"]);
    expect(bench.isWaiting).toBe(true);
    expect(bench.ask(READ_HARDWARE)).toEqual(Uint8Array.of(HARDWARE_OURS));
    expect(bench.eeprom).toEqual(before);
    expect(bench.hello(4_000)).toBeUndefined();
    expect(bench.hello(1_000)).toMatchObject({ board, resetCause: 8 });
    // The request is used up: the next watchdog reset is none.
    bench.board.derail();
    expect(bench.hello(1_500)).toMatchObject({ resetCause: 8 });
  });

  test.each<[string, number[]]>([
    ["latched", []],
    ["no-host", [0]],
  ])(
    "is refused after a press that was confirmed, and nothing shown, also if the host has gone since: %s",
    (lamp, darkLoops) => {
      const { bench, board } = started();
      bench.say({ kind: "show", pattern: "idle", quiet: false, drill: false, darkLoops, mayTest: false });
      bench.pass(200);
      bench.board.press(0, 100);
      bench.pass(300);
      confirm(bench);
      bench.pass(7_000);
      expect(bench.board.light.lamp).toBe(lamp);
      expect(request(bench, board)).toEqual(["emergency"]);
      expect(bench.isWaiting).toBe(false);
      show(bench, "idle");
      expect(request(bench, board)).toEqual(["starting"]);
    },
  );

  test("is refused while a button with corrosion has been held since the start: its release is the press", () => {
    const { bench, board } = started();
    bench.pass(1_000);
    bench.board.network(0, { ...HEALTHY, seriesOhm: 1_500 });
    bench.board.hold(0);
    bench.powerCycle();
    bench.hello();
    bench.pass(1_000);
    show(bench, "idle");
    expect(request(bench, board)).toEqual(["loop-pressed"]);
    bench.board.release(0);
    bench.pass(500);
    expect(bench.heard.some(({ kind }) => kind === "press")).toBe(true);
    confirm(bench);
    show(bench, "idle");
    expect(request(bench, board)).toEqual(["starting"]);
  });

  test("without consent is a question: the board says what it runs, and goes on", () => {
    const { bench, board } = started();
    expect(request(bench, board, false)).toEqual(["ready"]);
    expect(bench.heard.find((message) => message.kind === "update")).toEqual({
      kind: "update",
      board,
      state: "ready",
      loader: "ours",
      seal: { bytes: image.bytes, crc: image.crc },
    });
    expect(bench.hello(2_000)).toBeUndefined();
  });

  test("is refused while a press is pending", () => {
    const { bench, board } = started();
    bench.board.press(1, 100);
    bench.pass(300);
    expect(request(bench, board)).toEqual(["press-pending"]);
    expect(bench.hello(2_000)).toBeUndefined();
  });

  test("is refused while a loop is pressed", () => {
    const { bench, board } = started();
    bench.board.hold(2);
    bench.pass(300);
    confirm(bench);
    show(bench, "idle");
    expect(request(bench, board)).toEqual(["loop-pressed"]);
    bench.board.release(2);
    bench.pass(300);
    expect(request(bench, board)).toEqual(["starting"]);
  });

  test.each(["stored", "sent", "received", "accepted", "silent"] as const)(
    "is refused while the host shows %s, also if the host has gone since",
    (pattern) => {
      const { bench, board } = started();
      show(bench, pattern);
      expect(request(bench, board)).toEqual(["emergency"]);
      bench.pass(8_000);
      expect(request(bench, board)).toEqual(["emergency"]);
      show(bench, "idle");
      expect(request(bench, board)).toEqual(["starting"]);
    },
  );

  test.each([
    { quiet: true, drill: false },
    { quiet: false, drill: true },
  ])("is refused while the host shows a fault with %o: only an emergency has these flags", (flags) => {
    const { bench, board } = started();
    show(bench, "fault", flags);
    expect(request(bench, board)).toEqual(["emergency"]);
    show(bench, "fault");
    expect(request(bench, board)).toEqual(["starting"]);
  });

  test("is refused after a press was confirmed, until the host shows something", () => {
    const { bench, board } = started();
    bench.board.press(0, 100);
    bench.pass(300);
    confirm(bench);
    expect(request(bench, board)).toEqual(["emergency"]);
    show(bench, "fault");
    expect(request(bench, board)).toEqual(["starting"]);
  });

  test("to another board, or without a loader, changes nothing", () => {
    const { bench } = started();
    expect(request(bench, "01020304")).toEqual([]);
    expect(bench.hello(1_000)).toBeUndefined();
    const bare = started({ images: [firmwareText()], boot: "none" });
    expect(request(bare.bench, bare.board)).toEqual(["no-loader"]);
    expect(bare.bench.hello(1_000)).toBeUndefined();
  });

  test("gives way to a press that comes at any moment before the reset", () => {
    for (const delay of [0, 100, 300, 480, 500, 520, 540, 560, 580, 588, 592, 596, 600, 604, 612]) {
      const { bench, board } = started({ seed: delay });
      bench.pass(100);
      bench.heard.length = 0;
      bench.say({ kind: "update", board, consent: true });
      bench.pass(delay);
      bench.board.press(0, 60);
      bench.pass(1_000);
      const press = bench.heard.find((message) => message.kind === "press");
      const isReset = bench.isWaiting;
      // The watchdog takes 16 ms: a contact that begins in them falls into the reset.
      if (isReset) expect(delay).toBeGreaterThan(600);
      else expect(press).toMatchObject({ press: { loop: 0 } });
      // A press that was latched is in the EEPROM, also if the board was reset after it.
      if (isReset && press) expect(bench.hello(5_000)!.lastNumber).toBeGreaterThan(press.press.number);
    }
  }, 60_000);

  test.skipIf(OPTIBOOT === undefined)("starts Optiboot as well, which waits for a host", () => {
    const { bench, board } = started({
      images: [firmwareText(), readFileSync(OPTIBOOT!, "utf8")],
      boot: { bytes: 512, locked: false },
    });
    expect(request(bench, board, false)).toEqual(["ready"]);
    expect(bench.heard.find((message) => message.kind === "update")).toMatchObject({ loader: "other" });
    bench.say({ kind: "update", board, consent: true });
    bench.pass(700);
    while (bench.board.baud !== 117_647) bench.pass(10);
    expect(bench.ask(SYNC)).toEqual(new Uint8Array(0));
    expect(bench.hello(2_500)).toMatchObject({ board });
  });
});

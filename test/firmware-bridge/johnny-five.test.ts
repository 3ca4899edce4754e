import { EventEmitter } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import five from "johnny-five";
import firmata from "firmata-io";
import { describe, expect, test, vi } from "vitest";
import { startLiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { attachStockBoard } from "../../firmware-bridge/stock-board.ts";
import { watch } from "../contracts/panic-board.ts";
import { waitFor } from "../journeys/car.ts";
import { openFirmwareBench } from "./bench.ts";

const D2 = 1 << 2;
const D4 = 1 << 4;

describe("johnny-five on the spare pins of the released image", () => {
  test("button, LED, sensor and pin state, while presses go on", async () => {
    const bench = openFirmwareBench();
    const transport = new EventEmitter() as EventEmitter & {
      write(bytes: Uint8Array, done?: () => void): void;
    };
    transport.write = (bytes, done) => {
      bench.board.receive(bytes);
      done?.();
    };
    let taken = 0;
    const timer = setInterval(() => {
      bench.pass(10);
      const bytes = bench.firmata.slice(taken);
      taken = bench.firmata.length;
      if (bytes.length > 0) transport.emit("data", Buffer.from(bytes));
    }, 5);
    const io = new firmata.Firmata(transport);
    const board = new five.Board({ io, repl: false, debug: false, sigint: false });
    setImmediate(() => transport.emit("open"));
    let ready = false;
    board.on("ready", () => (ready = true));
    await waitFor("johnny-five", () => ready);
    expect(io.firmware).toMatchObject({ name: "patrol-panic", version: { major: 1, minor: 7 } });
    expect(io.pins.map(({ supportedModes }) => supportedModes.length > 0)).toEqual(
      // 0, 1: the line; 8: sounder; 9 and 13: the lamps. The loops, 14 to 17, can be read.
      Array.from({ length: 22 }, (_, pin) => ![0, 1, 8, 9, 13].includes(pin)),
    );

    new five.Led({ board, pin: 4 }).on();
    await waitFor("the LED", () => (bench.board.outputs.d & D4) !== 0);

    let pressed = 0;
    new five.Button({ board, pin: 2, isPullup: true }).on("press", () => pressed++);
    await sleep(200);
    bench.board.drive("d", 2, false);
    await waitFor("the button", () => pressed === 1);
    bench.board.drive("d", 2, true);
    expect(bench.board.outputs.d & D2).not.toBe(0); // its pull-up

    const sensor = new five.Sensor({ board, pin: "A7", freq: 50 });
    await waitFor("the sensor", () => sensor.raw > 0 && sensor.raw < 500);

    let state = false;
    io.queryPinState(4, () => (state = true));
    await waitFor("the pin's state", () => state);

    bench.say({ kind: "query" });
    bench.board.press(0, 100);
    await waitFor("the press", () => bench.of("press").length > 0);
    clearInterval(timer);
    expect(bench.broken()).toBe(0);
  }, 60_000);
});

test("our own board, taken for another one, makes no press of the pins that it keeps to itself", async () => {
  const bench = openFirmwareBench();
  const presses: number[] = [];
  const stock = await attachStockBoard(
    (bytes) => bench.board.receive(bytes),
    [0, 1],
    (loop) => void presses.push(loop),
  );
  let fed = 0;
  const timer = setInterval(() => {
    bench.pass(10);
    const bytes = bench.firmata.slice(fed);
    fed = bench.firmata.length;
    if (bytes.length > 0) stock.receive(Uint8Array.from(bytes));
  }, 5);
  // johnny-five needs about two seconds of the board's time to learn its pins and ask for levels.
  await waitFor("the board", () => bench.board.nowMs > 4_000);
  clearInterval(timer);
  stock.close();
  expect(presses).toEqual([]);
});

const STANDARD_FIRMATA = "node_modules/.standard-firmata/package/junk/hex/uno/StandardFirmata.cpp.hex";

describe.skipIf(!existsSync(STANDARD_FIRMATA))("a board with the real StandardFirmata", () => {
  test("is reported as degraded; its plain buttons on A0 and A1 and its LED work", async () => {
    const folder = mkdtempSync(join(tmpdir(), "standard-"));
    const link = join(folder, "tty");
    // This image never sleeps, so a busy machine cannot keep up with it. Its time may pass more slowly.
    using live = startLiveBoard({ link, image: STANDARD_FIRMATA, onLight: () => undefined, stallMs: 20 });
    const contact = (loop: number, closed: boolean) => live.board.drive("c", loop, !closed);
    for (const loop of [0, 1]) contact(loop, false);
    // StandardFirmata boots for 2 s of the board's time.
    await using host = watch(link, { silentMs: 60_000 });
    await waitFor("the fault", () => host.faults.length > 0, 60_000);
    expect(host.faults, host.details.join("; ")).toEqual(["not-ours"]);
    expect(host.details[0]).toContain(
      "the board runs StandardFirmata 2.4: presses are read, but not latched",
    );
    expect(host.board.health).toMatchObject({
      connected: true,
      degraded: true,
      firmware: "StandardFirmata 2.4",
    });

    host.board.show("accepted", false);
    await waitFor("the LED", () => live.board.lampLit);
    for (const loop of [1, 0, 1]) {
      const before = host.presses.length;
      contact(loop, true);
      // oxlint-disable-next-line no-await-in-loop -- one finger
      await waitFor("the press", () => host.presses.length > before);
      contact(loop, false);
      // oxlint-disable-next-line no-await-in-loop
      await sleep(100);
    }
    expect(host.presses.map(({ loop, number }) => [loop, number])).toEqual([
      [1, 0],
      [0, 0],
      [1, 0],
    ]);
    expect(host.faults).toEqual(["not-ours"]);
    rmSync(folder, { recursive: true });
  }, 180_000);
});

test("a board that is let go before it is ready does no harm ten seconds later", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "setImmediate", "setInterval"] });
  try {
    const stock = await attachStockBoard(
      () => undefined,
      [0],
      () => undefined,
    );
    vi.advanceTimersByTime(10);
    stock.receive(Uint8Array.of(0xf9, 2, 5, 0xf0, 0x79, 2, 5, 0x78, 0, 0xf7));
    vi.advanceTimersByTime(10);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    stock.close();
    vi.advanceTimersByTime(20_000);
  } finally {
    vi.useRealTimers();
  }
});

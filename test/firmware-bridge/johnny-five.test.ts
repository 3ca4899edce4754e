import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import five from "johnny-five";
import firmata from "firmata-io";
import { describe, expect, test } from "vitest";
import { attachStockBoard } from "../../firmware-bridge/stock-board.ts";
import { encodeToBoard } from "../../firmware-bridge/protocol.ts";
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
    expect(io.firmware).toMatchObject({ name: "patrol-panic", version: { major: 1, minor: 0 } });
    expect(io.pins.map(({ supportedModes }) => supportedModes.length > 0)).toEqual(
      // 0, 1: the line; 8: sounder; 13: lamp. The loops, 14 to 17, can be read.
      Array.from({ length: 22 }, (_, pin) => ![0, 1, 8, 13].includes(pin)),
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

/** Firmata as StandardFirmata speaks it, with six analog pins; nothing of ours. */
const standardFirmata = (send: (bytes: readonly number[]) => void) => {
  const modes: number[] = [];
  const levels: number[] = [];
  let held: number[] = [];
  let command = 0;
  const sysex = (body: readonly number[]) => {
    if (body[0] === 0x79) {
      send([
        0xf0,
        0x79,
        2,
        5,
        ...[...Buffer.from("StandardFirmata.ino")].flatMap((letter) => [letter, 0]),
        0xf7,
      ]);
    }
    if (body[0] === 0x6b) {
      const digital = [0, 1, 1, 1, 0x0b, 1, 0x7f];
      send([
        0xf0,
        0x6c,
        0x7f,
        0x7f,
        ...Array.from({ length: 12 }, () => digital).flat(),
        ...Array.from({ length: 6 }, () => [0, 1, 1, 1, 0x0b, 1, 2, 10, 0x7f]).flat(),
        0xf7,
      ]);
    }
    if (body[0] === 0x69) send([0xf0, 0x6a, ...Array<number>(14).fill(0x7f), 0, 1, 2, 3, 4, 5, 0xf7]);
  };
  return {
    modes,
    levels,
    receive(bytes: Uint8Array) {
      for (const byte of bytes) {
        if (byte === 0xf7) sysex(held);
        if (byte === 0xf9) send([0xf9, 2, 5]);
        if (byte >= 0x80) {
          held = [];
          command = byte;
        } else held.push(byte);
        if ((command & 0xf0) === 0x90 && held.length === 2)
          levels[command & 0x0f] = held[0]! | (held[1]! << 7);
        if (command === 0xf4 && held.length === 2) modes[held[0]!] = held[1]!;
      }
    },
  };
};

describe("a board with StandardFirmata", () => {
  test("has plain buttons on A0 and A1, and no messages of ours are needed", async () => {
    let stock: Awaited<ReturnType<typeof attachStockBoard>> | undefined;
    const queue: number[][] = [];
    const standard = standardFirmata((bytes) => void queue.push([...bytes]));
    const timer = setInterval(() => {
      for (const bytes of queue.splice(0)) stock?.receive(Uint8Array.from(bytes));
    }, 2);
    const pressed: number[] = [];
    stock = await attachStockBoard(
      (bytes) => standard.receive(bytes),
      [0, 1],
      (loop) => void pressed.push(loop),
    );
    standard.receive(encodeToBoard({ kind: "query" }));
    await waitFor(
      "the buttons' pins",
      () => standard.modes[14] !== undefined && standard.modes[15] !== undefined,
    );
    stock.show("accepted", false);
    // Port 1 and 2 carry pins 8 to 15 and 16 to 23: A0 is bit 6 of port 1, A1 bit 7.
    const port1 = (levels: number) => queue.push([0x91, levels & 0x7f, levels >> 7]);
    port1(0b1100_0000);
    await sleep(100);
    port1(0b0100_0000);
    await waitFor("the press", () => pressed.length > 0);
    expect(pressed).toEqual([1]);
    expect(standard.modes[13]).toBe(1); // the LED is an output, and on
    expect(standard.levels[1]! & (1 << 5)).not.toBe(0);
    stock.close();
    clearInterval(timer);
  }, 30_000);
});

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import { releasedImage, releasedLoader } from "../../firmware-bridge/image.ts";
import { encodeFromBoard, PATTERNS, type FromBoard } from "../../firmware-bridge/protocol.ts";
import { startLiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { OUR_BOOT } from "../../firmware-bridge/simulator/self-programming.ts";
import { openSerialLine, type SerialLine } from "../../src/runtime/pty.ts";
import type { LoopState } from "../../src/domain/panic.ts";
import { panicBoardContract, watch, type BoardUnderTest } from "../contracts/panic-board.ts";
import { waitFor } from "../journeys/car.ts";

/** The release before lamp patterns of the board's own, to which new units must still speak. */
const FIRMWARE_1_1 = "test/firmware-bridge/images/panic-board-1.1.hex";
const FIRMWARE_1_2 = "test/firmware-bridge/images/panic-board-1.2.hex";

const newLink = () => join(mkdtempSync(join(tmpdir(), "board-")), "tty");

const realImage = (image: string): BoardUnderTest => {
  const path = newLink();
  const live = startLiveBoard({ link: path, image, onLight: () => undefined });
  const now = <T extends unknown[]>(act: (...args: T) => void) => {
    return (...args: T) => {
      live.catchUp();
      act(...args);
    };
  };
  return {
    path,
    press: now((loop: number) => live.board.press(loop, 200)),
    cut: now((loop: number) => live.board.wire(loop, "cut")),
    mend: now((loop: number) => live.board.wire(loop, "whole")),
    unplug: () => live.unplug(),
    plug: () => live.plug(),
    get lamp() {
      return live.board.light.lamp;
    },
    [Symbol.dispose]: () => live[Symbol.dispose](),
  };
};

type Fake = BoardUnderTest & {
  say(bytes: Uint8Array): void;
  /** It sends nothing of itself. */
  mute: boolean;
  /** How often it was asked for a hello. */
  readonly queries: number;
};

/** A board made of messages alone, for what the real image never says. */
const fakeBoard = (protocol = 1, startsMute = false): Fake => {
  let mute = startsMute;
  let queries = 0;
  const path = newLink();
  let line: SerialLine | undefined;
  let lamp = "no-host";
  let pending: number | undefined;
  let last = 0;
  const loops: LoopState[] = ["normal", "normal", "normal", "normal"];
  const board = "0badcafe";
  const say = (bytes: Uint8Array) => void line?.write(bytes).catch(() => undefined);
  const tell = (message: FromBoard) => {
    if (!mute) say(encodeFromBoard(message));
  };
  const hello = () =>
    tell({
      kind: "hello",
      protocol,
      firmware: "1.0",
      board,
      lastNumber: last,
      loops: 4,
      resetCause: 1,
      uptimeS: 1,
    });
  const repeat = () => {
    if (pending !== undefined) {
      tell({ kind: "press", press: { board, number: pending, loop: 1, count: 1, ageMs: 10 } });
    }
  };
  const change = (loop: number, state: LoopState) => {
    loops[loop] = state;
    tell({ kind: "loop", loop, state });
  };
  const plug = () => {
    line = openSerialLine(path);
    line.onData(
      createBoardFramer({
        panic([type, , low, high]) {
          if (type === 0x40) {
            queries++;
            hello();
          }
          if (type === 0x41) pending = undefined;
          if (type === 0x42) lamp = PATTERNS[low! | (high! << 7)]!;
        },
        firmata: () => undefined,
        broken: () => undefined,
      }),
    );
  };
  const unplug = () => {
    line?.[Symbol.dispose]();
    line = undefined;
    lamp = "off";
  };
  plug();
  const timer = setInterval(repeat, 250);
  const heart = setInterval(
    () =>
      tell({
        kind: "heartbeat",
        board,
        uptimeS: 1,
        loops,
        supplyMv: 5000,
        resetCause: 1,
        pending: pending === undefined ? 0 : 1,
        pattern: Math.max(0, (PATTERNS as readonly string[]).indexOf(lamp)),
      }),
    1000,
  );
  return {
    path,
    say,
    get mute() {
      return mute;
    },
    set mute(now) {
      mute = now;
    },
    get queries() {
      return queries;
    },
    press() {
      pending = ++last;
      repeat();
    },
    cut: (loop) => change(loop, "open"),
    mend: (loop) => change(loop, "normal"),
    unplug,
    plug,
    get lamp() {
      return lamp;
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      clearInterval(heart);
      unplug();
    },
  };
};

describe("the port to the board", () => {
  panicBoardContract("the released image in the simulator", () => realImage(releasedImage()));
  panicBoardContract("the image of firmware 1.1 in the simulator", () => realImage(FIRMWARE_1_1));
  panicBoardContract("the image of firmware 1.2 in the simulator", () => realImage(FIRMWARE_1_2));
  panicBoardContract("a board made of messages", fakeBoard);

  test("a board with firmware 1.1 shows the nearest pattern that it has", async () => {
    using there = realImage(FIRMWARE_1_1);
    await using host = watch(there.path);
    await waitFor("the board", () => host.board.health.connected);
    expect(host.board.health).toMatchObject({ firmware: "1.1", resetCause: "power" });
    host.board.show("refused", true);
    await waitFor("the lamp", () => there.lamp === "fault");
    host.board.show("no-link", true, true);
    await waitFor("the lamp", () => there.lamp === "idle");
    expect(host.faults).toEqual([]);
  });

  test("a press of the released image is followed by its release, which firmware 1.2 does not say", async () => {
    for (const image of [releasedImage(), FIRMWARE_1_2]) {
      using there = realImage(image);
      await using host = watch(there.path);
      await waitFor("the board", () => host.board.health.connected);
      there.press(1);
      await waitFor("the end of the press", () => host.loops.at(-1)?.[1] === "normal");
      await waitFor("the press", () => host.presses.length > 0);
      const { board, number } = host.presses[0]!;
      const release = { board, number, heldMs: expect.closeTo(200, -1.5) };
      if (image === FIRMWARE_1_2) expect(host.releases).toEqual([]);
      else expect(host.releases[0]).toEqual(release);
    }
  });

  test("a board that is not there is absent, told once, with what to look at", async () => {
    const path = newLink();
    await using host = watch(path);
    await sleep(600);
    expect(host.faults).toEqual(["absent"]);
    expect(host.details[0]).toBe(`${path} is not there: is the panic board plugged in?`);
  });

  test("a board with an older protocol is a fault that says what to do; its presses count all the same", async () => {
    using there = fakeBoard(0);
    await using host = watch(there.path);
    await waitFor("the fault", () => host.faults.length > 0);
    expect(host.faults).toEqual(["protocol"]);
    expect(host.details[0]).toBe("the panic board speaks protocol 0, this release 1: flash its firmware");
    there.press(1);
    await waitFor("the press", () => host.presses.length > 0);
  });

  /** The board's own name as Firmata reports it, with one byte changed. */
  const brokenName = Uint8Array.from([
    0xf0,
    0x79,
    1,
    2,
    ...[...Buffer.from("patrml-panic")].flatMap((letter) => [letter, 0]),
    0xf7,
  ]);

  test("one broken byte in our board's greeting does not make it another board", async () => {
    using there = fakeBoard(1, true);
    await using host = watch(there.path);
    await waitFor("the opening", () => there.queries > 0);
    there.say(brokenName);
    await waitFor("the next question", () => there.queries > 1);
    there.mute = false;
    host.board.show("sent", true);
    await waitFor("the board", () => host.board.health.connected);
    await waitFor("the lamp", () => there.lamp === "sent");
    expect(host.board.health).toMatchObject({ firmware: "1.0" });
    expect(host.board.health).not.toHaveProperty("degraded");
    expect(host.faults).toEqual([]);
  });

  test("a board that was taken for another one is ours again with its first valid message", async () => {
    using there = fakeBoard(1, true);
    await using host = watch(there.path);
    await waitFor("the opening", () => there.queries > 0);
    there.say(brokenName);
    there.say(brokenName);
    await waitFor("the fault", () => host.faults.includes("not-ours"));
    const known = there.queries;
    there.mute = false; // a heartbeat comes within a second
    await waitFor("the question who it is", () => there.queries > known);
    await waitFor("the recovery", () => host.recovered() === 1);
    host.board.show("accepted", true);
    await waitFor("the lamp", () => there.lamp === "accepted");
    expect(host.board.health).not.toHaveProperty("degraded");
    there.press(1);
    await waitFor("the press", () => host.presses.length > 0);
    expect(host.presses[0]).toMatchObject({ board: "0badcafe", loop: 1 });
  });

  test("garbage and messages cut short by a reset: the next press is heard, and nothing false", async () => {
    using there = fakeBoard();
    await using host = watch(there.path);
    await waitFor("the board", () => host.board.health.connected);
    const press = encodeFromBoard({
      kind: "press",
      press: { board: "0badcafe", number: 99, loop: 0, count: 1 },
    });
    for (let i = 0; i < 40; i++) {
      there.say(press.subarray(0, 4 + (i % (press.length - 5))));
      there.say(Uint8Array.from({ length: 50 }, (_, n) => (n * 37 + i * 11) % 0xf0));
    }
    await sleep(300);
    expect(host.presses).toEqual([]);
    there.press(1);
    await waitFor("the press", () => host.presses.length > 0);
    expect(host.presses[0]).toMatchObject({ number: 1, loop: 1 });
  });

  test("a board without a firmware is known by its boot loader, until it has one", async () => {
    const path = newLink();
    const loader = { image: releasedLoader(), boot: OUR_BOOT };
    const lamps: string[] = [];
    using _live = startLiveBoard({
      link: path,
      image: releasedLoader(),
      loader,
      onLight: ({ lamp }) => lamps.push(lamp),
    });
    await using host = watch(path);
    await waitFor("the fault", () => host.faults.length > 0, 30_000);
    await sleep(12_000);
    expect(host.faults).toEqual(["boot-loader"]);
    expect(lamps.at(-1)).toBe("fault");
  }, 60_000);

  test("a device that says nothing, or only noise, is silent within ten seconds, and heard when it speaks", async () => {
    using there = fakeBoard(1, true);
    await using host = watch(there.path, { silentMs: 500, refreshMs: 100, identifyMs: 300 });
    await waitFor("the fault", () => host.faults.includes("silent"));
    there.say(Uint8Array.from({ length: 200 }, (_, n) => n & 0x7f));
    await sleep(1_500);
    expect(host.faults).toEqual(["silent"]);
    const hello = encodeFromBoard({
      kind: "hello",
      protocol: 1,
      firmware: "1.0",
      board: "0badcafe",
      lastNumber: 0,
      loops: 4,
      resetCause: 1,
      uptimeS: 1,
    });
    // As a board does: what is said while the port is opened anew is not heard.
    const speaking = setInterval(() => there.say(hello), 200);
    await waitFor("the recovery", () => host.recovered() === 1);
    clearInterval(speaking);
  });
});

import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createPanicBoard } from "../../firmware-bridge/panic-board.ts";
import { attachStockBoard } from "../../firmware-bridge/stock-board.ts";
import type { BoardPress, BoardRelease, LoopState, PanicBoard } from "../../src/domain/panic.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { openTty } from "../../src/runtime/tty.ts";
import { waitFor } from "../journeys/car.ts";

/** A board under test, whatever it is made of. */
export type BoardUnderTest = Disposable & {
  readonly path: string;
  press(loop: number): void;
  cut(loop: number): void;
  mend(loop: number): void;
  unplug(): void;
  plug(): void;
  /** What its lamp shows. */
  readonly lamp: string;
};

export type Watched = AsyncDisposable & {
  readonly board: PanicBoard;
  readonly presses: BoardPress[];
  readonly releases: BoardRelease[];
  readonly faults: string[];
  readonly details: string[];
  readonly loops: (readonly [number, LoopState])[];
  readonly recovered: () => number;
};

/** The host's side of a line, with everything that it tells. */
export const watch = (path: string, timing = {}): Watched => {
  const presses: BoardPress[] = [];
  const releases: BoardRelease[] = [];
  const faults: string[] = [];
  const details: string[] = [];
  const loops: (readonly [number, LoopState])[] = [];
  let recovered = 0;
  const board = createPanicBoard(
    {
      path,
      openLine: (line, baud) => openTty(line, baud),
      random: Math.random,
      reopenMs: { min: 50, max: 200 },
      time: systemTime,
      loops: [0, 1],
      darkLoops: [],
      mayTest: true,
      lampSense: false,
      attachStock: attachStockBoard,
      timing,
    },
    {
      hello: () => undefined,
      press: (press) => void presses.push(press),
      released: (release) => void releases.push(release),
      fault(code, detail) {
        faults.push(code);
        details.push(detail);
      },
      recovered: () => void recovered++,
      trouble: () => undefined,
      loop: (loop, state) => void loops.push([loop, state]),
    },
  );
  return {
    board,
    presses,
    releases,
    faults,
    details,
    loops,
    recovered: () => recovered,
    [Symbol.asyncDispose]: () => board[Symbol.asyncDispose](),
  };
};

/** What the port to the board promises, on every board that speaks our protocol. */
export const panicBoardContract = (name: string, open: () => BoardUnderTest): void => {
  test(`${name}: a press is told again and again until it is confirmed`, async () => {
    using there = open();
    await using host = watch(there.path);
    await waitFor("the board", () => host.board.health.connected);
    there.press(1);
    await waitFor("the press", () => host.presses.length >= 3);
    expect(new Set(host.presses.map(({ number }) => number)).size).toBe(1);
    expect(host.presses[0]).toMatchObject({ loop: 1, count: 1 });
    host.board.confirm(host.presses[0]!);
    await sleep(100);
    const told = host.presses.length;
    await sleep(700);
    expect(host.presses).toHaveLength(told);
    expect(host.faults).toEqual([]);
  });

  test(`${name}: a press is not confirmed by the number of another board's press`, async () => {
    using there = open();
    await using host = watch(there.path);
    await waitFor("the board", () => host.board.health.connected);
    there.press(1);
    await waitFor("the press", () => host.presses.length > 0);
    host.board.confirm({ ...host.presses[0]!, board: "00000000" });
    await sleep(100);
    const told = host.presses.length;
    await waitFor("its repetition", () => host.presses.length > told + 1);
  });

  test(`${name}: while it is lent its port is free; taken back, it receives presses as before, without a fault`, async () => {
    using there = open();
    await using host = watch(there.path);
    await waitFor("the board", () => host.board.health.connected);
    await host.board.lend();
    await host.board.lend();
    expect(host.board.health.connected).toBe(false);
    const line = await openTty(there.path, 38_400);
    await sleep(500);
    await line.close();
    host.board.takeBack();
    await waitFor("the board again", () => host.board.health.connected, 10_000);
    there.press(1);
    await waitFor("the press", () => host.presses.length > 0);
    expect(host.faults).toEqual([]);
  });

  test(`${name}: while it is lent it can be stopped`, async () => {
    using there = open();
    const host = watch(there.path);
    await waitFor("the board", () => host.board.health.connected);
    await host.board.lend();
    await host[Symbol.asyncDispose]();
    const line = await openTty(there.path, 38_400);
    await line.close();
  });

  test(`${name}: the lamp shows what it is told, also after the board was gone`, async () => {
    using there = open();
    await using host = watch(there.path);
    await waitFor("the board", () => host.board.health.connected);
    host.board.show("received", true);
    await waitFor("the lamp", () => there.lamp === "received");
    there.unplug();
    await waitFor("the fault", () => host.faults.length > 0, 10_000);
    expect(host.board.health.connected).toBe(false);
    there.plug();
    await waitFor("the recovery", () => host.recovered() === 1, 10_000);
    await waitFor("the lamp again", () => there.lamp === "received");
    expect(host.faults.filter((code) => code === "unplugged")).toHaveLength(1);
  });

  test(`${name}: a loop that is cut is told, and that it is mended; one without a button is not`, async () => {
    using there = open();
    await using host = watch(there.path);
    await waitFor("the board", () => host.board.health.connected);
    there.cut(3);
    there.cut(0);
    await waitFor("the cut", () => host.loops.some(([, state]) => state === "open"), 10_000);
    there.mend(0);
    await waitFor("the mending", () => host.loops.at(-1)?.[1] === "normal", 10_000);
    expect(host.loops).toEqual([
      [0, "open"],
      [0, "normal"],
    ]);
    expect(host.presses).toEqual([]);
  });
};

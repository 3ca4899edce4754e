import { expect, test } from "vitest";
import { numbers, openFirmwareBench } from "./bench.ts";
import { openInMemory } from "./in-memory.ts";

/** A board that is reset again and again, or whose line somebody else has filled. */
/** Firmata: all eight analog inputs, each 5 ms: more than the line carries. */
const REPORT_ALL = [0xf0, 0x7a, 5, 0, 0xf7, ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((c) => [0xc0 | c, 1])];

test.each([300, 900])(
  "a board whose supply collapses each %i ms is a fault, and says nothing old",
  async (everyMs) => {
    await using line = openInMemory({ seed: 3 });
    await line.pass(3_000);
    expect(line.host.health.supplyMv).toBeDefined();
    for (let at = 0; at < 15_000; at += everyMs) {
      line.board.supply(4.2);
      await line.pass(10);
      line.board.supply(5);
      await line.pass(everyMs - 10);
    }
    expect(line.troubles.map(({ trouble, faulty }) => [trouble, faulty])).toEqual([["resets", true]]);
    expect(line.host.health.resetsInHour).toBeGreaterThan(10);
    expect(line.host.health).toMatchObject({ connected: true, resetCause: "brown-out" });
    expect(line.host.health.supplyMv).toBeUndefined();
    await line.pass(3_000);
    expect(line.host.health.supplyMv).toBeGreaterThan(4_000);
  },
);

test.each([20, 25, 30, 60, 100, 250])(
  "sixteen presses that wait and a line that brings lumps of %i ms are no reset",
  async (lumpMs) => {
    await using line = openInMemory({ seed: 3, lumpMs });
    await line.pass(2_000);
    line.unplug();
    for (let i = 0; i < 16; i++) {
      line.board.touch(i % 4, 60);
      await line.pass(120);
    }
    line.plug();
    await line.pass(6_000);
    expect(line.presses.length).toBeGreaterThanOrEqual(16);
    expect(line.host.health.resetsInHour).toBe(0);
  },
);

test("an earlier Firmata client that has left the board reporting does not keep it from being found", async () => {
  await using line = openInMemory({ seed: 3, image: "test/firmware-bridge/images/panic-board-1.4.hex" });
  await line.pass(2_000);
  line.unplug();
  await line.pass(500);
  line.board.receive(REPORT_ALL);
  await line.pass(1_000);
  line.plug();
  await line.pass(10_000);
  line.board.press(0, 200);
  await line.pass(2_000);
  expect(new Set(line.presses.map(({ number }) => number)).size).toBe(1);
});

test("a press and each heartbeat find their place between reports of pins that fill the line", () => {
  const bench = openFirmwareBench();
  bench.pass(300);
  bench.board.receive(REPORT_ALL);
  bench.pass(1_000);
  const reports = bench.firmata.length;
  const beats = bench.of("heartbeat").length;
  bench.board.touch(0, 100);
  const at = bench.board.nowMs;
  bench.pass(5_000);
  const first = bench.heard.find(({ message }) => message.kind === "press");
  // 20 ms of contact, 12 ms of reports before it, 10 ms for itself.
  expect(first!.atMs - at).toBeLessThan(45);
  expect(numbers(bench).size).toBe(1);
  expect(bench.of("heartbeat").length - beats).toBeGreaterThanOrEqual(4);
  expect(bench.firmata.length - reports).toBeGreaterThan(10_000);
});

import { expect, test } from "vitest";
import { openInMemory } from "./in-memory.ts";

const LOOPS = [0, 1] as const;

test.each([1, 2, 3, 4])(
  "one byte in 100 broken, seed %i: no press is lost, none is false, the lamp is right",
  async (seed) => {
    const spoil = (byte: number, random: () => number) =>
      random() < 0.01 ? byte ^ (1 << Math.floor(random() * 8)) : byte;
    await using line = openInMemory({ seed, spoil });
    await line.pass(3_000);
    for (let i = 0; i < 10; i++) {
      line.board.press(LOOPS[i % 2]!, 80);
      await line.pass(2_000);
    }
    expect(new Set(line.presses.map(({ number }) => number)).size).toBe(10);
    expect(line.presses.every(({ number }) => number > 0)).toBe(true);
    for (const pattern of ["sent", "accepted", "idle"] as const) {
      line.host.show(pattern, true);
      await line.pass(2_500);
      expect(line.board.light.lamp).toBe(pattern);
    }
    expect(line.host.health).toMatchObject({ connected: true, firmware: "1.7" });
    expect(line.faults).toEqual([]);
  },
  120_000,
);

test("a board that each opening resets is reported once, with its presses heard all the same", async () => {
  await using line = openInMemory({ seed: 1, resetOnOpen: true });
  await line.pass(1_000);
  expect(line.faults).toEqual(["reset-by-opening"]);
  expect(line.host.health).toMatchObject({ connected: true, resetCause: "reset-line" });
  line.board.press(0, 80);
  await line.pass(200);
  // It may have been repeated already.
  expect(new Set(line.presses.map(({ number, loop }) => `${number} of loop ${loop}`))).toEqual(
    new Set(["1 of loop 0"]),
  );
});

test("a board that opening leaves alone is no fault", async () => {
  await using line = openInMemory({ seed: 1 });
  await line.pass(5_000);
  expect(line.faults).toEqual([]);
  expect(line.host.health).toMatchObject({ connected: true, resetCause: "power", uptimeS: 4 });
});

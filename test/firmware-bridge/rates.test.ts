import { expect, test } from "vitest";
import type { BoardPress } from "../../src/domain/panic.ts";
import { openInMemory } from "./in-memory.ts";

/** Firmware 1.3 and older speaks 57,600 baud. Bytes at another rate than the reader's are noise. */
const imageOf = (version: string) => `test/firmware-bridge/images/panic-board-${version}.hex`;
const FOUND_MS = 5_000;

/** The loops that were pressed. A press that is repeated before its confirmation arrives is one. */
const pressed = (presses: readonly BoardPress[]): number[] => [
  ...new Map(presses.map(({ number, loop }) => [number, loop])).values(),
];

/** How long the host takes to find a board, from opening its line. */
const find = async (line: ReturnType<typeof openInMemory>): Promise<number> => {
  let ms = 0;
  while (!line.host.health.connected && ms < FOUND_MS) {
    // oxlint-disable-next-line no-await-in-loop -- until it is found
    await line.pass(10);
    ms += 10;
  }
  return ms;
};

test("a board of this release is found at 38,400 baud, 0.2 % off, at once", async () => {
  await using line = openInMemory({ seed: 1 });
  expect(await find(line)).toBeLessThan(500);
  expect(line.baud).toBe(38_400);
  expect(Math.abs(line.board.baud / 38_400 - 1)).toBeLessThan(0.002);
});

test.each(["1.1", "1.2", "1.3"])(
  "firmware %s is found at 57,600 baud, and its presses come",
  async (version) => {
    await using line = openInMemory({ seed: 1, image: imageOf(version) });
    const foundMs = await find(line);
    process.stdout.write(`firmware ${version} is found after ${foundMs} ms\n`);
    expect(foundMs).toBeLessThan(2_500);
    expect(line.baud).toBe(57_600);
    expect(line.host.health.firmware).toBe(version);
    line.board.press(1, 100);
    await line.pass(300);
    expect(pressed(line.presses)).toEqual([1]);
    await line.pass(2_000);
    expect(line.host.health).toMatchObject({ connected: true });
    expect(line.host.health).not.toHaveProperty("supplyCalibrated");
    expect(line.troubles).toEqual([]);
  },
);

test("a press without a host is received from either once the line is open", async () => {
  for (const options of [{}, { image: imageOf("1.3") }]) {
    // oxlint-disable-next-line no-await-in-loop -- one board after another
    await using line = openInMemory({ seed: 2, ...options });
    line.board.run(1_000);
    line.board.press(0, 100);
    line.board.run(5_000);
    // oxlint-disable-next-line no-await-in-loop
    await line.pass(8_000);
    expect(pressed(line.presses)).toEqual([0]);
  }
});

test("a board that opening the port resets is found at its rate as soon as it has started", async () => {
  for (const image of [undefined, imageOf("1.3")]) {
    // oxlint-disable-next-line no-await-in-loop -- one board after another
    await using line = openInMemory({ seed: 3, resetOnOpen: true, ...(image && { image }) });
    // oxlint-disable-next-line no-await-in-loop
    expect(await find(line)).toBeLessThan(2_500);
  }
});

test("a supply that sags, a lamp whose wire is cut, and a board that resets are reported and end", async () => {
  await using line = openInMemory({ seed: 4, lampSense: true, mayTest: true, lampDropV: 2 });
  await find(line);
  await line.pass(8_000);
  expect(line.troubles).toEqual([]);
  line.board.lampWire("cut");
  line.board.supply(4.4);
  await line.pass(20_000);
  expect(line.troubles.map(({ trouble, faulty }) => [trouble, faulty])).toEqual([
    ["supply-low", true],
    ["lamp-cut", true],
  ]);
  line.board.lampWire("whole");
  line.board.supply(5);
  await line.pass(20_000);
  expect(line.troubles.slice(2).map(({ trouble, faulty }) => [trouble, faulty])).toEqual([
    ["supply-low", false],
    ["lamp-cut", false],
  ]);
  for (let n = 0; n < 4; n++) {
    line.board.reset();
    // oxlint-disable-next-line no-await-in-loop -- one reset after another
    await line.pass(5_000);
  }
  expect(line.host.health).toMatchObject({
    resetsInHour: 4,
    resetCause: "reset-line",
    supplyCalibrated: false,
  });
  expect(line.troubles.at(-1)).toMatchObject({ trouble: "resets", faulty: true });
}, 240_000);

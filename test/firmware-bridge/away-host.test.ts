import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { openFirmwareBench, presses, type FirmwareBench } from "./bench.ts";
import { openInMemory } from "./in-memory.ts";

/** Presses that no host takes at once: the power comes and goes, the port is closed, the line breaks. */

/** Seconds that the port is closed; the chip takes as long on a busy machine. */
const CLOSED_S = Number(process.env["PATROL_UNIT_PORT_CLOSED_S"] ?? 60);

/** The highest count of each press, by its number. */
const counts = (bench: FirmwareBench): readonly number[] => {
  const byNumber = new Map<number, number>();
  for (const { number, count } of presses(bench))
    byNumber.set(number, Math.max(count, byNumber.get(number) ?? 0));
  return [...byNumber.values()];
};
const sum = (of: readonly number[]): number => of.reduce((total, one) => total + one, 0);

test("200 presses of a board whose power is on for 1 s and off for 1 s: each is heard, none twice", () => {
  const bench = openFirmwareBench({ seed: 12 });
  const random = createRandom(12);
  const loops: number[] = [];
  const heard = new Map<number, number>();
  for (let n = 0; n < 200; n++) {
    const atMs = 250 + random() * 715;
    bench.pass(atMs);
    loops.push(Math.floor(random() * 4));
    bench.board.touch(loops.at(-1)!, 500);
    bench.pass(1_000 - atMs);
    bench.board.power(false);
    bench.board.release(loops.at(-1)!);
    bench.pass(1_000);
    bench.board.power(true);
    for (const { number, loop } of presses(bench)) heard.set(number, loop);
    bench.heard.length = 0;
    // The board keeps at most 16 presses that are not confirmed: the host confirms them every tenth time.
    if (n % 10 !== 9) continue;
    bench.pass(400);
    for (const { number, loop } of presses(bench)) heard.set(number, loop);
    for (const number of heard.keys()) bench.say({ kind: "confirm", number });
    bench.pass(300);
  }
  process.stdout.write(`200 presses, 1 s on, 1 s off: ${heard.size} heard\n`);
  expect([...heard].toSorted(([a], [b]) => a - b).map(([, loop]) => loop)).toEqual(loops);
}, 600_000);

test("20 fast presses of one button without a host are counted in twos, and none is lost", () => {
  const bench = openFirmwareBench();
  bench.pass(500);
  for (let n = 0; n < 20; n++) {
    bench.board.press(0, 80);
    bench.pass(160);
  }
  bench.pass(500);
  // Closer than 300 ms to the last one that was a press of its own: it is counted with that.
  expect(sum(counts(bench))).toBe(20);
  expect(counts(bench).length).toBeGreaterThanOrEqual(9);
  expect(counts(bench).length).toBeLessThanOrEqual(12);
});

test("20 presses of four buttons within two seconds fill the sixteen places, and none is lost", () => {
  const bench = openFirmwareBench();
  bench.pass(500);
  for (let n = 0; n < 20; n++) {
    bench.board.press(n % 4, 60);
    bench.pass(100);
  }
  bench.pass(1_000);
  expect(counts(bench)).toHaveLength(16);
  expect(sum(counts(bench))).toBe(20);
});

test(
  `a press while the port is closed for ${CLOSED_S} s is received with its age once it is open`,
  async () => {
    await using line = openInMemory({ seed: 6 });
    await line.pass(1_000);
    line.unplug();
    await line.pass(2_000);
    line.board.press(1, 100);
    const pressedMs = line.board.nowMs;
    for (let s = 0; s < CLOSED_S; s++) await line.pass(1_000);
    expect(line.presses).toEqual([]);
    expect(line.board.light.lamp).toBe("latched");
    line.plug();
    await line.pass(6_000);
    const [press] = line.presses;
    expect(press).toMatchObject({ number: 1, loop: 1, count: 1 });
    expect(press!.ageMs!).toBeGreaterThan(CLOSED_S * 1_000 - 200);
    expect(press!.ageMs!).toBeLessThan(line.board.nowMs - pressedMs);
    expect(new Set(line.presses.map(({ number }) => number)).size).toBe(1);
    expect(line.host.health).toMatchObject({ connected: true, resetsInHour: 0 });
    process.stdout.write(`port closed for ${CLOSED_S} s: age ${press!.ageMs} ms\n`);
  },
  240_000 + 4_000 * CLOSED_S,
);

test("a line that breaks around the confirmation: one press each time, and none stays pending", async () => {
  await using line = openInMemory({ seed: 7 });
  await line.pass(1_000);
  for (let afterMs = 0; afterMs < 60; afterMs += 3) {
    const before = new Set(line.presses.map(({ number }) => number)).size;
    line.board.press(0, 100);
    await line.pass(afterMs);
    line.unplug();
    await line.pass(150);
    line.plug();
    await line.pass(1_500);
    const numbers = new Set(line.presses.map(({ number }) => number));
    expect(numbers.size, `the line broke after ${afterMs} ms`).toBe(before + 1);
    const told = line.presses.length;
    await line.pass(600);
    expect(line.presses.length, `repeated although confirmed, ${afterMs} ms`).toBe(told);
  }
}, 240_000);

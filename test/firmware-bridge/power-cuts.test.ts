import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import type { BoardPress } from "../../src/domain/panic.ts";
import { openFirmwareBench, presses, type FirmwareBench } from "./bench.ts";

/** The power is cut at any microsecond, also in the middle of an EEPROM write. */
const LOOPS = 4;
/** Longer than the board needs to prepare four slots after a start. */
const PREPARED_MS = 250;

/** Cuts the power for a moment; what was heard before is forgotten. */
const cut = (bench: FirmwareBench): void => {
  bench.board.power(false);
  bench.pass(50);
  bench.heard.length = 0;
  bench.board.power(true);
};

/** Of 24 presses, how many are lost if the power is cut this long after the contact, and no host is there. */
const lost = (bench: FirmwareBench, afterMs: number, random: () => number): number => {
  let count = 0;
  for (let i = 0; i < 24; i++) {
    const loop = i % LOOPS;
    bench.pass(PREPARED_MS + random() * 5);
    bench.board.touch(loop, 400);
    bench.pass(afterMs);
    bench.board.release(loop);
    cut(bench);
    bench.pass(150);
    const kept = presses(bench);
    expect(kept.every((press) => press.loop === loop && press.ageMs === undefined)).toBe(true);
    if (kept.length === 0) count++;
    for (const { number } of kept) bench.say({ kind: "confirm", number });
  }
  return count;
};

/** Lost of 24, for each of these times after the contact. */
const table = (image: string | undefined, fromMs: number, toMs: number): Map<number, number> => {
  const bench = openFirmwareBench({ seed: 25, ...(image ? { image } : {}) });
  const random = createRandom(25);
  const losses = new Map<number, number>();
  for (let afterMs = fromMs; afterMs <= toMs; afterMs += 2) losses.set(afterMs, lost(bench, afterMs, random));
  const words = [...losses].map(([afterMs, count]) => `${afterMs} ms ${count}`);
  process.stdout.write(
    `${image ?? "released image"}: cut after the contact, lost of 24: ${words.join(", ")}\n`,
  );
  return losses;
};

test("a press is kept if the power is cut 25 ms after the contact, or later", () => {
  for (const [afterMs, count] of table(undefined, 10, 40))
    if (afterMs >= 25) expect(count, `${afterMs} ms`).toBe(0);
  const bench = openFirmwareBench({ seed: 25 });
  expect(lost(bench, 25, createRandom(25))).toBe(0);
}, 240_000);

test("firmware 1.2 loses it up to 38 ms after the contact", () => {
  const before = table("test/firmware-bridge/images/panic-board-1.2.hex", 10, 70);
  expect(before.get(30)).toBe(24);
  expect(before.get(40)).toBe(0);
}, 240_000);

test("a press just after a start is kept if the power is cut 60 ms after the start", () => {
  const losses = [25, 30, 40, 50, 60, 80, 100, 130].map((afterMs) => {
    const bench = openFirmwareBench({ seed: afterMs });
    const random = createRandom(afterMs);
    bench.pass(1_000);
    let count = 0;
    for (let i = 0; i < 12; i++) {
      cut(bench);
      const contactMs = random() * 5;
      bench.pass(contactMs);
      bench.board.touch(i % LOOPS, 400);
      bench.pass(afterMs - contactMs);
      bench.board.release(i % LOOPS);
      cut(bench);
      bench.pass(400);
      if (presses(bench).length === 0) count++;
      for (const { number } of presses(bench)) bench.say({ kind: "confirm", number });
      bench.pass(300);
    }
    return [afterMs, count] as const;
  });
  process.stdout.write(
    `cut after a start with a contact, lost of 12: ${losses.map(([ms, n]) => `${ms} ms ${n}`).join(", ")}\n`,
  );
  for (const [afterMs, count] of losses) if (afterMs >= 60) expect(count, `${afterMs} ms`).toBe(0);
}, 240_000);

/** What is known of each number that the board has given. */
type Ledger = {
  readonly loops: Map<number, number>;
  /** Confirmed, and the confirmation had time to be written. */
  readonly settled: Set<number>;
};

/** Checks what one life of the board has said. `touched`: the loops that were pressed before its start. */
const audit = (ledger: Ledger, said: readonly BoardPress[], touched: ReadonlySet<number>): void => {
  const before = new Map(ledger.loops);
  for (const { number, loop, ageMs } of said) {
    const known = before.get(number);
    if (ageMs !== undefined) expect(known, `number ${number} is given twice`).toBeUndefined();
    else if (known === undefined) expect(touched.has(loop), `number ${number} is of no press`).toBe(true);
    expect(known ?? loop, `number ${number} has changed its loop`).toBe(loop);
    expect(ledger.settled.has(number), `number ${number} comes back`).toBe(false);
    ledger.loops.set(number, loop);
  }
};

/** Presses loops for a while, confirms some, and cuts the power at any microsecond. */
const live = (bench: FirmwareBench, ledger: Ledger, random: () => number, keep: number): Set<number> => {
  const touched = new Set<number>();
  const confirmed: number[] = [];
  const untilMs = bench.board.nowMs + random() * 350;
  while (bench.board.nowMs < untilMs) {
    const loop = Math.floor(random() * LOOPS);
    if (random() < 0.4) {
      bench.board.touch(loop, 30 + random() * 40);
      touched.add(loop);
    }
    bench.pass(random() * 60);
    const waiting = [...new Set(presses(bench).map(({ number }) => number))].toSorted((a, b) => b - a);
    // The newest first: the oldest ones stay, so that few slots are left.
    const number = waiting.find((one) => !confirmed.includes(one));
    if (number !== undefined && waiting.length - confirmed.length > keep && random() < 0.8) {
      bench.say({ kind: "confirm", number });
      confirmed.push(number);
      if (untilMs - bench.board.nowMs > 40) {
        bench.pass(20);
        ledger.settled.add(number);
      }
    }
  }
  bench.pass(random() * 40);
  return touched;
};

test.each([
  [1, 0],
  [2, 0],
  [3, 14],
  [4, 15],
])(
  "no number is given twice, none changes and none comes back: 150 lives, seed %i, at least %i pending",
  (seed, keep) => {
    const bench = openFirmwareBench({ seed });
    const random = createRandom(seed);
    const ledger: Ledger = { loops: new Map(), settled: new Set() };
    let touched: Set<number> = new Set();
    for (let life = 0; life < 150; life++) {
      const settledBefore = new Set(ledger.settled);
      const highest = Math.max(0, ...ledger.loops.keys());
      const now = live(bench, ledger, random, keep);
      // A lower one would tell the host that the board has lost its memory.
      for (const { lastNumber } of bench.of("hello")) expect(lastNumber).toBeGreaterThanOrEqual(highest);
      audit({ loops: ledger.loops, settled: settledBefore }, presses(bench), touched);
      touched = new Set([...touched, ...now]);
      cut(bench);
    }
    process.stdout.write(`seed ${seed}: ${ledger.loops.size} presses in 150 lives\n`);
    expect(ledger.loops.size).toBeGreaterThan(keep === 0 ? 50 : 16);
  },
  240_000,
);

test("a press that is told after a power cut in the middle of its write is told after each further one", () => {
  const random = createRandom(77);
  const bench = openFirmwareBench({ seed: 77 });
  let told = 0;
  const gone: number[] = [];
  for (let n = 0; n < 120; n++) {
    bench.pass(300);
    bench.board.touch(n % LOOPS, 400);
    bench.pass(16 + random() * 8);
    bench.board.release(n % LOOPS);
    const after = Array.from({ length: 5 }, () => {
      cut(bench);
      bench.pass(120);
      return presses(bench).at(-1)?.number;
    });
    const number = after.find((one) => one !== undefined);
    if (number === undefined) continue;
    told++;
    if (after.slice(after.indexOf(number)).some((one) => one === undefined)) gone.push(number);
    bench.say({ kind: "confirm", number });
  }
  expect(gone).toEqual([]);
  expect(told).toBeGreaterThan(40);
});

test("a power cut just after a start, while slots are given up, makes no press", () => {
  const random = createRandom(9);
  const bench = openFirmwareBench({ seed: 4 });
  for (let n = 0; n < 300; n++) {
    bench.pass(300);
    cut(bench);
    bench.pass(26 + random() * 16);
    cut(bench);
    bench.pass(60);
    expect(presses(bench)).toEqual([]);
  }
  expect(bench.of("hello")).toHaveLength(1);
});

import fc from "fast-check";
import { decodeTime } from "ulid";
import { expect, test } from "vitest";
import * as z from "zod";
import type { BoardPress } from "../../src/domain/panic.ts";
import { episodeIdOf, newEpisodeId } from "../../src/unit/episode-id.ts";
import { createDice } from "../simulation/random.ts";

const AT = Date.UTC(2026, 10, 24, 21, 30);
const YEAR_20266 = Date.UTC(20_266, 10, 24);
const press = (number: number, board = "0badcafe"): BoardPress => ({ board, number, loop: 0, count: 1 });
const { random } = createDice(3);

/** Clocks as they are, and as they should not be. */
const anyClock = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, -1, 0, 1e300, -1e300, Infinity, -Infinity, YEAR_20266, 2 ** 48, 2 ** 48 - 1),
);

// Defect 1: a receiver that said year 20266 made the id throw, behind a press that was counted already.
test("with any clock an id can be made, and it is a ULID", () => {
  fc.assert(
    fc.property(anyClock, fc.nat(100_000), (at, number) => {
      expect(z.ulid().safeParse(newEpisodeId(at, random)).success).toBe(true);
      expect(z.ulid().safeParse(episodeIdOf(press(number), at, random)).success).toBe(true);
    }),
    { examples: [[YEAR_20266, 3]] },
  );
});

test("an id says when it was made, as far as that can be said", () => {
  expect(decodeTime(newEpisodeId(AT, random))).toBe(AT);
  expect(decodeTime(newEpisodeId(AT + 0.9, random))).toBe(AT);
  expect(decodeTime(newEpisodeId(-5, random))).toBe(0);
  expect(decodeTime(newEpisodeId(Number.NaN, random))).toBe(0);
  expect(decodeTime(newEpisodeId(1e300, random))).toBe(2 ** 48 - 1);
  const coarse = decodeTime(episodeIdOf(press(3), AT, random));
  expect(AT - coarse).toBeGreaterThanOrEqual(0);
  expect(AT - coarse).toBeLessThan(65_536);
});

test("the same press makes the same id each time the board repeats it", () => {
  const again = episodeIdOf(press(3), AT + 40, random);
  expect(episodeIdOf(press(3), AT, random)).toBe(again);
  expect(episodeIdOf({ ...press(3), loop: 1, count: 7, ageMs: 9 }, AT, random)).toBe(again);
});

test("every press of every board makes another id", () => {
  const ids = new Set<string>();
  for (let number = 1; number <= 1_000; number++)
    for (const board of ["0badcafe", "1a2b3c4d"]) ids.add(episodeIdOf(press(number, board), AT, random));
  expect(ids.size).toBe(2_000);
});

test("a board without a latch makes another id each time", () => {
  const ids = Array.from({ length: 1_000 }, () => episodeIdOf(press(0), AT, random));
  expect(new Set(ids).size).toBe(1_000);
});

test("an id uses any number that chance can give", () => {
  expect(newEpisodeId(AT, () => 0)).toMatch(/^[0-7][0-9A-Z]{9}0{16}$/);
  expect(newEpisodeId(AT, () => 1 - Number.EPSILON)).toMatch(/^[0-7][0-9A-Z]{9}Z{16}$/);
});

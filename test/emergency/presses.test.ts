import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CountedPresses } from "../../src/domain/memory.ts";
import { count, isCounted, meet, repeated, since, uncounted, unite } from "../../src/emergency/presses.ts";

type Known = readonly CountedPresses[];

const press = (number: number, board = "0badcafe") => ({ board, number, loop: 0, count: 1 });
/** The press with this number stands for several. */
const standing = (number: number, times: number) => ({ ...press(number), count: times });
const counting = (known: Known, ...numbers: number[]): Known =>
  numbers.reduce((now, number) => count(now, press(number)), known);

describe("the presses of a board", () => {
  test("are counted one by one: an earlier one that was broken on the line is still new", () => {
    const known = counting([], 7);
    expect([6, 7, 8].map((number) => isCounted(known, press(number)))).toEqual([false, true, false]);
    expect(isCounted(counting(known, 6), press(6))).toBe(true);
  });

  test("without numbers are always new, and take no room", () => {
    const known = counting([], 0, 0);
    expect(known).toEqual([]);
    expect(isCounted(counting([], 5), press(0))).toBe(false);
  });

  test("are remembered for ever in a constant room", () => {
    const known = counting([], ...Array.from({ length: 1_000 }, (_, n) => n + 1));
    for (const number of [1, 500, 936, 937, 1_000]) expect(isCounted(known, press(number))).toBe(true);
    expect(isCounted(known, press(1_001))).toBe(false);
    expect(known).toEqual([
      { board: "0badcafe", below: 936, numbers: Array.from({ length: 64 }, (_, n) => n + 937) },
    ]);
  });

  test("in any order are each counted once, as long as no more than 64 wait at a time", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 64 }), { maxLength: 64 }), (numbers) => {
        let known: Known = [];
        for (const number of numbers) {
          expect(isCounted(known, press(number))).toBe(false);
          known = count(known, press(number));
          expect(isCounted(known, press(number))).toBe(true);
        }
        for (let number = 1; number <= 64; number++)
          expect(isCounted(known, press(number))).toBe(numbers.includes(number));
      }),
    );
  });

  test("are listed in the order of their numbers, however they came", () => {
    expect(counting([], 9, 10, 2, 1)[0]!.numbers).toEqual([1, 2, 9, 10]);
    const many = counting([], ...Array.from({ length: 64 }, (_, n) => 100 - n), 5);
    expect(many[0]).toMatchObject({ below: 5, numbers: { length: 64 } });
  });

  test("that grow after they were counted are new by their growth", () => {
    expect([0, 1, 3].map((times) => uncounted([], standing(7, times)))).toEqual([1, 1, 3]);
    const known = counting([], 7);
    expect([0, 1, 3].map((times) => uncounted(known, standing(7, times)))).toEqual([0, 0, 2]);
    const grown = count(known, standing(7, 3));
    expect(grown).toEqual([
      { board: "0badcafe", below: 0, numbers: [7], several: [{ number: 7, count: 3 }] },
    ]);
    expect([1, 3, 4].map((times) => uncounted(grown, standing(7, times)))).toEqual([0, 0, 1]);
    expect(uncounted(count(grown, standing(7, 5)), standing(7, 6))).toBe(1);
    expect(uncounted(count([], standing(0, 3)), standing(0, 3))).toBe(3);
  });

  test("that stand for several are remembered in a constant room, too", () => {
    const all = Array.from({ length: 64 }, (_, n) => standing(n + 1, 255));
    expect(all.reduce(count, [])[0]!.several).toEqual(
      all.slice(-16).map(({ number }) => ({ number, count: 255 })),
    );
  });

  test("that stand for several are remembered as long as their numbers are, and an old one never grows", () => {
    const known = counting(count([], standing(1, 2)), ...Array.from({ length: 64 }, (_, n) => n + 2));
    expect(known[0]).not.toHaveProperty("several");
    expect(uncounted(known, standing(1, 200))).toBe(0);
  });

  test("are no other board's", () => {
    const known = counting([], 7);
    expect(isCounted(known, press(7, "1a2b3c4d"))).toBe(false);
    expect(isCounted(count(known, press(9, "1a2b3c4d")), press(9))).toBe(false);
    expect(isCounted(count(known, press(9, "1a2b3c4d")), press(7))).toBe(true);
  });
});

describe("boards", () => {
  test("are remembered up to sixteen: the one that was silent for longest goes first", () => {
    let known: Known = [];
    for (let n = 0; n < 16; n++) known = count(known, press(1, `board-${n}`));
    known = count(known, press(2, "board-0"));
    known = count(known, press(1, "board-16"));
    expect(known).toHaveLength(16);
    expect(isCounted(known, press(1, "board-0"))).toBe(true);
    expect(isCounted(known, press(1, "board-1"))).toBe(false);
    expect(isCounted(known, press(1, "board-2"))).toBe(true);
  });

  test("that have lost their memory begin anew", () => {
    const known = counting([], 1, 2, 3);
    expect(meet(known, "0badcafe", 3)).toBe(known);
    expect(meet(known, "0badcafe", 19)).toBe(known);
    const anew = meet(known, "0badcafe", 2);
    expect(isCounted(anew, press(2))).toBe(false);
    expect(meet(anew, "0badcafe", 0)).toBe(anew);
  });

  test("that have lost their memory are noticed by the last number, not by the lowest listed", () => {
    const long = counting([], ...Array.from({ length: 100 }, (_, n) => n + 1));
    expect(meet(long, "0badcafe", 99)).not.toBe(long);
    expect(meet([{ board: "0badcafe", below: 40, numbers: [] }], "0badcafe", 39)).toEqual([
      { board: "0badcafe", below: 0, numbers: [] },
    ]);
  });

  test("that are met for the first time change nothing", () => {
    expect(meet([], "0badcafe", 0)).toEqual([]);
    const known = counting([], 5);
    expect(meet(known, "1a2b3c4d", 0)).toBe(known);
  });
});

describe("two memories of presses", () => {
  test("count a number as often as the one that has it more often", () => {
    const [one, other] = [counting([], 1, 2), count(counting([], 2, 3), standing(2, 3))];
    for (const both of [unite(one, other), unite(other, one)]) {
      expect(both[0]!.several).toEqual([{ number: 2, count: 3 }]);
      expect(uncounted(both, standing(2, 4))).toBe(1);
    }
  });

  test("have in common what both have counted since: of a number that has grown, only that", () => {
    const begun = count(counting([], 1, 2), standing(2, 2));
    const ours = [standing(2, 4), standing(3, 3), press(4)].reduce(count, begun);
    const theirs = [standing(2, 3), standing(3, 5)].reduce(count, begun);
    expect(repeated(ours, begun, theirs)).toBe(1 + 3);
    expect(repeated(ours, begun, begun)).toBe(0);
  });

  test("since the beginning: with the presses that a new number stands for", () => {
    const begun = count([], standing(2, 2));
    const ours = since(count(begun, standing(5, 3)), begun, "0badcafe");
    expect(ours).toEqual([{ board: "0badcafe", below: 0, numbers: [5], several: [{ number: 5, count: 3 }] }]);
  });

  test("count together what one of them has counted, whichever comes first", () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 40 })),
        fc.array(fc.integer({ min: 1, max: 40 })),
        (a, b) => {
          const [one, other] = [counting([], ...new Set(a)), counting([], ...new Set(b))];
          for (const both of [unite(one, other), unite(other, one)])
            for (let n = 1; n <= 40; n++)
              expect(isCounted(both, press(n))).toBe(a.includes(n) || b.includes(n));
        },
      ),
    ));

  test("keep the boards apart, and remember 64 numbers of each", () => {
    const one = counting([], ...Array.from({ length: 64 }, (_, n) => 2 * n + 1));
    const other = counting([], ...Array.from({ length: 64 }, (_, n) => 2 * n + 2));
    const both = unite(count(one, press(5, "cafecafe")), other);
    expect(both.map(({ board }) => board).toSorted()).toEqual(["0badcafe", "cafecafe"]);
    expect(both.find(({ board }) => board === "0badcafe")).toEqual({
      board: "0badcafe",
      below: 64,
      numbers: Array.from({ length: 64 }, (_, n) => n + 65),
    });
    expect(isCounted(both, press(5, "cafecafe"))).toBe(true);
    expect(isCounted(both, press(4, "cafecafe"))).toBe(false);
  });

  test("count all up to the higher limit of the two", () => {
    const both = unite(
      [{ board: "0badcafe", below: 3, numbers: [5] }],
      [{ board: "0badcafe", below: 9, numbers: [] }],
    );
    expect(both).toEqual([{ board: "0badcafe", below: 9, numbers: [] }]);
  });
});

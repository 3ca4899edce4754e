import { describe, expect, test } from "vitest";
import { lent, observe, UNKNOWN, type Condition, type Sign } from "../../firmware-bridge/condition.ts";

const BOARD = "0badcafe";
const MINUTE_MS = 60_000;

type Seen = { readonly condition: Condition; readonly news: readonly string[] };

/** What is reported of these signs; one second apart, if they do not say when. */
const after = (
  signs: readonly (Partial<Sign> | number)[],
  from: Condition = UNKNOWN,
  lampSense = true,
): Seen => {
  let condition = from;
  const news: string[] = [];
  for (const [n, given] of signs.entries()) {
    const changes = typeof given === "number" ? { supplyMv: given, supplyCalibrated: true } : given;
    const at = changes.at ?? condition.at + 1_000;
    const uptimeS = Math.floor(at / 1_000);
    const sign = { board: BOARD, uptimeS, isFirst: n === 0 && from === UNKNOWN, ...changes, at };
    const seen = observe(condition, sign, lampSense);
    condition = seen.condition;
    news.push(
      ...seen.news.map(({ trouble, faulty, detail }) => `${faulty ? "+" : "-"}${trouble}: ${detail}`),
    );
  }
  return { condition, news };
};
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const kinds = ({ news }: Seen): string[] => news.map((one) => one.slice(0, one.indexOf(":")));

describe("the supply", () => {
  test("below 4.7 V for 5 s is a fault, and over at 4.8 V for 5 s", () => {
    const low = after([...times(10, 4_700), ...times(4, 4_699)]);
    expect(low.news).toEqual([]);
    const lower = after([4_600], low.condition);
    expect(lower.news).toEqual(["+supply-low: the panic board's supply is 4.60 V: it needs regulated 5 V"]);
    const nearly = after(times(20, 4_799), lower.condition);
    expect(nearly.news).toEqual([]);
    const good = after(times(5, 4_800), nearly.condition);
    expect(good.news).toEqual(["-supply-low: the panic board's supply is 4.80 V"]);
  });

  test("that dips for less than 5 s is none", () => {
    expect(after([...times(4, 4_400), 5_000, ...times(4, 4_400), 5_000]).news).toEqual([]);
  });

  test("of a board that is not calibrated is a fault below what 5 V can read: 4.5 V", () => {
    const sign = (supplyMv: number) => ({ supplyMv, supplyCalibrated: false });
    expect(after(times(20, sign(4_500))).news).toEqual([]);
    expect(after(times(20, sign(4_499))).news).toEqual([
      "+supply-low: the panic board's supply is 4.50 V (not calibrated: 9 % more or less): it needs regulated 5 V",
    ]);
    // Firmware 1.3 and older cannot be calibrated.
    expect(kinds(after(times(20, { supplyMv: 4_400 })))).toEqual(["+supply-low"]);
  });

  test("that is not measured is no fault", () => {
    expect(after(times(20, { supplyMv: 0 })).news).toEqual([]);
    expect(after(times(20, {})).news).toEqual([]);
  });
});

describe("the lamp's wire", () => {
  test("without current for 7 s is cut, and mended after 7 s with it", () => {
    const low = after(times(6, { lampReading: 9 }));
    expect(low.news).toEqual([]);
    const cut = after([{ lampReading: 0 }], low.condition);
    expect(kinds(cut)).toEqual(["+lamp-cut"]);
    const nearly = after(times(6, { lampReading: 10 }), cut.condition);
    expect(nearly.news).toEqual([]);
    expect(kinds(after([{ lampReading: 40 }], nearly.condition))).toEqual(["-lamp-cut"]);
  });

  test("is not supervised without a sense resistor, or by older firmware", () => {
    expect(after(times(20, { lampReading: 0 }), UNKNOWN, false).news).toEqual([]);
    expect(after(times(20, {})).news).toEqual([]);
  });
});

describe("resets", () => {
  /** Lives of ten minutes; `uptimeS` begins anew with each. */
  const lives = (count: number): Partial<Sign>[] =>
    Array.from({ length: count }, (_, n) => ({ at: n * 10 * MINUTE_MS, uptimeS: 1 })).flatMap((sign) => [
      sign,
      { at: sign.at + 599_000, uptimeS: 600 },
    ]);

  test("more than three within an hour are a fault, and an hour without one ends it", () => {
    const three = after(lives(4));
    expect([three.news, three.condition.resets.length]).toEqual([[], 3]);
    const four = after(lives(5));
    expect(four.news).toEqual([
      "+resets: the panic board was reset 4 times within an hour: look for a loose plug or a weak supply",
    ]);
    const last = 40 * MINUTE_MS;
    const nearly = after([{ at: last + 60 * MINUTE_MS - 1, uptimeS: 3_600 }], four.condition);
    expect([nearly.news, nearly.condition.resets.length]).toEqual([[], 1]);
    const calm = after([{ at: last + 60 * MINUTE_MS, uptimeS: 3_600 }], nearly.condition);
    expect(calm.news).toEqual(["-resets: the panic board was not reset for an hour"]);
  });

  test("before the first message are not counted", () => {
    expect(after([{ at: 5_000, uptimeS: 0 }]).condition.resets).toEqual([]);
  });

  test("while nobody listened are counted as one, from the uptime", () => {
    const known = after([{ at: 0, uptimeS: 100 }]).condition;
    const still = after([{ at: 60 * MINUTE_MS, uptimeS: 3_700, isFirst: true }], known);
    expect(still.condition.resets).toEqual([]);
    const other = after([{ at: 60 * MINUTE_MS, uptimeS: 3_600, isFirst: true }], known);
    expect(other.condition.resets).toEqual([60 * MINUTE_MS]);
  });

  test("by somebody to whom the line was lent are not counted, those after that are", () => {
    const known = lent(after([{ at: 0, uptimeS: 100 }]).condition);
    const back = after([{ at: 60_000, uptimeS: 5, isFirst: true, isStart: true }], known);
    expect(back.condition.resets).toEqual([]);
    expect(after([{ at: 90_000, uptimeS: 1 }], back.condition).condition.resets).toEqual([90_000]);
  });

  test("are not what a slow clock looks like: 0.5 % in ten hours", () => {
    const known = after([{ at: 0, uptimeS: 100 }]).condition;
    const late = after([{ at: 600 * MINUTE_MS, uptimeS: 100 + 36_000 * 0.995, isFirst: true }], known);
    expect(late.condition.resets).toEqual([]);
  });

  test("are not what a message that is read late looks like", () => {
    const known = after([{ at: 0, uptimeS: 100 }]).condition;
    expect(
      after(
        [
          { at: 30_000, uptimeS: 101 },
          { at: 30_000, uptimeS: 102 },
        ],
        known,
      ).condition.resets,
    ).toEqual([]);
  });

  test("are what hellos say that nobody has asked for, also if the uptime is the same", () => {
    const starts = after(times(4, { uptimeS: 0, isStart: true }), after([{ at: 0, uptimeS: 0 }]).condition);
    expect(kinds(starts)).toEqual(["+resets"]);
    expect(starts.condition.resets).toHaveLength(4);
  });

  test("are not what the end of the board's clock looks like, after 49.7 days", () => {
    const known = after([{ at: 0, uptimeS: 4_294_966 }]).condition;
    expect(
      after(
        [
          { at: 2_000, uptimeS: 0 },
          { at: 3_000, uptimeS: 1 },
        ],
        known,
      ).condition.resets,
    ).toEqual([]);
    const closed = after([{ at: 60 * MINUTE_MS, uptimeS: 3_598, isFirst: true }], known);
    expect(closed.condition.resets).toEqual([]);
    expect(after([{ at: 9_000, uptimeS: 0 }], known).condition.resets).toEqual([9_000]);
    const early = after([{ at: 0, uptimeS: 4_294_900 }]).condition;
    expect(after([{ at: 2_000, uptimeS: 0 }], early).condition.resets).toEqual([2_000]);
  });

  test("of another board begin anew", () => {
    const four = after(lives(5));
    const other = after(
      [{ board: "12345678", at: 50 * MINUTE_MS, uptimeS: 1, isFirst: true }],
      four.condition,
    );
    expect(kinds(other)).toEqual(["-resets"]);
    expect(other.condition.resets).toEqual([]);
  });

  test("that do not end fill the list to its limit", () => {
    const many = after(Array.from({ length: 200 }, (_, n) => ({ at: n * 1_000, uptimeS: 200 - n })));
    expect(many.condition.resets).toHaveLength(100);
    expect(many.condition.resets.at(-1)).toBe(199_000);
  });
});

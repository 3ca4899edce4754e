import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Damping, type Change, type Condition, type News } from "../../src/policy/damping.ts";

const LOOP = { part: "panic-loop", code: "open", where: "dash" } as const;
const change = (faulty: boolean, detail = "", condition: Condition = LOOP): Change => ({
  ...condition,
  faulty,
  detail,
});
/** Faulty, whole, faulty, … at these times; what is reported. */
const flap = (damping: Damping, times: readonly number[]): (News | undefined)[] =>
  times.map((at, n) => damping.change(change(n % 2 === 0, `#${n + 1}`), at));

describe("a change of a fault", () => {
  test("is reported, its repetition is not", () => {
    const damping = new Damping();
    expect(damping.change(change(true, "cut"), 0)).toEqual(change(true, "cut"));
    expect(damping.change(change(true, "still cut"), 1)).toBeUndefined();
    expect(damping.change(change(false, "whole"), 2)).toEqual(change(false, "whole"));
    expect(damping.change(change(false, "whole"), 3)).toBeUndefined();
  });

  test("of its words alone is no news, and is what is shown", () => {
    const damping = new Damping();
    damping.change(change(true, "expired"), 0);
    expect(damping.change(change(true, "self-signed"), 1)).toBeUndefined();
    expect(damping.active).toEqual([change(true, "self-signed")]);
  });

  test("that was never a fault is not reported", () => {
    expect(new Damping().change(change(false), 0)).toBeUndefined();
  });

  test("is one of its part, code and place alone", () => {
    const damping = new Damping();
    damping.change(change(true), 0);
    for (const other of [
      { ...LOOP, where: "boot" },
      { ...LOOP, code: "short" } as const,
      { part: "can", code: "absent", where: "dash" } as const,
      { part: "panic-loop", code: "open" } as const,
    ])
      expect(damping.change(change(true, "", other), 1)).toMatchObject(other);
    expect(damping.active).toHaveLength(5);
  });
});

describe("a fault that flaps", () => {
  test("is reported six times a minute; the seventh report says that further ones are not", () => {
    const damping = new Damping();
    const news = flap(damping, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(news.slice(0, 6).map((one) => one?.detail)).toEqual(["#1", "#2", "#3", "#4", "#5", "#6"]);
    expect(news.slice(0, 6).some((one) => one?.flapping)).toBe(false);
    expect(news[6]).toEqual({ ...change(true, "#7"), flapping: true });
    expect(news.slice(7)).toEqual([undefined, undefined]);
  });

  test("is reported each time if it changes six times a minute and no more often", () => {
    const news = flap(
      new Damping(),
      Array.from({ length: 100 }, (_, n) => n * 10_000),
    );
    expect(news.every((one) => one && !one.flapping)).toBe(true);
    const faster = flap(
      new Damping(),
      Array.from({ length: 100 }, (_, n) => n * 9_999),
    );
    expect(faster.filter((one) => one?.flapping)).toHaveLength(1);
    expect(faster[6]?.flapping).toBe(true);
  });

  test("is reported as it is when it has been steady for a minute, and then as any other", () => {
    const damping = new Damping();
    flap(damping, [0, 1, 2, 3, 4, 5, 6, 7]);
    expect(damping.tick(60_006)).toEqual([]);
    expect(damping.tick(60_007)).toEqual([change(false, "#8")]);
    expect(damping.tick(120_000)).toEqual([]);
    expect(damping.change(change(true, "cut"), 120_001)).toEqual(change(true, "cut"));
  });

  test("is known as it is, reported or not", () => {
    const damping = new Damping();
    flap(damping, [0, 1, 2, 3, 4, 5, 6, 7]);
    expect(damping.active).toEqual([]);
    damping.change(change(true, "cut"), 9);
    expect(damping.active).toEqual([change(true, "cut")]);
  });

  test("damps no other", () => {
    const damping = new Damping();
    flap(damping, [0, 1, 2, 3, 4, 5, 6, 7]);
    expect(damping.change(change(true, "", { ...LOOP, where: "boot" }), 8)).toBeDefined();
    expect(damping.tick(8)).toEqual([]);
  });
});

test("whatever happens, one condition is reported at most seven times in any minute, and at last as it is", () => {
  const times = fc.array(fc.tuple(fc.nat(20_000), fc.boolean()), { maxLength: 80 });
  fc.assert(
    fc.property(times, (steps) => {
      const damping = new Damping();
      const reports: { at: number; faulty: boolean }[] = [];
      let at = 0;
      let faulty = false;
      let damped = false;
      for (const [ms, next] of steps) {
        at += ms;
        for (const one of damping.tick(at)) {
          expect(damped).toBe(true);
          damped = false;
          reports.push({ at, faulty: one.faulty });
        }
        const news = damping.change(change(next), at);
        if (news) reports.push({ at, faulty: news.faulty });
        if (news?.flapping) damped = true;
        faulty = next;
      }
      for (const { at: from } of reports)
        expect(reports.filter((one) => one.at >= from && one.at < from + 60_000).length).toBeLessThanOrEqual(
          8,
        );
      for (const one of damping.tick(at + 60_000)) reports.push({ at: at + 60_000, faulty: one.faulty });
      expect(reports.at(-1)?.faulty ?? false).toBe(faulty);
    }),
  );
});

describe("of more than 256 conditions", () => {
  const at = (n: number) => ({ ...LOOP, where: `place ${n}` });

  test("the one that has been whole for longest is forgotten, not one that is faulty", () => {
    const damping = new Damping();
    for (let n = 0; n < 256; n++) damping.change(change(true, "", at(n)), n);
    damping.change(change(false, "", at(7)), 300);
    damping.change(change(false, "", at(3)), 301);
    damping.change(change(true, "", at(256)), 302);
    expect(damping.active).toHaveLength(255);
    expect(damping.change(change(true, "", at(3)), 303)).toBeDefined();
    expect(damping.active).toHaveLength(256);
  });

  test("the eldest goes if all are faulty", () => {
    const damping = new Damping();
    for (let n = 0; n <= 256; n++) damping.change(change(true, "", at(n)), n);
    expect(damping.active).toHaveLength(256);
    expect(damping.active[0]).toMatchObject(at(1));
    // The newest is known: it is not reported each time it is said.
    expect(damping.change(change(true, "", at(256)), 300)).toBeUndefined();
  });
});

import { describe, expect, test } from "vitest";
import { createDice } from "./random.ts";
import { SimulatedTime } from "./time.ts";

const sleep = (time: SimulatedTime, ms: number): Promise<void> =>
  new Promise((resolve) => void time.after(ms, resolve));

describe("simulated time", () => {
  test("timers fire in the order of their times, and those of one time in the order of their making", async () => {
    const time = new SimulatedTime(0);
    const order: string[] = [];
    time.after(20, () => order.push("late"));
    time.after(10, () => order.push("first"));
    time.after(10, () => order.push("second"));
    time.soon(() => order.push("soon"));
    await time.run(100);
    expect(order).toEqual(["soon", "first", "second", "late"]);
    expect(time.mono()).toBe(100);
  });

  test("a chain of promises of any length comes to rest before time goes on", async () => {
    const time = new SimulatedTime(0);
    const seen: number[] = [];
    time.after(10, () => {
      void (async () => {
        for (let i = 0; i < 1_000; i++) await Promise.resolve();
        seen.push(time.mono());
      })();
    });
    time.after(11, () => seen.push(-1));
    await time.run(100);
    expect(seen).toEqual([10, -1]);
  });

  test("two async functions that sleep take turns by the clock", async () => {
    const time = new SimulatedTime(0);
    const seen: string[] = [];
    const walk = async (name: string, ms: number) => {
      for (let i = 0; i < 3; i++) {
        await sleep(time, ms);
        seen.push(`${name}${time.mono()}`);
      }
    };
    void walk("a", 10);
    void walk("b", 15);
    await time.run(100);
    expect(seen).toEqual(["a10", "b15", "a20", "b30", "a30", "b45"]);
  });

  test("a timer that was disposed of does not fire, and a repeating one stops from inside", async () => {
    const time = new SimulatedTime(0);
    let count = 0;
    time.after(10, () => count++)[Symbol.dispose]();
    const ticker = time.every(10, () => {
      if (++count === 3) ticker[Symbol.dispose]();
    });
    await time.run(1_000);
    expect(count).toBe(3);
    expect(time.waiting).toBe(0);
  });

  test("the host's clock jumps without moving a timer", async () => {
    const time = new SimulatedTime(Date.UTC(2026, 0, 1));
    const firedAt: number[] = [];
    time.after(1_000, () => firedAt.push(time.mono()));
    time.jumpHost(-86_400_000);
    expect(time.host()).toBe(Date.UTC(2025, 11, 31));
    await time.run(5_000);
    expect(firedAt).toEqual([1_000]);
    time.setHost(Date.UTC(2030, 0, 1));
    expect(time.host()).toBe(Date.UTC(2030, 0, 1));
  });

  test("what a timer throws ends the run", async () => {
    const time = new SimulatedTime(0);
    time.after(1, () => {
      throw new Error("broken");
    });
    await expect(time.run(10)).rejects.toThrow("broken");
  });

  test("a delay that is no number is a defect", () => {
    expect(() => new SimulatedTime(0).after(Number.NaN, () => undefined)).toThrow(RangeError);
  });
});

describe("dice", () => {
  const draw = (dice: ReturnType<typeof createDice>) => Array.from({ length: 5 }, () => dice.random());

  test("the same seed and name give the same numbers, another seed or name others", () => {
    expect(draw(createDice(7))).toEqual(draw(createDice(7)));
    expect(draw(createDice(7))).not.toEqual(draw(createDice(8)));
    expect(draw(createDice(7).stream("a"))).not.toEqual(draw(createDice(7).stream("b")));
    expect(draw(createDice(2 ** 40))).not.toEqual(draw(createDice(0)));
  });

  test("one component's draws do not disturb another's", () => {
    const quiet = createDice(7);
    const busy = createDice(7);
    draw(busy);
    draw(busy.stream("a"));
    expect(draw(busy.stream("b"))).toEqual(draw(quiet.stream("b")));
  });

  test("the numbers are spread evenly, and waits have their mean", () => {
    const dice = createDice(1);
    const many = Array.from({ length: 20_000 }, () => dice.int(1, 6));
    for (let side = 1; side <= 6; side++) {
      expect(many.filter((n) => n === side).length).toBeGreaterThan(3_000);
    }
    const waits = Array.from({ length: 20_000 }, () => dice.exponential(50));
    expect(waits.reduce((sum, ms) => sum + ms, 0) / waits.length).toBeCloseTo(50, -1);
  });
});

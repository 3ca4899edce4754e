import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  advancePower,
  initialPower,
  type PowerCircumstances,
  type PowerEffect,
  type PowerInput,
} from "../../src/policy/power.ts";

const OFF: PowerCircumstances = { ignition: "off", moving: false, emergency: false };
const ON: PowerCircumstances = { ...OFF, ignition: "on" };
const SETTINGS = { offAfterS: 300 };

/** A second of time: what is seen at its end, or that a button was pressed or the unit stopped in it. */
type Second = PowerCircumstances | "press" | "stop";
type Seen = PowerEffect & { readonly atS: number };

/** What is decided second by second. Each cancel is answered in the second after it. */
const run = (
  seconds: readonly Second[],
  settings: { readonly offAfterS: number } | "none" = SETTINGS,
  answer: (atS: number) => "cancelled" | "not-cancelled" = () => "cancelled",
): Seen[] => {
  let state = initialPower;
  const seen: Seen[] = [];
  for (const [atS, second] of seconds.entries()) {
    const mono = atS * 1_000;
    const give = (input: PowerInput) => {
      const advanced = advancePower(state, input, settings === "none" ? undefined : settings);
      ({ state } = advanced);
      for (const effect of advanced.effects) seen.push({ ...effect, atS });
    };
    if (seen.some(({ type, atS: at }) => type === "cancel" && at === atS - 1))
      give({ type: answer(atS), mono });
    give(typeof second === "string" ? { type: second, mono } : { type: "look", circumstances: second, mono });
  }
  return seen;
};
const lasting = (what: Second, seconds: number): Second[] => Array.from({ length: seconds }, () => what);
const news = (seen: readonly Seen[]) =>
  seen.flatMap((one) => (one.type === "report" ? [{ ...one.news, atS: one.atS }] : []));
const orders = (seen: readonly Seen[]) =>
  seen.flatMap(({ type, atS }) => (type === "report" ? [] : [[type, atS]]));
/** Until the computer is switched off in a minute: at 310 s. */
const PARKED = [...lasting(ON, 10), ...lasting(OFF, 301)];

describe("behind the ignition", () => {
  test("a power-off that an earlier run may have left is cancelled at start, without a word", () => {
    expect(run([ON, ON])).toEqual([{ type: "cancel", atS: 0 }]);
    expect(run(["press", OFF])[0]).toEqual({ type: "cancel", atS: 0 });
  });

  test("the computer is to be switched off after its time, and again if that does not happen", () => {
    const seen = run([...lasting(ON, 10), ...lasting(OFF, 950)]);
    expect(news(seen)).toEqual([
      { what: "ignition-off", offInS: 300, atS: 10 },
      { what: "power-off", offInS: 60, atS: 310 },
      { what: "power-off", offInS: 60, atS: 610 },
      { what: "power-off", offInS: 60, atS: 910 },
    ]);
    expect(orders(seen)).toEqual([
      ["cancel", 0],
      ["schedule", 310],
      ["schedule", 610],
      ["schedule", 910],
    ]);
  });

  test.each([
    ["a press", "press", "press"],
    ["an emergency", { ...OFF, emergency: true }, "emergency"],
    ["the ignition", ON, "ignition"],
    ["an ignition that is not known any more", { ...OFF, ignition: undefined }, "ignition"],
    ["movement", { ...OFF, moving: true }, "moving"],
  ] as const)("%s cancels it at once, and it is asked for again after the whole time", (_, what, reason) => {
    const seen = run([...PARKED, ...lasting(OFF, 20), what, ...lasting(OFF, 302)]);
    expect(orders(seen).slice(1)).toEqual([
      ["schedule", 310],
      ["cancel", 331],
      ["schedule", 632],
    ]);
    expect(news(seen)).toContainEqual({ what: "power-off-cancelled", reason, atS: 331 });
  });

  test("a stop of the unit cancels it: the next start may have no power-off to care for", () => {
    const seen = run([...PARKED, ...lasting(OFF, 58), "stop"]);
    expect(orders(seen).slice(1)).toEqual([
      ["schedule", 310],
      ["cancel", 369],
    ]);
    expect(news(seen).at(-1)).toEqual({ what: "power-off-cancelled", atS: 369 });
  });

  test("a stop after its minute does not: the computer is being switched off", () => {
    const seen = run([...PARKED, ...lasting(OFF, 59), "stop"]);
    expect(orders(seen).at(-1)).toEqual(["schedule", 310]);
  });

  test("a stop tries once more to cancel one that could not be cancelled", () => {
    const refused = run([...PARKED, "press", "stop"], SETTINGS, (atS) =>
      atS > 100 ? "not-cancelled" : "cancelled",
    );
    expect(orders(refused).slice(-2)).toEqual([
      ["cancel", 311],
      ["cancel", 312],
    ]);
  });

  test("a stop without a power-off does nothing", () => {
    expect(orders(run([...lasting(ON, 10), "stop"]))).toEqual([["cancel", 0]]);
  });

  test("a press before it is scheduled begins the time anew, without a word", () => {
    const seen = run([...lasting(ON, 10), ...lasting(OFF, 200), "press", ...lasting(OFF, 302)]);
    expect(news(seen).map(({ what, atS }) => [what, atS])).toEqual([
      ["ignition-off", 10],
      ["power-off", 511],
    ]);
  });

  test("a cancel that fails is tried again each second, as long as the power can still go", () => {
    const seen = run([...PARKED, "press", ...lasting({ ...OFF, emergency: true }, 300)], SETTINGS, (atS) =>
      atS > 100 ? "not-cancelled" : "cancelled",
    );
    const cancels = orders(seen).flatMap(([type, atS]) => (type === "cancel" ? [Number(atS)] : []));
    expect(cancels.slice(0, 4)).toEqual([0, 311, 312, 313]);
    expect(cancels.at(-1)).toBe(400);
    expect(news(seen).filter(({ what }) => what === "power-off-cancelled")).toHaveLength(1);
  });

  test("a start in between begins the time anew", () => {
    const trip = [...lasting(ON, 10), ...lasting(OFF, 200), ...lasting(ON, 10), ...lasting(OFF, 299)];
    expect(news(run(trip)).map(({ what }) => what)).toEqual(["ignition-off", "ignition-on", "ignition-off"]);
  });

  test("without the setting the ignition is only reported", () => {
    const seen = run([...lasting(ON, 2), ...lasting(OFF, 90_000), "press"], "none");
    expect(seen).toEqual([{ type: "report", news: { what: "ignition-off" }, atS: 2 }]);
  });
});

describe("whatever happens", () => {
  const second = fc.record({
    ignition: fc.constantFrom("on" as const, "off" as const, undefined),
    moving: fc.boolean(),
    emergency: fc.boolean(),
  });
  const quiet = fc.constant(OFF);
  const stretch = fc.tuple(
    fc.oneof(quiet, second, fc.constant("press" as const)),
    fc.integer({ min: 1, max: 700 }),
  );
  const life = fc
    .array(stretch, { minLength: 1, maxLength: 8 })
    .map((stretches) => stretches.flatMap(([what, length]) => lasting(what, what === "press" ? 1 : length)));
  const speaksAgainst = (one: Second): boolean =>
    typeof one === "string" || one.ignition !== "off" || one.moving || one.emergency;

  test("nothing is scheduled before its time, in an emergency, while the car moves, or while nothing is known", () => {
    fc.assert(
      fc.property(life, (seconds) => {
        for (const [type, at] of orders(run(seconds))) {
          if (type !== "schedule") continue;
          const before = seconds.slice(Math.max(0, Number(at) - 300), Number(at) + 1);
          expect(before).toHaveLength(301);
          expect(before.some(speaksAgainst)).toBe(false);
        }
      }),
    );
  });

  test("no power-off stays scheduled in a second in which something speaks against it", () => {
    fc.assert(
      fc.property(life, (seconds) => {
        const seen = orders(run(seconds));
        for (const [atS, one] of seconds.entries()) {
          if (!speaksAgainst(one)) continue;
          expect(seen.findLast(([, at]) => Number(at) <= atS)?.[0]).not.toBe("schedule");
        }
      }),
    );
  });
});

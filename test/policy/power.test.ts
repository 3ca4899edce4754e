import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createPowerPolicy, type PowerCircumstances, type PowerNews } from "../../src/policy/power.ts";

const OFF: PowerCircumstances = { ignition: "off", moving: false, emergency: false };
const ON: PowerCircumstances = { ...OFF, ignition: "on" };

/** What a policy says, second by second. */
const run = (seconds: readonly PowerCircumstances[], offAfterS: number | undefined = 300) => {
  const policy = createPowerPolicy(offAfterS === undefined ? undefined : { offAfterS });
  const news: (PowerNews & { atS: number })[] = [];
  for (const [atS, now] of seconds.entries()) {
    const said = policy.look(now, atS * 1000);
    if (said) news.push({ ...said, atS });
  }
  return news;
};
const lasting = (what: PowerCircumstances, seconds: number) => Array.from({ length: seconds }, () => what);

describe("behind the ignition", () => {
  test("the computer is switched off after its time, and asked again where that does not happen", () => {
    expect(run([...lasting(ON, 10), ...lasting(OFF, 950)])).toEqual([
      { what: "ignition-off", offInS: 300, atS: 10 },
      { what: "power-off", atS: 310 },
      { what: "power-off", atS: 610 },
      { what: "power-off", atS: 910 },
    ]);
  });

  test("a start in between begins the time anew; without the setting it is only told", () => {
    const trip = [...lasting(ON, 10), ...lasting(OFF, 200), ...lasting(ON, 10), ...lasting(OFF, 299)];
    expect(run(trip).map(({ what }) => what)).toEqual(["ignition-off", "ignition-on", "ignition-off"]);
    const policy = createPowerPolicy(undefined);
    expect(policy.look(OFF, 0)).toEqual({ what: "ignition-off" });
    expect(policy.look(OFF, 86_400_000)).toBeUndefined();
  });

  test("never in an open emergency, while the car moves, while nothing is known, or before its time", () => {
    const second = fc.record({
      ignition: fc.constantFrom("on" as const, "off" as const, undefined),
      moving: fc.boolean(),
      emergency: fc.boolean(),
    });
    const stretch = fc.tuple(second, fc.integer({ min: 1, max: 700 }));
    fc.assert(
      fc.property(fc.array(stretch, { minLength: 1, maxLength: 8 }), (stretches) => {
        const seconds = stretches.flatMap(([what, length]) => lasting(what, length));
        for (const { what, atS } of run(seconds)) {
          if (what !== "power-off") continue;
          const before = seconds.slice(Math.max(0, atS - 299), atS + 1);
          expect(before).toHaveLength(300);
          expect(before.every((one) => one.ignition === "off" && !one.moving && !one.emergency)).toBe(true);
        }
      }),
    );
  });
});

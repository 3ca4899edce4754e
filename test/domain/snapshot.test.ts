import { describe, expect, test } from "vitest";
import { Snapshot } from "../../src/domain/snapshot.ts";
import { aSnapshot } from "../status/a-snapshot.ts";

describe("the snapshot of a unit of another release", () => {
  test("may lack what is newer", () => {
    const { link, ...rest } = aSnapshot();
    const older = Snapshot.parse({ ...rest, link: { reconnects: link.reconnects }, faults: undefined });
    expect(older.faults).toEqual([]);
    expect(older.trail).toBeUndefined();
  });

  test("may have more keys, patterns, states and codes", () => {
    const newer = {
      ...aSnapshot(),
      holograms: 3,
      emergency: {
        drillArmed: false,
        lamp: "rainbow",
        episodes: [{ episode: "1", test: true, state: "asleep", legs: { stored: 4 }, mood: "calm" }],
      },
      faults: [{ part: "flux", code: "low", detail: "the flux is low", colour: "red" }],
    };
    const read = Snapshot.parse(newer);
    expect(read.emergency.lamp).toBe("rainbow");
    expect(read.faults).toEqual([{ part: "flux", code: "low", detail: "the flux is low" }]);
  });

  test("is refused if what every release gives is missing or of another type", () => {
    expect(Snapshot.safeParse({ ...aSnapshot(), unit: undefined }).success).toBe(false);
    expect(Snapshot.safeParse({ ...aSnapshot(), boot: "7" }).success).toBe(false);
    expect(Snapshot.safeParse({}).success).toBe(false);
  });
});

import { describe, expect, test } from "vitest";
import {
  DISK_STUCK_MS,
  LINK_STUCK_MS,
  observeProgress,
  PROGRESS,
  stuckBecause,
  type Signs,
} from "../../src/policy/progress.ts";

const GOOD: Signs = { mono: 0, isDiskSilent: false, linkStillMs: 0 };

/** The reasons after each of these moments. */
const reasons = (...moments: Partial<Signs>[]): (string | undefined)[] => {
  let progress = PROGRESS;
  return moments.map((moment) => {
    const signs = { ...GOOD, ...moment };
    progress = observeProgress(progress, signs);
    return stuckBecause(progress, signs);
  });
};

describe("a unit is started anew", () => {
  test("when its disk has not answered for a minute", () => {
    expect(
      reasons(
        { mono: 5_000, isDiskSilent: true },
        { mono: 5_000 + DISK_STUCK_MS - 1, isDiskSilent: true },
        { mono: 5_000 + DISK_STUCK_MS, isDiskSilent: true },
      ),
    ).toEqual([undefined, undefined, "the disk has not answered for 60 s"]);
  });

  test("not when the disk has answered in between", () => {
    expect(
      reasons(
        { isDiskSilent: true },
        { mono: DISK_STUCK_MS - 1 },
        { mono: DISK_STUCK_MS, isDiskSilent: true },
        { mono: 2 * DISK_STUCK_MS - 1, isDiskSilent: true },
      ),
    ).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("when the link has done nothing for five minutes", () => {
    expect(reasons({ linkStillMs: LINK_STUCK_MS - 1 }, { linkStillMs: LINK_STUCK_MS })).toEqual([
      undefined,
      "the link has done nothing for 300 s",
    ]);
  });
});

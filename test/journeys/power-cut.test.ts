import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { canBoot } from "./guest.ts";
import { cutPower } from "./power-cut.ts";

const CUTS = 10;

test.skipIf(!canBoot)(
  `${CUTS} power cuts under load: every stored press at dispatch, every number delivered or declared`,
  async () => {
    const outcome = await cutPower(CUTS, createRandom(10), () => undefined);
    process.stdout.write(`power cuts: ${JSON.stringify(outcome)}\n`);
    expect(outcome.missing).toEqual([]);
    expect(outcome.usedTwice).toBe(0);
    expect(outcome.stored).toBeGreaterThan(0);
    expect(outcome.presses).toBeGreaterThanOrEqual(outcome.stored);
    expect(outcome.boots).toBe(CUTS + 1);
  },
  600_000,
);

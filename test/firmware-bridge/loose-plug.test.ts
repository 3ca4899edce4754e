import { expect, test } from "vitest";
import { HEALTHY } from "../../firmware-bridge/simulator/network.ts";
import { createRandom } from "../../src/demo/random.ts";
import { openFirmwareBench, show } from "./bench.ts";

/** An engine at idle shakes a wire: it is bad for a part of each 33 ms. A press may be taken for a disturbance then. */
const PERIOD_MS = 33;
const FROM_MS = 500;

type Wire = { readonly seriesOhm: number } | { readonly leakageOhm: number };

/** What the loops are said to be after `shakenMs` with such wires, and 10 s after it has ended. */
const shaken = (wire: Wire, badShare: number, shakenMs: number) => {
  const bench = openFirmwareBench({ seed: 3 });
  bench.pass(FROM_MS);
  const until = FROM_MS + shakenMs;
  for (let loop = 0; loop < 4; loop++) {
    const random = createRandom(loop + 1);
    const changes: number[] = [];
    for (let at = FROM_MS, isBad = true; at < until; isBad = !isBad) {
      changes.push(at);
      at += PERIOD_MS * (isBad ? badShare : 1 - badShare) * (0.9 + 0.2 * random());
    }
    let n = 0;
    bench.board.network(loop, (now) => {
      while (n < changes.length && changes[n]! <= now) n++;
      return n % 2 === 1 && now < until ? { ...HEALTHY, ...wire } : HEALTHY;
    });
  }
  const states = (ms: number): readonly string[] => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      bench.pass(1_000);
      show(bench);
    }
    return bench.of("heartbeat").at(-1)!.loops;
  };
  return { during: states(shakenMs), after: states(10_000) };
};

test.each<[string, Wire, number, number]>([
  ["a loose plug", { seriesOhm: 1e9 }, 0.15, 40_000],
  ["a loose plug", { seriesOhm: 1e9 }, 0.25, 10_000],
  ["a loose plug", { seriesOhm: 1e9 }, 0.4, 6_000],
  ["a wire that touches ground", { leakageOhm: 1 }, 0.15, 40_000],
  ["a wire that touches ground", { leakageOhm: 1 }, 0.25, 10_000],
  ["a wire that touches ground", { leakageOhm: 1 }, 0.4, 6_000],
])("%s (%j), bad for %f of the time, is degraded, and normal once it has ended", (_, wire, badShare, ms) => {
  const { during, after } = shaken(wire, badShare, ms);
  expect(during).toEqual(["degraded", "degraded", "degraded", "degraded"]);
  expect(after).toEqual(["normal", "normal", "normal", "normal"]);
});

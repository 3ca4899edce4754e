import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { INVARIANTS } from "./invariants.ts";
import { expectedOf, foundIn, hunksOf, mutantNames, runMutant, whyNot } from "./mutants.ts";

/** The defects of the audit that the simulator must find. */
const DEFECTS = [1, 5, 7, 8, 9, 18, 19, 23, 26, 31, 32, 33];

test("each defect that the simulator must find has a mutant", () => {
  // A mutant without a number is of a defect that was found later.
  const numbers = new Set(mutantNames().flatMap((name) => /^\d+/.exec(name)?.map(Number) ?? []));
  expect([...numbers].toSorted((a, b) => a - b)).toEqual(DEFECTS);
});

test.each(mutantNames())("%s still applies, and names invariants that there are", (name) => {
  expect(whyNot(name)).toBeUndefined();
  const known = new Set(INVARIANTS.map((one) => one.name));
  expect(expectedOf(name).filter((one) => !known.has(one))).toEqual([]);
});

test.each(mutantNames())("the lines that %s replaces occur once in their file", (name) => {
  const hunks = hunksOf(name);
  expect(hunks).not.toEqual([]);
  for (const { file, old } of hunks) expect(readFileSync(file, "utf8").split(old)).toHaveLength(2);
});

test("a mutant is caught, and the tree itself stays as it is", async () => {
  const name = "32-receive-maximum-is-not-kept.patch";
  expect(await runMutant(name, 0.5)).toMatchObject({
    verdict: "caught",
    again: expect.stringMatching(/^npm run simulate -- --seed \d+ --hours 1$/),
  });
  expect(whyNot(name)).toBeUndefined();
}, 120_000);

test("a patch that is not there does not apply", async () => {
  expect(await runMutant("missing.patch", 0)).toMatchObject({ verdict: "does not apply" });
});

test("the violation and the command that replays it are found in the simulator's output", () => {
  const output = [
    "seed 7: 0.10 h, 3 faults, 0.4 s, 1d8e959ab477",
    "keeps-broker-limits: a: 2 unacknowledged, Receive Maximum 1",
    "  again: npm run simulate -- --seed 7 --hours 1",
  ];
  expect(foundIn(output.join("\n"))).toEqual({
    violation: "keeps-broker-limits: a: 2 unacknowledged, Receive Maximum 1",
    again: "npm run simulate -- --seed 7 --hours 1",
  });
  expect(foundIn(output[0]!)).toBeUndefined();
});

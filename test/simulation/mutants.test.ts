import { expect, test } from "vitest";
import { mutantNames, runMutant } from "./mutants.ts";

test("a mutant of the fake unit is caught, and the tree itself stays as it is", async () => {
  const result = await runMutant("fake-confirms-early.patch", 0.2);
  expect(result).toMatchObject({ verdict: "caught" });
  expect(result.by).toMatch(/^confirmed-is-stored: /);
}, 60_000);

test("a patch that is not there does not apply", async () => {
  expect(await runMutant("missing.patch", 0)).toMatchObject({ verdict: "does not apply" });
});

test("every mutant is a patch", () => {
  expect(mutantNames()).toContain("fake-confirms-early.patch");
});

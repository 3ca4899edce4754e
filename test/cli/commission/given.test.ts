import { expect, test } from "vitest";
import { givenIn, technicianOf } from "../../../src/cli/commission/given.ts";

const given = (...more: string[]) => givenIn(["--root", "/root", ...more]);

test("left out, a fix must be exact to 10 m for 60 s, the certificate valid for 30 days, within an hour", () => {
  expect(given()).toEqual({
    root: "/root",
    technician: undefined,
    limits: { accuracyM: 10, holdS: 60, certificateDays: 30 },
    withinS: 3_600,
    triesPowerOff: false,
    json: false,
    skips: [],
  });
});

test("several steps can be skipped, each with its reason, which may have an equals sign", () => {
  expect(given("--skip", "button:boot=not built in", "--skip", "fix=a roof = no sky").skips).toEqual([
    { id: "button:boot", reason: "not built in" },
    { id: "fix", reason: "a roof = no sky" },
  ]);
});

test.each(["fix", "fix=", "=why", "fix= ", `fix=${"x".repeat(501)}`])("--skip %s is refused", (skip) => {
  expect(() => given("--skip", skip)).toThrow(/expected STEP=REASON/);
});

test.each([" ", "x".repeat(81), "a\u001B[2Jb"])("a technician's name %j is refused", (name) => {
  expect(() => given("--technician", name)).toThrow(/expected a name/);
});

test("a limit that is no number above 0 is refused", () => {
  expect(() => given("--accuracy", "0")).toThrow(/expected a number above 0/);
});

test("without a terminal, a technician's name that is missing is a wrong usage", async () => {
  await expect(technicianOf(given("--json"))).rejects.toThrow(/--technician is missing/);
});

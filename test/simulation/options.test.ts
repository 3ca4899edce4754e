import { execFile } from "node:child_process";
import { expect, test } from "vitest";
import { readOptions, USAGE } from "./options.ts";

const SEEDS = { what: "seeds", seed: undefined, hours: 1, minutes: 1, trace: false };

test.each([
  [[], SEEDS],
  [["--seed", "7", "--hours", "0.5", "--trace"], { ...SEEDS, seed: 7, hours: 0.5, trace: true }],
  [["--minutes", "30"], { ...SEEDS, minutes: 30 }],
  [["--mutants"], { what: "mutants", only: "" }],
  [["--mutants", "--only", "19"], { what: "mutants", only: "19" }],
  [["--help", "--seed", "7"], { what: "help" }],
  [["-h"], { what: "help" }],
])("%j is understood", (args, options) => {
  expect(readOptions(args)).toEqual(options);
});

test.each([
  [["--sed", "7"], "there is no option --sed: is it --seed?; --help lists the options"],
  [["7"], '"7" is not expected here; --help lists the options'],
  [["--seed", "x"], "--seed x: expected a whole number of 0 or more"],
  [["--hours", "-1"], "--hours -1: expected a number of 0 or more"],
  [["--minutes="], "--minutes needs a value; --help lists the options"],
  [["--only", "19"], "--only needs --mutants; --help lists the options"],
])("%j is wrong usage", (args, words) => {
  expect(() => readOptions(args)).toThrow(expect.objectContaining({ exit: 64, message: words }));
});

const run = (...args: string[]) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, ["test/simulation/main.ts", ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

test("--help prints the usage and ends with 0", async () => {
  expect(await run("--help")).toEqual({ code: 0, stdout: USAGE, stderr: "" });
});

test("an unknown option prints what is wrong and the usage line, and ends with 64", async () => {
  const { code, stdout, stderr } = await run("--sed", "7");
  expect([code, stdout]).toEqual([64, ""]);
  expect(stderr.split("\n").slice(0, 2)).toEqual([
    "there is no option --sed: is it --seed?; --help lists the options",
    "npm run simulate -- [--seed N] [--hours H] [--minutes M] [--trace] [--tight]",
  ]);
});

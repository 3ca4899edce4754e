import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

/** The programs of `npm run` that accept arguments. */
const PROGRAMS = {
  bench: "test/bench/main.ts",
  board: "firmware-bridge/simulator/main.ts",
  simulate: "test/simulation/main.ts",
  soak: "test/soak/main.ts",
  unit: "src/main.ts",
} as const;

const run = (program: keyof typeof PROGRAMS, ...args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAMS[program], ...args], {
    encoding: "utf8",
    timeout: 30_000,
  });
  return { status, stdout, stderr };
};

test.each(
  (["bench", "board", "simulate", "soak", "unit"] as const).flatMap((program) =>
    ["--help", "-h"].map((option) => [program, option] as const),
  ),
)("%s %s prints a usage and ends with 0", (program, option) => {
  const { status, stdout, stderr } = run(program, option);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(program === "unit" ? /Usage: patrol-unit/ : `npm run`);
});

test.each([
  ["bench", "there is no section nothing: "],
  ["soak", "there is no section nothing: "],
] as const)("%s refuses a section that there is not", (program, words) => {
  const { status, stdout, stderr } = run(program, "nothing");
  expect({ status, stdout }).toEqual({ status: 64, stdout: "" });
  expect(stderr).toContain(words);
});

const folder = mkdtempSync(join(tmpdir(), "scripts-"));
const rubbish = join(folder, "rubbish.hex");
writeFileSync(rubbish, "rubbish\n");
writeFileSync(join(folder, "taken"), "");

test.each([
  [["--lnk", "x"], 64, "there is no option --lnk: is it --link?; --help lists the options\n"],
  [[], 64, "--link is missing; --help lists the options\n"],
  [["--link", join(folder, "tty"), "--image", rubbish], 74, `line 1 of ${rubbish}: not Intel HEX\n`],
  [
    ["--link", join(folder, "taken")],
    74,
    `${join(folder, "taken")} cannot be created as the link to the serial port: there is another file\n`,
  ],
])("board %j says what is wrong", (args, status, stderr) => {
  expect(run("board", ...args)).toEqual({ status, stdout: "", stderr });
});

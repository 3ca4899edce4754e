import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import {
  bashCompletion,
  fishCompletion,
  manualPage,
  zshCompletion,
} from "../../../src/tools/package/manual.ts";

const COMMANDS = [
  {
    name: "flash",
    summary: "installs it",
    usage: "patrol-unit flash config|firmware FILE [--root DIR]\n.so it's \\done",
  },
  { name: "run", summary: "the car's service", usage: "patrol-unit run --config FILE | --root DIR" },
];
const ABOUT = { version: "1.2.3", day: "2026-01-01", files: ["/etc/x"] };

test("groff reads the manual page without a warning, and prints the usage as it is", () => {
  const { stdout, stderr } = spawnSync("groff", ["-man", "-Tascii", "-ww", "-P-c"], {
    input: manualPage("a summary", COMMANDS, ABOUT),
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(stdout).toContain("patrol-unit flash config|firmware FILE [--root DIR]");
  expect(stdout).toContain(".so it's \\done");
});

/** What bash offers for the words of a line, the last of which is being written. */
const completed = (...words: string[]): string[] =>
  execFileSync(
    "bash",
    [
      "-c",
      `${bashCompletion(COMMANDS)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _patrol_unit; printf '%s\\n' "\${COMPREPLY[@]}"`,
      "bash",
      ...words,
    ],
    { encoding: "utf8", cwd: "/proc/self/task" },
  )
    .split("\n")
    .filter((word) => word !== "" && !/^\d+$/.test(word));

test("bash completes commands, their words and their options", () => {
  expect(completed("patrol-unit", "f")).toEqual(["flash"]);
  expect(completed("patrol-unit", "flash", "f")).toEqual(["firmware"]);
  expect(completed("patrol-unit", "run", "--")).toEqual(["--config", "--root", "--help", "--debug"]);
});

test("the completions of zsh and fish name every command, and quote its summary", () => {
  expect(zshCompletion(COMMANDS)).toContain(String.raw`'run:the car'\''s service'`);
  expect(fishCompletion(COMMANDS)).toContain(String.raw`-a run -d 'the car'\''s service'`);
  expect(fishCompletion(COMMANDS)).toContain("-n '__fish_seen_subcommand_from flash' -l root");
});

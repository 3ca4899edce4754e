import { expect, test } from "vitest";
import { showProgress } from "../../src/cli/flash/progress.ts";

const shownOn = (isTTY: boolean): string => {
  let text = "";
  const write = (more: string) => void (text += more);
  {
    using progress = showProgress({ isTTY, write });
    progress.begin("looking");
    const of = 158;
    for (const doing of ["write", "verify"] as const)
      for (let done = 1; done < of; done++) progress.update({ doing, done, of });
    // The page that decides whether the board starts the firmware comes last.
    for (const doing of ["write", "verify"] as const) progress.update({ doing, done: of, of });
  }
  return text;
};

test("without a terminal progress is a plain line each quarter", () => {
  const quarters = (word: string) => [25, 50, 75, 100].map((percent) => `${word} ${percent} %\n`).join("");
  expect(shownOn(false)).toBe(`looking\n${quarters("writing")}${quarters("verifying")}`);
});

test("on a terminal progress is one line, overwritten, and erased at the end", () => {
  const shown = shownOn(true);
  expect(shown).not.toContain("\n");
  const lines = shown.split("\r\u001B[K");
  expect(lines).toEqual(
    expect.arrayContaining(["looking", "writing 12 %", "writing 100 %", "verifying 100 %"]),
  );
  expect(lines.findLastIndex((line) => line.startsWith("writing"))).toBe(lines.indexOf("verifying 1 %") - 1);
  expect(lines.at(-1)).toBe("");
});

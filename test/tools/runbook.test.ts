import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CATALOGUE } from "../../src/domain/faults.ts";
import { LAMP_PATTERNS } from "../../src/domain/panic.ts";
import { PARTS } from "../../src/domain/report.ts";
import { runbook } from "../../src/tools/runbook.ts";

test("systemd/RUNBOOK.md holds what the catalogue says (npm run generate)", () => {
  expect(readFileSync("systemd/RUNBOOK.md", "utf8")).toBe(runbook());
});

test("every fault stands under its part", () => {
  const text = runbook();
  for (const part of PARTS) {
    const rows = CATALOGUE.filter((row) => row.part === part);
    const section = text.split(`\n## \`${part}\`: `)[1]?.split("\n## ")[0];
    expect(section === undefined, part).toBe(rows.length === 0);
    for (const { code, cause, remedy } of rows) {
      expect(section).toContain(`\`${code}\``);
      expect(section).toContain(cause);
      expect(section).toContain(remedy);
    }
  }
});

test("every pattern of the lamp is explained", () => {
  // To the officer `silent` looks like idle.
  for (const pattern of LAMP_PATTERNS.filter((one) => one !== "silent"))
    expect(runbook()).toContain(`| \`${pattern}\``);
});

test("every link of the runbook leads to one of its headings", () => {
  const text = runbook();
  const titles = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[`:'.,]/g, "")
      .replaceAll(" ", "-"),
  );
  const anchors = new Set(titles);
  const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor!);
  expect(links.filter((link) => !anchors.has(link))).toEqual([]);
});

test("the index of the runbook has every part that can fail, and the lamp's faults name theirs", () => {
  const text = runbook();
  const index = text.split("\n## ")[0]!;
  for (const part of new Set(CATALOGUE.map((row) => row.part))) expect(index).toContain(`- [\`${part}\`](#`);
  for (const { part, lamp } of CATALOGUE.filter((row) => row.lamp !== "unchanged")) {
    const pattern = lamp === "off" ? "no light" : `\`${lamp}\``;
    expect(text.split("\n").find((line) => line.startsWith(`| ${pattern} |`))).toContain(`[\`${part}\`](#`);
  }
});

test("README and runbook name the same states of the lamp, and say when to use the radio", () => {
  const readme = readFileSync("README.md", "utf8");
  const cellsOf = (text: string) =>
    text.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const said = new Map(cellsOf(readme).map(([, , word, meaning]) => [word, meaning]));
  const known = new Map(
    cellsOf(runbook()).map(([, word, , meaning]) => [word?.replaceAll("`", ""), meaning]),
  );
  for (const word of LAMP_PATTERNS.filter((one) => !["silent", "done", "refused"].includes(one)))
    expect(said.get(word), word).toBeDefined();
  for (const word of ["latched", "no-link", "no-host", "fault", "no light"]) {
    expect(said.get(word), word).toMatch(/radio/);
    expect(known.get(word), word).toMatch(/radio/);
  }
  expect(said.has("dark")).toBe(false);
});

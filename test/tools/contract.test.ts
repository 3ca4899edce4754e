import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LAMP_PATTERNS } from "../../src/domain/panic.ts";
import { GAP_REASONS, PARTS } from "../../src/domain/report.ts";
import { WIRE } from "../../src/domain/wire.ts";
import { mosquittoRules } from "../../src/tools/runbook.ts";

const contract = readFileSync("config/CONTRACT.md", "utf8");
const cells = (line: string): string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

test.each(Object.values(WIRE))("config/CONTRACT.md has the topic $path as the unit uses it", (row) => {
  const line = contract.split("\n").find((one) => one.startsWith(`| \`${row.path}\``));
  const [, direction, retain, expiry] = cells(line ?? "");
  expect([direction, retain]).toEqual([row.direction, row.retain ? "yes" : "no"]);
  if ("expiryS" in row) expect(expiry).toBe(`${row.expiryS} s`);
  else expect(expiry).toMatch(/^(none|–|required)$/);
});

test("config/CONTRACT.md names every part and every pattern of the lamp", () => {
  for (const part of PARTS) expect(contract).toContain(`\`${part}\``);
  // The officer cannot tell `silent` from `idle`.
  for (const pattern of LAMP_PATTERNS.filter((one) => one !== "silent"))
    expect(contract).toMatch(new RegExp(`[\`|]${pattern}[\`|]`));
});

test("a topic of config/CONTRACT.md that the unit does not use is marked as not built", () => {
  const table = contract.split("| topic")[1]!.split("\n\n")[0]!;
  const rows = table.split("\n").slice(2).filter(Boolean);
  const used = new Set<string>(Object.values(WIRE).map(({ path }) => path));
  const unused = rows.filter((row) => !used.has(/`([^`]+)`/.exec(row)![1]!));
  expect(unused.length).toBeGreaterThan(0);
  for (const row of unused) expect(row).toMatch(/_not built yet_|by the recorder/);
});

test("config/CONTRACT.md has the access rules that a unit needs, and no other", () => {
  const rules = contract.split("\n").filter((line) => /^pattern \w+ /.test(line));
  expect(rules).toEqual(mosquittoRules());
});

test("config/CONTRACT.md explains every reason of a gap", () => {
  for (const reason of GAP_REASONS) expect(contract).toMatch(new RegExp(`^\\| \`${reason}\`.*\\|`, "m"));
});

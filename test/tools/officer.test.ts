import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { LAMP_LOOKS } from "../../src/domain/lamp-looks.ts";
import { LANGUAGES, officerPage } from "../../src/tools/officer.ts";

test("config/OFFICER.md is what its generator makes (npm run generate)", () => {
  expect(readFileSync("config/OFFICER.md", "utf8")).toBe(officerPage());
});

test("PROTOCOL.md shows the patterns as they are", () => {
  const rows = readFileSync("firmware-bridge/PROTOCOL.md", "utf8").matchAll(
    /^\| \d+ ([a-z-]+) +\| `([#.]{32})` +\|/gm,
  );
  expect(Object.fromEntries(rows.map(([, name, look]) => [name, look]))).toEqual(LAMP_LOOKS);
});

test("each language says each thing once, and no two alike", () => {
  for (const { language, meanings } of LANGUAGES)
    expect(new Set(Object.values(meanings)).size, language).toBe(Object.keys(meanings).length);
});

test("Serbian in Cyrillic has no Latin letter left", () => {
  const words = LANGUAGES.find(({ language }) => /ћирилица/.test(language))!;
  const { title, press, columns, sounds, meanings, notes } = words;
  const all = [title, press, ...columns, ...Object.values(sounds), ...Object.values(meanings), ...notes];
  expect(all.filter((text) => /\p{Script=Latin}/u.test(text))).toEqual([]);
});

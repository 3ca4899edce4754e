import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import config from "./unit.config.ts";

/** `npm run test:unit` runs after `npm ci` alone: without a browser, and without pages that are built. */

const { include = [], exclude = [] } = config.test ?? {};

const importsOf = (file: string): string[] =>
  [...readFileSync(file, "utf8").matchAll(/^(?:import|export)(?! type) [^"]*?from "(\.[^"]+\.tsx?)"/gms)].map(
    (match) => normalize(join(dirname(file), match[1]!)),
  );

/** A file and everything that it imports, in the folder `test`. */
const reach = (file: string, seen: Set<string>): void => {
  if (seen.has(file) || !file.startsWith("test/")) return;
  seen.add(file);
  for (const target of importsOf(file)) reach(target, seen);
};

test("no test of the unit configuration opens a browser", () => {
  const files = globSync([...include], { exclude: [...exclude] });
  expect(files).toContain("test/unit-config.test.ts");
  const opening = files.filter((file) => {
    const seen = new Set<string>();
    reach(file, seen);
    return seen.has("test/web/browser.ts");
  });
  expect(opening).toEqual([]);
});

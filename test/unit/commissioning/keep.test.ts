import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFiles } from "../../../src/bundle/files.ts";
import { keep, KEPT_MAX, nextNumber } from "../../../src/unit/commissioning/keep.ts";
import { rootAt, type Root } from "../../../src/settings/root.ts";

let root: Root;
beforeEach(() => {
  root = rootAt(mkdtempSync(join(tmpdir(), "kept-")));
});
afterEach(() => rmSync(root.dir, { recursive: true, force: true }));

const keepOne = async (): Promise<number> => {
  const files = openFiles(root.dir);
  const number = await nextNumber(root, files);
  await keep(root, files, number, { signed: `signed ${number}`, page: `page ${number}` });
  return number;
};
const kept = (): string[] => readdirSync(join(root.dir, "commissioning")).toSorted();

test("the first report is number 1, with its page, both for owner and group only", async () => {
  expect(await keepOne()).toBe(1);
  expect(kept()).toEqual(["0001.html", "0001.jws"]);
  expect(readFileSync(join(root.dir, "commissioning/0001.jws"), "utf8")).toBe("signed 1");
  expect(statSync(join(root.dir, "commissioning/0001.html")).mode & 0o777).toBe(0o640);
});

test("of more reports than are kept, the oldest goes, and no number comes twice", async () => {
  for (let n = 0; n < KEPT_MAX + 2; n++)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await keepOne();
  expect(kept()).toHaveLength(2 * KEPT_MAX);
  expect(kept()[0]).toBe("0003.html");
  expect(await keepOne()).toBe(KEPT_MAX + 3);
});

test("a report of which only the page was written before a power cut does not give its number again", async () => {
  await keepOne();
  writeFileSync(join(root.dir, "commissioning/0002.html"), "");
  writeFileSync(join(root.dir, "commissioning/notes.txt"), "");
  expect(await keepOne()).toBe(3);
  expect(kept()).toContain("notes.txt");
});

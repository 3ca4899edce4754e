import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { librariesOf, npmComponent } from "../../../src/tools/package/component.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "licences-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (manifest: object, files: Readonly<Record<string, string>> = {}): string => {
  mkdirSync(join(folder, "x"));
  writeFileSync(join(folder, "x/package.json"), JSON.stringify({ name: "x", version: "1.0.0", ...manifest }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "x", name), text);
  return join(folder, "x");
};

describe("the licence of a package of npm", () => {
  test("is the text that it ships, of all its licence files", () => {
    const files = { "LICENSE-MIT": "two", LICENCE: "one", "licensed.js": "no" };
    expect(npmComponent(write({ license: "MIT" }, files), "bundle").text).toBe("one\n\ntwo");
  });

  test("is the standard text with its author if it ships none", () => {
    const { text } = npmComponent(write({ license: "MIT", author: { name: "Ann" } }), "bundle");
    expect(text).toMatch(/^The MIT License\n\nCopyright \(c\) Ann\n\nPermission is hereby granted/);
  });

  test("may be declared in the old form", () => {
    expect(npmComponent(write({ licenses: [{ type: "MIT" }] }), "bundle").licence).toBe("MIT");
  });

  test("must be there: nobody may distribute a package that names none", () => {
    expect(() => npmComponent(write({}), "bundle")).toThrow("x names no licence");
  });

  test("must have a text: a name alone is not enough", () => {
    expect(() => npmComponent(write({ license: "Rare-1.0" }), "bundle")).toThrow("no licence file");
  });
});

test("the libraries of a page are read from what Vite writes", () => {
  expect(librariesOf("# Licenses\n\n## preact - 11.2.0 (MIT)\n\ntext\n\n## @a/b - 1.0.0 (ISC)\n")).toEqual([
    "preact",
    "@a/b",
  ]);
});

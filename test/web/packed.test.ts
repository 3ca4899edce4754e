import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pack, unpack } from "../../src/web/viewer/packed.ts";

test.each([
  "src/domain/faults/serbian.ts",
  "src/commissioning/words/serbian.ts",
  "src/web/status/words/serbian.ts",
])("every text of %s is the same again when it is unpacked", (file) => {
  const source = readFileSync(file, "utf8");
  expect(pack(source)).not.toBe(source);
  expect(unpack(pack(source))).toBe(source);
});

test("every letter comes back, small and capital, also those that are not packed", () => {
  const letters = "абвгдђежзијклљмнњопрстћуфхцчџш";
  expect(unpack(pack(`${letters} ${letters.toUpperCase()}`))).toBe(`${letters} ${letters.toUpperCase()}`);
});

test("a value in Latin letters between packed texts stays as it is", () => {
  const text = `${pack("притисните ")}dash${pack(" сада")}`;
  expect(text).not.toMatch(/[притснеа]/);
  expect(unpack(text)).toBe("притисните dash сада");
});

test("a text that was not packed stays as it is", () => {
  expect(unpack("Press dash, притисните")).toBe("Press dash, притисните");
});

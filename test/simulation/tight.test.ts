import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LIMITS, withLimit } from "./tight.ts";

describe("tight limits", () => {
  test.each(LIMITS.map((limit) => [`${limit.file} ${limit.name}`, limit] as const))(
    "%s is a constant of today's source, and larger there",
    (_, limit) => {
      const text = readFileSync(limit.file, "utf8");
      const tight = withLimit(text, limit);
      expect(tight).not.toBe(text);
      const [value = ""] = new RegExp(`const ${limit.name} = ([^;]+);`).exec(text)?.slice(1) ?? [];
      const product = value.replaceAll("_", "").split("*").map(Number);
      expect(product.reduce((all, factor) => all * factor, 1)).toBeGreaterThan(limit.value);
    },
  );

  test("a constant that is gone is named", () => {
    expect(() => withLimit("const OTHER = 1;", LIMITS[0]!)).toThrow(/KEPT_MAX is not there once/);
  });
});

import { expect, test } from "vitest";
import { isKeepableThroughout, keepableThroughout } from "../../src/domain/text.ts";

test.each([
  ["a\0b", "a\uFFFDb"],
  [{ "k\uD83D": ["\uDE00", 1, null, true] }, { "k\uFFFD": ["\uFFFD", 1, null, true] }],
  [{ inner: { by: "\u{1f693}".slice(0, 1) } }, { inner: { by: "\uFFFD" } }],
])("texts that no store keeps are replaced, keys too: %j", (value, kept) => {
  expect(isKeepableThroughout(value)).toBe(false);
  expect(keepableThroughout(value)).toEqual(kept);
  expect(isKeepableThroughout(kept)).toBe(true);
});

test("other values stay as they are", () => {
  const value = { by: "\u{1f693} Žž", n: 1, list: [undefined, null, { a: "" }] };
  expect(isKeepableThroughout(value)).toBe(true);
  expect(keepableThroughout(value)).toEqual(value);
});

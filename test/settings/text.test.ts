import { expect, test } from "vitest";
import { ConfigurationError, faultText } from "../../src/settings/fault.ts";
import { textOf } from "../../src/settings/text.ts";

const faultsOf = (bytes: Buffer): string[] => {
  try {
    return textOf(bytes, "car.yaml").faults.map(faultText);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.faults.map((fault) => `${fault.fatal ? "fatal: " : ""}${faultText(fault)}`);
  }
};

test.each([
  ["ASCII", Buffer.from("a: b\n")],
  ["nothing", Buffer.alloc(0)],
  ["UTF-8 with a byte order mark", Buffer.from("\uFEFFa: \u0161\n")],
  ["UTF-8 with U+FFFD", Buffer.from("a: \uFFFD\n")],
])("%s is text", (_, bytes) => {
  expect(faultsOf(bytes)).toEqual([]);
});

test.each([
  ["a byte order mark of UTF-16", Buffer.from("\uFEFFunit: {}", "utf16le")],
  ["one of the other order", Buffer.from("\uFEFFunit: {}", "utf16le").swap16()],
  ["UTF-16 without one", Buffer.from("unit: {}", "utf16le")],
  ["UTF-16 of the other order without one", Buffer.from("unit: {}", "utf16le").swap16()],
])("%s is named and fatal", (_, bytes) => {
  expect(faultsOf(bytes)).toEqual(["fatal: car.yaml:1:1: expected a file in UTF-8, found UTF-16"]);
});

test("a byte that is not UTF-8 is a fault at its place, and the rest is used", () => {
  const bytes = Buffer.concat([Buffer.from("a: b\n# \u0161 "), Buffer.from([0xe9]), Buffer.from("\nc: d\n")]);
  expect(faultsOf(bytes)).toEqual([
    "car.yaml:2:5: expected a file in UTF-8, found the byte 0xE9; save it as UTF-8",
  ]);
  expect(textOf(bytes, "car.yaml").text).toContain("\nc: d\n");
});

test("further lines with such bytes are counted", () => {
  const found = (text: string) => faultsOf(Buffer.from(text, "latin1"));
  expect(found("# \u00e9\n# \u00e8")).toEqual([
    "car.yaml:1:3: expected a file in UTF-8, found the byte 0xE9, and such bytes in 1 more line; save it as UTF-8",
  ]);
  expect(found("# \u00e9\n# \u00e8\n\u0080")[0]).toContain("in 2 more lines;");
});

import { describe, expect, test } from "vitest";
import { changelog, controlText, installedSize, md5sums } from "../../../src/tools/package/control.ts";
import { foldersOf, inOrder, text } from "../../../src/tools/package/entry.ts";
import { PRODUCTS } from "../../../src/tools/package/product.ts";

const [CAR] = PRODUCTS;

test("the installed size rounds each file up to a KiB, and counts links and folders as one", () => {
  const files = [
    { path: "a", bytes: new Uint8Array(1) },
    { path: "b", bytes: new Uint8Array(1025) },
    { path: "c", bytes: undefined },
  ];
  expect(installedSize(files, 2)).toBe(1 + 2 + 1 + 2);
});

test("md5sums names each file with its sum, and no link", () => {
  const files = [
    { path: "usr/bin/a", bytes: Buffer.from("") },
    { path: "usr/bin/b", bytes: undefined },
  ];
  expect(md5sums(files)).toBe("d41d8cd98f00b204e9800998ecf8427e  usr/bin/a\n");
});

test("the control file has one paragraph, and an empty line of the description is a dot", () => {
  const control = controlText(CAR!, "1.2.3", "arm64", 100);
  expect(control).toMatch(/^Package: patrol-unit\nVersion: 1\.2\.3\nArchitecture: arm64\n/);
  expect(control).toMatch(/\n \.\n/);
  expect(control).not.toMatch(/\n\n/);
  expect(control.endsWith("\n")).toBe(true);
});

test("the changelog has the day of the commit, not of the build", () => {
  expect(changelog(CAR!, "1.2.3", 0)).toContain("Thu, 01 Jan 1970 00:00:00 +0000");
});

describe("the entries of a package", () => {
  test("are ordered by their bytes, whatever the locale", () => {
    expect(
      inOrder(["b", "B", "ä", "a/c", "a-b"].map((path) => text(path, ""))).map(({ path }) => path),
    ).toEqual(["B", "a-b", "a/c", "b", "ä"]);
  });

  test("of one path twice are refused", () => {
    expect(() => inOrder([text("a", ""), text("a", "")])).toThrow("a is twice in the package");
  });

  test("give their folders, each before those in it", () => {
    expect(foldersOf([text("usr/share/doc/x", ""), text("opt/y", "")])).toEqual([
      "opt",
      "usr",
      "usr/share",
      "usr/share/doc",
    ]);
  });
});

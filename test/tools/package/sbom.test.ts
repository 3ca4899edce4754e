import { expect, test } from "vitest";
import type { Component } from "../../../src/tools/package/component.ts";
import { copyrightText } from "../../../src/tools/package/copyright.ts";
import { sbomText } from "../../../src/tools/package/sbom.ts";

const component = (name: string, more: Partial<Component> = {}): Component => ({
  name,
  version: "1.0.0",
  licence: "MIT",
  text: "The MIT License",
  where: "bundle",
  isFromNpm: true,
  ...more,
});
const SUBJECT = { name: "patrol-unit", version: "1.2.3", architecture: "amd64", at: 0 };

test("a bill of materials names each component with its licence and the sum that npm has checked", () => {
  const bill: unknown = JSON.parse(
    sbomText(SUBJECT, [
      component("@a/b", { integrity: `sha512-${Buffer.from([1, 255]).toString("base64")}` }),
    ]),
  );
  expect(bill).toMatchObject({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    metadata: { timestamp: "1970-01-01T00:00:00.000Z", component: { name: "patrol-unit", version: "1.2.3" } },
    components: [
      {
        name: "@a/b",
        purl: "pkg:npm/%40a/b@1.0.0",
        licenses: [{ expression: "MIT" }],
        hashes: [{ alg: "SHA-512", content: "01ff" }],
      },
    ],
  });
});

test("a bill of materials has a number of its own for other components, and the same for the same", () => {
  const numberOf = (...names: string[]) =>
    /urn:uuid:[0-9a-f-]{36}/.exec(
      sbomText(
        SUBJECT,
        names.map((name) => component(name)),
      ),
    )?.[0];
  expect(numberOf("a")).toBeDefined();
  expect(numberOf("a")).toBe(numberOf("a"));
  expect(numberOf("a")).not.toBe(numberOf("a", "b"));
});

test("the copyright file has a licence once, below everything that has it", () => {
  const text = copyrightText("patrol-unit", [
    component("a"),
    component("b", { text: "Another text", where: "pages" }),
    component("c"),
  ]);
  expect(text).toContain("a 1.0.0, MIT [bundle]\nc 1.0.0, MIT [bundle]\n\nThe MIT License\n");
  expect(text).toContain("b 1.0.0, MIT [pages]\n\nAnother text\n");
});

test("the copyright file refers to Debian's copy of the Apache licence", () => {
  const apache = component("a", {
    licence: "Apache-2.0",
    text: "Copyright (c) somebody\n\nApache License\n  Version 2.0, January 2004\nTERMS",
  });
  const text = copyrightText("patrol-unit", [apache]);
  expect(text).toContain(
    "Copyright (c) somebody\nOn Debian the text is in /usr/share/common-licenses/Apache-2.0.",
  );
  expect(text).not.toContain("TERMS");
});

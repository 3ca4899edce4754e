import { expect, test } from "vitest";
import { filesOf, hasPrivateKey, isMeant, isRecipient } from "../../src/bundle/format.ts";
import { generateKeys } from "../../src/bundle/keys.ts";
import { contentWith } from "./signed.ts";

test.each([
  ["*", "zrenjanin/zr-117", true],
  ["zrenjanin/*", "zrenjanin/zr-117", true],
  ["zrenjanin/zr-117", "zrenjanin/zr-117", true],
  ["zrenjanin/zr-11", "zrenjanin/zr-117", false],
  ["zrenjanin/zr-1170", "zrenjanin/zr-117", false],
  ["zren/*", "zrenjanin/zr-117", false],
  ["pancevo/*", "zrenjanin/zr-117", false],
])("a bundle for %s and the unit %s: %j", (recipient, unit, meant) => {
  expect(isMeant(recipient, unit)).toBe(meant);
});

test.each([
  "",
  "zrenjanin",
  "/",
  "zrenjanin/",
  "/zr-117",
  "*/zr-117",
  "a/b/c",
  "Zr/zr-1",
  "**",
  "zr-*/x",
  "a/**",
])("%j is no recipient", (text) => {
  expect(isRecipient(text)).toBe(false);
});

test("files of text and of bytes come out as they went in", () => {
  const bytes = Buffer.from([0xff, 0xfe, 0, 1]);
  const content = contentWith({
    files: [
      { name: "patrol-unit.yaml", text: "šđčć\r\n" },
      { name: "car.dbc", base64: bytes.toString("base64") },
    ],
  });
  expect(filesOf(content)).toEqual([
    { name: "patrol-unit.yaml", bytes: Buffer.from("šđčć\r\n") },
    { name: "car.dbc", bytes },
  ]);
});

test("a private key is seen in any form of PEM, a public key is none", () => {
  const { privatePem, publicPem } = generateKeys(undefined);
  const encrypted = generateKeys("secret").privatePem;
  const ec = "-----BEGIN EC PRIVATE KEY-----\n";
  expect([privatePem, encrypted, ec, publicPem].map((pem) => hasPrivateKey(Buffer.from(pem)))).toEqual([
    true,
    true,
    true,
    false,
  ]);
});

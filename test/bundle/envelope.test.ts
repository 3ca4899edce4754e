import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { CompactSign } from "jose";
import { expect, test } from "vitest";
import { open, shortKid } from "../../src/bundle/envelope.ts";
import { MAX_BUNDLE_BYTES, MAX_CONTENT_BYTES } from "../../src/bundle/format.ts";
import { thumbprint } from "../../src/bundle/keys.ts";
import { tries } from "../tries.ts";
import { contentWith, keyPair, sealed } from "./signed.ts";

const hq = await keyPair("hq");
const other = await keyPair("other");
const trusted = [other.trusted, hq.trusted];

/** Something signed by a trusted key that no `bundle` command made. */
const signed = async (payload: Uint8Array, header: object = {}): Promise<Buffer> =>
  Buffer.from(
    await new CompactSign(payload)
      .setProtectedHeader({
        alg: "EdDSA",
        typ: "patrol-unit-bundle",
        kid: await thumbprint(hq.key),
        ...header,
      })
      .sign(hq.key),
  );
const signedJson = (value: unknown) => signed(gzipSync(JSON.stringify(value)));
const codeOf = async (bytes: Buffer): Promise<string> => {
  const opened = await open(bytes, trusted);
  return opened.kind === "valid" ? "valid" : opened.code;
};

test("a bundle is opened with its content, and names the key that signed it", async () => {
  expect(await open(await sealed(hq.key), trusted)).toMatchObject({
    kind: "valid",
    signer: "hq",
    content: contentWith(),
  });
});

test("one bit changed anywhere is refused", async () => {
  const bytes = await sealed(hq.key);
  const accepted: string[] = [];
  for (let at = 0; at < bytes.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1 << bit;
      if ((await codeOf(changed)) === "valid") accepted.push(`byte ${at}, bit ${bit}`);
    }
  expect(accepted).toEqual([]);
});

test("a bundle that is cut at any length is refused", async () => {
  const bytes = await sealed(hq.key);
  for (let length = 0; length < bytes.length; length++)
    expect(await codeOf(bytes.subarray(0, length)), `${length} bytes`).not.toBe("valid");
});

test.each(["\n", " ", "=", "A", "."])("a bundle with %j behind it is refused", async (tail) => {
  expect(await codeOf(Buffer.concat([await sealed(hq.key), Buffer.from(tail)]))).toBe("not-a-bundle");
});

test("a key that the unit does not trust is named", async () => {
  const stranger = await keyPair("stranger");
  expect(await open(await sealed(stranger.key), trusted)).toEqual({
    kind: "invalid",
    code: "unknown-key",
    says: `it is signed by the key ${shortKid(stranger.trusted.kid)}, which this unit does not trust`,
  });
});

test("a bundle that claims a trusted key but is signed by another one is refused", async () => {
  const [, payload = ""] = (await sealed(hq.key)).toString().split(".");
  const forged = await new CompactSign(Buffer.from(payload, "base64url"))
    .setProtectedHeader({ alg: "EdDSA", typ: "patrol-unit-bundle", kid: await thumbprint(hq.key) })
    .sign(other.key);
  expect(await codeOf(Buffer.from(forged))).toBe("signature");
});

test("another JWS of a trusted key is no bundle", async () => {
  const payload = gzipSync(JSON.stringify(contentWith()));
  expect(await codeOf(await signed(payload))).toBe("valid");
  expect(await codeOf(await signed(payload, { typ: "JWT" }))).toBe("not-a-bundle");
});

test("513 KiB are refused before anything is read", async () => {
  expect(await codeOf(Buffer.alloc(MAX_BUNDLE_BYTES, "A"))).toBe("not-a-bundle");
  expect(await open(Buffer.alloc(513 * 1024, "A"), trusted)).toEqual({
    kind: "invalid",
    code: "too-large",
    says: "it has 525312 bytes, more than 524288",
  });
});

test("a gzip bomb is refused, and is not unpacked", async () => {
  const bomb = gzipSync(Buffer.alloc(64 * MAX_CONTENT_BYTES, " "));
  expect(await codeOf(await signed(bomb))).toBe("content");
});

test.each([
  ["that is not gzip", Buffer.from("{}")],
  ["that is not JSON", gzipSync("{")],
])("a content %s is refused", async (_, payload) => {
  expect(await codeOf(await signed(payload))).toBe("content");
});

const FILE = { name: "patrol-unit.yaml", text: "" };
const named = (name: string) => ({ files: [FILE, { name, text: "" }] });
test.each([
  ["a name that leaves the folder", named("../trust/evil.pem")],
  ["a name that leaves it further down", named("vehicles/../../trust/evil.pem")],
  ["an absolute name", named("/etc/passwd")],
  ["a hidden name", named(".bundle.json")],
  ["a hidden folder", named("a/.b/c")],
  ["an empty level", named("a//b")],
  ["a name with a backslash", named(String.raw`..\evil`)],
  ["a name with a control character", named("a\nb")],
  ["a name of five levels", named("a/b/c/d/e")],
  ["a name twice", named("patrol-unit.yaml")],
  [
    "a file that is another one's folder",
    { files: [FILE, { name: "a", text: "" }, { name: "a/b", text: "" }] },
  ],
  ["65 files", { files: Array.from({ length: 65 }, (_, n) => ({ name: `f${n}`, text: "" })) }],
  ["no file", { files: [] }],
  ["a file that is no base64", { files: [{ name: "a", base64: "*" }] }],
  ["another type", { type: "firmware" }],
  ["a key that this release does not know", { script: "rm -rf /" }],
  ["version 0", { version: 0 }],
  ["a version that is no whole number", { version: 1.5 }],
  ["a recipient that is none", { for: "zrenjanin" }],
  ["a date that is none", { expires: "tomorrow" }],
  ["a trusted key with a path as its name", { trust: { add: [{ name: "../x", pem: "" }], retire: [] } }],
])("a signed content with %s is refused", async (_, parts) => {
  expect(await codeOf(await signedJson({ ...contentWith(), ...parts }))).toBe("content");
});

test("rubbish of any kind is refused, and nothing is thrown", async () => {
  const bytes = await sealed(hq.key);
  const [header = "", payload = "", signature = ""] = bytes.toString().split(".");
  const part = fc.oneof(fc.constantFrom(header, payload, signature, ""), fc.base64String(), fc.string());
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
      const text = parts.join(".");
      if (text === bytes.toString()) return;
      expect(await codeOf(Buffer.from(text))).not.toBe("valid");
    }),
    { numRuns: tries(500) },
  );
});

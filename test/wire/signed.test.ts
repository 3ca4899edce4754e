import { generateKeyPairSync, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { calculateJwkThumbprint, CompactSign, compactVerify, exportJWK } from "jose";
import { expect, test } from "vitest";
import { openSigned, signedBy, trustedKeys, unsigned } from "../../src/wire/signed.ts";
import { tries } from "../tries.ts";

const TOPIC = "patrol/v1/zrenjanin/zr-117/command";
const MESSAGE = { id: "c1", kind: "ping", expiresAt: "2026-11-24T22:10:00Z" };

const pair = () => generateKeyPairSync("ed25519");
const asSetting = (key: KeyObject): string => key.export({ type: "spki", format: "der" }).toString("base64");
const { publicKey, privateKey } = pair();
const KEYS = trustedKeys([asSetting(pair().publicKey), asSetting(publicKey)]);
const jwsOf = (payload: Buffer): string => {
  const { jws } = JSON.parse(payload.toString()) as { jws: string };
  return jws;
};

test("what a trusted key has signed is read as it was meant, whatever is written beside it", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (message) => {
      fc.pre(!Object.hasOwn(message, "__proto__")); // left out: it is no key of any message
      const payload = signedBy(privateKey)(TOPIC, message);
      const changed = Buffer.from(JSON.stringify({ stage: "cleared", jws: jwsOf(payload) }));
      for (const one of [payload, changed]) {
        const opened = openSigned(KEYS, TOPIC, one);
        expect(opened.kind).toBe("valid");
        if (opened.kind === "valid")
          expect(JSON.parse(opened.payload.toString())).toEqual(JSON.parse(JSON.stringify(message)));
      }
    }),
    { numRuns: tries(300) },
  );
});

test("who asks for no signature reads the message as one without", () => {
  const { jws, ...rest } = JSON.parse(signedBy(privateKey)(TOPIC, MESSAGE).toString());
  expect(typeof jws).toBe("string");
  expect(rest).toEqual(JSON.parse(unsigned(TOPIC, MESSAGE).toString()));
});

test("a changed character makes it invalid", () => {
  const payload = signedBy(privateKey)(TOPIC, MESSAGE);
  const jws = jwsOf(payload);
  fc.assert(
    fc.property(fc.nat(jws.length - 2), fc.constantFrom("A", "z", "0", "-", "_", "."), (at, letter) => {
      fc.pre(jws[at] !== letter);
      const changed = { ...MESSAGE, jws: jws.slice(0, at) + letter + jws.slice(at + 1) };
      expect(openSigned(KEYS, TOPIC, Buffer.from(JSON.stringify(changed))).kind).toBe("invalid");
    }),
    { numRuns: tries(500) },
  );
});

test("whatever bytes come, nothing is thrown and nothing counts", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        expect(openSigned(KEYS, TOPIC, Buffer.from(bytes)).kind).toBe("invalid");
      },
    ),
    { numRuns: tries(500) },
  );
});

test.each([
  ["no signature", unsigned(TOPIC, MESSAGE), "no signature"],
  ["a key that is not trusted", signedBy(pair().privateKey)(TOPIC, MESSAGE), "does not trust"],
  ["another topic", signedBy(privateKey)(TOPIC.replace("zr-117", "zr-118"), MESSAGE), "another topic"],
  ["too many bytes", signedBy(privateKey)(TOPIC, { id: "x".repeat(60_000) }), "no signature"],
])("a message with %s does not count", (_, payload, why) => {
  expect(openSigned(KEYS, TOPIC, payload)).toMatchObject({
    kind: "invalid",
    why: expect.stringContaining(why) as string,
  });
});

/** What another library for JOSE makes of it. */
const sealed = async (header: { alg: string; [name: string]: unknown }, content: object): Promise<Buffer> => {
  const jws = await new CompactSign(Buffer.from(JSON.stringify(content)))
    .setProtectedHeader(header)
    .sign(privateKey, { crit: { x: true } });
  return Buffer.from(JSON.stringify({ ...MESSAGE, jws }));
};

test("it is a JWS: another library verifies it, and signs one that counts", async () => {
  const { payload, protectedHeader } = await compactVerify(
    jwsOf(signedBy(privateKey)(TOPIC, MESSAGE)),
    publicKey,
  );
  expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ topic: TOPIC, message: MESSAGE });
  const kid = await calculateJwkThumbprint(await exportJWK(publicKey));
  expect(protectedHeader).toEqual({ alg: "EdDSA", typ: "patrol-unit-message", kid });
  const content = { topic: TOPIC, message: MESSAGE };
  const made = await sealed({ alg: "EdDSA", typ: "patrol-unit-message", kid }, content);
  expect(openSigned(KEYS, TOPIC, made).kind).toBe("valid");
});

test("a signed bundle, or a header that asks for more, does not count as a message", async () => {
  const kid = await calculateJwkThumbprint(await exportJWK(publicKey));
  const content = { topic: TOPIC, message: MESSAGE };
  for (const header of [
    { alg: "EdDSA", typ: "patrol-unit-bundle", kid },
    { alg: "EdDSA", typ: "patrol-unit-message", kid, crit: ["x"], x: 1 },
    { alg: "EdDSA", typ: "patrol-unit-message" },
  ])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(openSigned(KEYS, TOPIC, await sealed(header, content)).kind).toBe("invalid");
});

import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { generateKeys, signingKey, thumbprint, trustedKey } from "../../src/bundle/keys.ts";

test("a private key and its public key have the same thumbprint", async () => {
  const { privatePem, publicPem } = generateKeys(undefined);
  const { kid } = await trustedKey("hq", publicPem);
  expect(await thumbprint(signingKey(privatePem, undefined))).toBe(kid);
  expect(kid).toMatch(/^[\w-]{43}$/);
});

test("an encrypted key needs its passphrase", () => {
  const { privatePem } = generateKeys("garage");
  expect(privatePem).toContain("ENCRYPTED");
  expect(() => signingKey(privatePem, undefined)).toThrow("its passphrase is needed");
  expect(() => signingKey(privatePem, "kitchen")).toThrow("the passphrase is wrong");
  expect(signingKey(privatePem, "garage").asymmetricKeyType).toBe("ed25519");
});

test("only the public half of an Ed25519 key can be trusted", async () => {
  const { privatePem } = generateKeys(undefined);
  const pem = { type: "spki", format: "pem" } as const;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export(pem).toString();
  await expect(trustedKey("a", privatePem)).rejects.toThrow("it is a private key");
  await expect(trustedKey("a", rsa)).rejects.toThrow("it is not an Ed25519 key");
  await expect(trustedKey("a", "hello")).rejects.toThrow("it is not a public key in PEM");
});

test("only an Ed25519 key can sign", () => {
  const pem = { type: "pkcs8", format: "pem" } as const;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  expect(() => signingKey(privateKey.export(pem).toString(), undefined)).toThrow("it is not an Ed25519 key");
  expect(() => signingKey("hello", undefined)).toThrow("it is not a private key in PEM");
});

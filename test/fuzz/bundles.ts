import { generateKeyPairSync } from "node:crypto";
import { gzipSync } from "node:zlib";
import { CompactSign } from "jose";
import { open } from "../../src/bundle/envelope.ts";
import { thumbprint } from "../../src/bundle/keys.ts";

/** Bundles: bytes as they are or, if the first one is odd, as the content of one that a trusted key has signed. */
export const openBundles = async (): Promise<(input: Buffer) => Promise<void>> => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const kid = await thumbprint(publicKey);
  const trusted = [{ name: "hq", kid, key: publicKey }];
  const header = { alg: "EdDSA", typ: "patrol-unit-bundle", cty: "application/gzip", kid };
  return async (input) => {
    const body = input.subarray(1);
    const isSigned = (input[0] ?? 0) % 2 === 1;
    const signing = () =>
      new CompactSign(gzipSync(body, { level: 1 })).setProtectedHeader(header).sign(privateKey);
    const opened = await open(isSigned ? Buffer.from(await signing()) : body, trusted);
    if (opened.kind === "valid" && !isSigned) throw new Error("a bundle that nobody has signed counts");
  };
};

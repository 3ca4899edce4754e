import { createHash, createPublicKey, sign, verify, type KeyObject } from "node:crypto";
import * as z from "zod";
import { readJson } from "./read.ts";

/**
 * What dispatch signs: the message as it always was, with the key `jws` beside its others. That is a JWS in compact form
 * (RFC 7515) of the topic and the message: who asks for signatures reads nothing else, and who does not, ignores it.
 */

/** EdDSA with Ed25519 (RFC 8037). A header with anything else, such as `crit`, is refused. */
const Header = z.strictObject({
  alg: z.literal("EdDSA"),
  typ: z.literal("patrol-unit-message"),
  kid: z.string(),
});
const Claims = z.object({ topic: z.string(), message: z.record(z.string(), z.unknown()) });
const Signed = z.object({ jws: z.string() });
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]{86})$/;

/** The largest command has 16 KiB: here it is written twice, once as base64url. */
const MESSAGE_BYTES = 65_536;

/** The keys that count, by their thumbprints. */
export type TrustedKeys = ReadonlyMap<string, KeyObject>;

/** Makes the payload of a message. `topic`: the whole topic that it is published on. */
export type Compose = (topic: string, message: object) => Buffer;

type Opened =
  | { readonly kind: "valid"; readonly payload: Buffer }
  | { readonly kind: "invalid"; readonly why: string };

/** RFC 7638. */
const thumbprint = (key: KeyObject): string => {
  const { x } = key.export({ format: "jwk" });
  return createHash("sha256")
    .update(JSON.stringify({ crv: "Ed25519", kty: "OKP", x }))
    .digest("base64url");
};

/** `keys`: SubjectPublicKeyInfo in base64, the line between BEGIN and END of a PEM file. Throws if one is none. */
export const trustedKeys = (keys: readonly string[]): TrustedKeys =>
  new Map(
    keys.map((text) => {
      const key = createPublicKey({ key: Buffer.from(text, "base64"), format: "der", type: "spki" });
      return [thumbprint(key), key];
    }),
  );

/** A message without a signature. */
export const unsigned: Compose = (_topic, message) => Buffer.from(JSON.stringify(message));

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signs with a private Ed25519 key. */
export const signedBy = (key: KeyObject): Compose => {
  const header = encoded({ alg: "EdDSA", typ: "patrol-unit-message", kid: thumbprint(key) });
  return (topic, message) => {
    const content = `${header}.${encoded({ topic, message })}`;
    const signature = sign(null, Buffer.from(content), key).toString("base64url");
    return Buffer.from(JSON.stringify({ ...message, jws: `${content}.${signature}` }));
  };
};

const invalid = (why: string): Opened => ({ kind: "invalid", why });

const part = (text: string | undefined): unknown =>
  readJson(Buffer.from(text ?? "", "base64url"), MESSAGE_BYTES);

/** The message that a trusted key has signed for this topic, as a payload without a signature. Does not throw. */
export const openSigned = (keys: TrustedKeys, topic: string, payload: Buffer): Opened => {
  const signed = Signed.safeParse(readJson(payload, MESSAGE_BYTES)).data;
  if (!signed) return invalid("it has no signature");
  const [, header, claims, signature = ""] = COMPACT.exec(signed.jws) ?? [];
  const named = Header.safeParse(part(header)).data;
  if (!named) return invalid("its signature has another form than this release reads");
  const key = keys.get(named.kid);
  if (!key) return invalid("it is signed by a key that this unit does not trust");
  const bytes = Buffer.from(`${header}.${claims}`);
  if (!verify(null, bytes, key, Buffer.from(signature, "base64url")))
    return invalid("its signature is wrong");
  const { data } = Claims.safeParse(part(claims));
  if (!data) return invalid("what is signed has another form than this release reads");
  if (data.topic !== topic) return invalid("it was signed for another topic");
  return { kind: "valid", payload: unsigned(topic, data.message) };
};

import type { KeyObject } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { CompactSign, compactVerify, decodeProtectedHeader } from "jose";
import type * as z from "zod";
import { Content, MAX_BUNDLE_BYTES, MAX_CONTENT_BYTES } from "./format.ts";
import { thumbprint, type TrustedKey } from "./keys.ts";
import { sha256 } from "./sha256.ts";

/**
 * A bundle is a JWS in compact form (RFC 7515): its header names the key (`kid`), its payload is the
 * content as gzip of JSON. The signature is over header and payload as they are written, so it covers every
 * byte before it.
 */

/** What is sealed: the type in the header, and the schema of its content. */
export type Sealed<T> = { readonly type: string; readonly schema: z.ZodType<T> };

/** A configuration with its files. */
const CONFIGURATION: Sealed<Content> = { type: "patrol-unit-bundle", schema: Content };
/** The types of what headquarters signs. */
const OURS = /^patrol-unit-[a-z]{1,16}$/;
/** EdDSA with Ed25519 (RFC 8037). */
const ALGORITHM = "EdDSA";
/** An Ed25519 signature has 64 bytes: 86 characters of base64url. */
const COMPACT = /^([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]{86})$/;

export type Opened<T = Content> =
  | {
      readonly kind: "valid";
      readonly content: T;
      /** The name of the key that signed it. */
      readonly signer: string;
      /** Of the bundle's bytes, hex. */
      readonly sha256: string;
    }
  | Invalid;
type Invalid = { readonly kind: "invalid"; readonly code: InvalidCode; readonly says: string };
/** `unreadable`: of a file whose bytes nobody could open. */
type InvalidCode = "unreadable" | "too-large" | "not-a-bundle" | "unknown-key" | "signature" | "content";

const invalid = (code: InvalidCode, says: string): Invalid => ({ kind: "invalid", code, says });

/** Signs a content. The result can have more than MAX_BUNDLE_BYTES: the caller checks that. */
export const sealAs = async <T>({ type }: Sealed<T>, content: T, key: KeyObject): Promise<Buffer> => {
  const payload = gzipSync(JSON.stringify(content), { level: 9 });
  const header = { alg: ALGORITHM, typ: type, cty: "application/gzip", kid: await thumbprint(key) };
  return Buffer.from(await new CompactSign(payload).setProtectedHeader(header).sign(key));
};

export const seal = (content: Content, key: KeyObject): Promise<Buffer> =>
  sealAs(CONFIGURATION, content, key);

/** What is signed, in its form: base64url has several spellings of one signature, and only one is accepted. */
const partsOf = (text: string): { readonly kid: string; readonly type: string } | undefined => {
  const [, , signature = ""] = COMPACT.exec(text) ?? [];
  if (signature === "" || Buffer.from(signature, "base64url").toString("base64url") !== signature)
    return undefined;
  try {
    const { typ, kid } = decodeProtectedHeader(text);
    return typ !== undefined && typeof kid === "string" ? { kid, type: typ } : undefined;
  } catch {
    return undefined;
  }
};

const unpack = (payload: Uint8Array): Buffer | undefined => {
  try {
    return gunzipSync(payload, { maxOutputLength: MAX_CONTENT_BYTES });
  } catch {
    return undefined;
  }
};

const jsonOf = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
};

const contentOf = <T>(schema: z.ZodType<T>, payload: Uint8Array): { readonly content: T } | string => {
  const bytes = unpack(payload);
  if (!bytes) return `its content cannot be unpacked to at most ${MAX_CONTENT_BYTES} bytes`;
  const { data, error } = schema.safeParse(jsonOf(bytes));
  if (data !== undefined) return { content: data };
  const [issue] = error?.issues ?? [];
  return `its content has another format than this release reads (${issue?.path.join(".")}: ${issue?.message})`;
};

/** Checks the signature of a bundle against the trusted keys, and reads its content. Does not throw. */
export const open = (bytes: Buffer, trusted: readonly TrustedKey[]): Promise<Opened> =>
  openAs(CONFIGURATION, bytes, trusted);

/** As `open`, for any sealed type. */
export const openAs = async <T>(
  { type, schema }: Sealed<T>,
  bytes: Buffer,
  trusted: readonly TrustedKey[],
): Promise<Opened<T>> => {
  if (bytes.length > MAX_BUNDLE_BYTES)
    return invalid("too-large", `it has ${bytes.length} bytes, more than ${MAX_BUNDLE_BYTES}`);
  const text = bytes.toString("latin1");
  const parts = partsOf(text);
  if (parts && parts.type !== type && OURS.test(parts.type))
    return invalid("not-a-bundle", `it is a ${parts.type}: expected a ${type}`);
  if (parts?.type !== type) return invalid("not-a-bundle", "it is not a bundle, or it is damaged or cut");
  const signer = trusted.find(({ kid }) => kid === parts.kid);
  if (!signer)
    return invalid(
      "unknown-key",
      `it is signed by the key ${shortKid(parts.kid)}, which this unit does not trust`,
    );
  let payload: Uint8Array;
  try {
    ({ payload } = await compactVerify(text, signer.key, { algorithms: [ALGORITHM] }));
  } catch {
    return invalid("signature", "its signature is wrong: it was changed, damaged or cut after it was signed");
  }
  const read = contentOf(schema, payload);
  if (typeof read === "string") return invalid("content", read);
  return { kind: "valid", content: read.content, signer: signer.name, sha256: sha256(bytes) };
};

const SHORT_KID = 12;
/** A key's thumbprint as it is printed: its beginning, without what a terminal could act on. */
export const shortKid = (kid: string): string => kid.replaceAll(/[^A-Za-z0-9_-]/g, "?").slice(0, SHORT_KID);

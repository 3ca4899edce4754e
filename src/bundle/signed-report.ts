import { createHash, X509Certificate, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint, CompactSign, compactVerify, decodeProtectedHeader } from "jose";
import * as z from "zod";
import { CommissioningReport, SIGNED_BYTES } from "../domain/commissioning.ts";
import { commonNamesOf } from "../settings/identity.ts";
import { signerRefusal } from "./certificate.ts";
import { isUnitKey } from "./request.ts";

/**
 * A commissioning report as a JWS in compact form (RFC 7515), ES256 by the unit's own key. Its header holds the
 * unit's certificate and those between it and the CA (`x5c`), so that the file alone shows who signed it.
 */

const TYPE = "patrol-unit-commissioning";
const ALGORITHM = "ES256";
/** An ES256 signature has 64 bytes: 86 characters of base64url. */
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]{86})$/;
/** The unit's certificate, and those between it and the CA. */
const CHAIN_MAX = 16;

const Header = z.object({
  alg: z.literal(ALGORITHM),
  typ: z.literal(TYPE),
  kid: z.string(),
  x5c: z.array(z.string().min(1)).min(1).max(CHAIN_MAX),
});

/** A report whose signature holds. `chain`: of who signed it; nobody has checked yet who issued it. */
export type SignedReport = {
  readonly report: CommissioningReport;
  readonly chain: readonly X509Certificate[];
  /** The thumbprint (RFC 7638) of the key that signed it. */
  readonly kid: string;
  /** Of the file's bytes, hex. */
  readonly sha256: string;
};

/** `refused`: a sentence that begins with "it". */
export type OpenedReport = SignedReport | { readonly refused: string };

/** The thumbprint of a P-256 key (RFC 7638); the same for a private key and its public key. */
const thumbprint = (key: KeyObject): Promise<string> => {
  const { kty = "", crv = "", x = "", y = "" } = key.export({ format: "jwk" });
  return calculateJwkThumbprint({ kty, crv, x, y });
};

/** Of the bytes of a signed report, hex. */
const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Signs a report. `key`: the unit's; `chain`: its certificate, and those between it and the CA. */
export const signReport = async (
  report: CommissioningReport,
  key: KeyObject,
  chain: readonly X509Certificate[],
): Promise<string> => {
  const header = {
    alg: ALGORITHM,
    typ: TYPE,
    cty: "application/json",
    kid: await thumbprint(key),
    x5c: chain.map(({ raw }) => raw.toString("base64")),
  };
  return new CompactSign(Buffer.from(JSON.stringify(report))).setProtectedHeader(header).sign(key);
};

type Signer = {
  readonly kid: string;
  readonly chain: readonly X509Certificate[];
  /** Of the first certificate of the chain. */
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
};

/**
 * Who says that he has signed it. Undefined: the header cannot be read. base64url has several spellings of one
 * signature, and only one is accepted.
 */
const signerOf = (text: string): Signer | undefined => {
  const signature = COMPACT.exec(text)?.[1] ?? "";
  if (signature === "" || Buffer.from(signature, "base64url").toString("base64url") !== signature)
    return undefined;
  try {
    const { kid, x5c } = Header.parse(decodeProtectedHeader(text));
    const chain = x5c.map((one) => new X509Certificate(Buffer.from(one, "base64")));
    const [certificate] = chain;
    // Reading the key of a damaged certificate throws.
    return certificate && { kid, chain, certificate, key: certificate.publicKey };
  } catch {
    return undefined;
  }
};

const payloadOf = async (text: string, key: KeyObject): Promise<Uint8Array | undefined> => {
  try {
    return (await compactVerify(text, key, { algorithms: [ALGORITHM] })).payload;
  } catch {
    return undefined;
  }
};

const reportIn = (payload: Uint8Array): CommissioningReport | undefined => {
  try {
    return CommissioningReport.safeParse(JSON.parse(Buffer.from(payload).toString("utf8"))).data;
  } catch {
    return undefined;
  }
};

/**
 * Reads a signed report and checks that the key of the certificate in it has signed it, and that the certificate is
 * that of the report's unit. Does not throw.
 */
export const openReport = async (text: string): Promise<OpenedReport> => {
  if (text.length > SIGNED_BYTES) return { refused: `it has more than ${SIGNED_BYTES} bytes` };
  const signer = signerOf(text);
  if (!signer) return { refused: "it is not a signed commissioning report, or it is damaged or cut" };
  const { key, certificate, chain, kid } = signer;
  const payload = isUnitKey(key) ? await payloadOf(text, key) : undefined;
  if (!payload || kid !== (await thumbprint(key)))
    return {
      refused: "its signature is not that of the certificate in it: it was changed, or another key signed it",
    };
  const report = reportIn(payload);
  if (!report) return { refused: "its content has another format than this release reads" };
  const names = commonNamesOf(certificate);
  if (names.length !== 1 || names[0] !== report.unit)
    return { refused: `it is about ${report.unit}, and ${names.join(", ") || "nobody"} has signed it` };
  return { report, chain, kid, sha256: sha256Of(text) };
};

/**
 * Why the certificate of a signed report does not count; undefined: a CA has issued it, and it was valid when the
 * report was made. A report without a trusted time is judged without dates.
 */
export const issuerRefusal = (
  { report, chain }: SignedReport,
  ca: readonly X509Certificate[],
): string | undefined =>
  signerRefusal(chain, ca, report.clock === "unset" ? undefined : Date.parse(report.at));

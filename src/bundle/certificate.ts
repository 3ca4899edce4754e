import { X509Certificate, type KeyObject } from "node:crypto";
import { BUILT_MS } from "../domain/built.ts";
import { commonNamesOf } from "../settings/identity.ts";

/** Whether a certificate can be the unit's. Pure but for the arithmetic of OpenSSL. */

/** RFC 5280 §4.2.1.12 */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
/** A certificate in a text. */
export const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
/** A chain has the unit's certificate and those between it and the CA. */
const MAX_CERTIFICATES = 16;

/** The certificates of a file in PEM, at most 16. Undefined: one of them cannot be read, or there is none. */
export const certificatesIn = (text: string): readonly X509Certificate[] | undefined => {
  const found = (text.match(CERTIFICATE) ?? []).slice(0, MAX_CERTIFICATES);
  try {
    return found.length === 0 ? undefined : found.map((one) => new X509Certificate(one));
  } catch {
    return undefined;
  }
};

/** What a certificate is checked against. */
export type Expected = {
  readonly unit: string;
  readonly key: KeyObject;
  /** The certificates of the CA. Empty: none is known, and the issuer is not checked. */
  readonly ca: readonly X509Certificate[];
  /** UTC milliseconds, if the time is known. */
  readonly now: number | undefined;
};

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/** Whether a chain leads from the first certificate to a CA. Each step uses one certificate, so it ends. */
const leadsTo = (
  certificate: X509Certificate,
  between: readonly X509Certificate[],
  ca: readonly X509Certificate[],
): boolean =>
  ca.some((one) => isIssuedBy(certificate, one)) ||
  between.some(
    (one, index) => one.ca && isIssuedBy(certificate, one) && leadsTo(one, between.toSpliced(index, 1), ca),
  );

const day = (date: Date): string => date.toISOString().slice(0, 10);

/** Why a certificate is not valid at a time: a sentence that begins with "it". Undefined: it is. */
export const wrongDate = (
  { validFromDate, validToDate }: X509Certificate,
  now: number,
): string | undefined => {
  if (validToDate.getTime() <= now) return `it expired on ${day(validToDate)}`;
  return validFromDate.getTime() > now ? `it is valid from ${day(validFromDate)} on` : undefined;
};

/** Why a chain cannot be the unit's identity: a sentence that begins with "it". Undefined: it can. */
export const refusalOf = (
  [certificate, ...between]: readonly X509Certificate[],
  { unit, key, ca, now }: Expected,
  builtMs = BUILT_MS,
): string | undefined => {
  if (!certificate) return "it holds no certificate";
  if (certificate.ca) return "it is the certificate of a CA, not of a unit";
  if (!certificate.checkPrivateKey(key))
    return "it belongs to another key: was it made from this unit's request?";
  const names = commonNamesOf(certificate);
  if (names.length !== 1 || names[0] !== unit)
    return `it is for ${names.join(", ") || "nobody"}, and this unit is ${unit}`;
  const { keyUsage } = certificate;
  if (keyUsage !== undefined && !keyUsage.includes(CLIENT_AUTH))
    return "it is not for clients: its extended key usage lacks clientAuth";
  if (ca.length > 0 && !leadsTo(certificate, between, ca))
    return `it is not from the CA of dispatch.ca, but from ${issuerOf(certificate)}`;
  if (now !== undefined) return wrongDate(certificate, now);
  // It is later than this release was built in any case.
  return certificate.validToDate.getTime() <= builtMs ? wrongDate(certificate, builtMs) : undefined;
};

/** Why a chain does not lead to a CA, or did not at a time: a sentence that begins with "its". Undefined: it does. */
export const signerRefusal = (
  [certificate, ...between]: readonly X509Certificate[],
  ca: readonly X509Certificate[],
  at: number | undefined,
): string | undefined => {
  if (!certificate || certificate.ca) return "its certificate is not that of a unit";
  if (!leadsTo(certificate, between, ca))
    return `its certificate is not from this CA, but from ${issuerOf(certificate)}`;
  const wrong = at === undefined ? undefined : wrongDate(certificate, at);
  return wrong === undefined ? undefined : `its certificate was not valid when it was made: ${wrong}`;
};

/** The issuer's name in one line. */
export const issuerOf = ({ issuer }: X509Certificate): string => issuer.replaceAll("\n", ", ");

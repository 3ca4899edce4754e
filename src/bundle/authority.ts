import { X509Certificate } from "node:crypto";
import { CERTIFICATE } from "./certificate.ts";

/** Whether a file of certificates can be `dispatch.ca`. */

/** A key that OpenSSL cannot use has signed nothing. */
const isRoot = (one: X509Certificate): boolean => {
  try {
    return one.checkIssued(one) && one.verify(one.publicKey);
  } catch {
    return false;
  }
};

const nameOf = (text: string): string => text.replaceAll("\n", ", ");

/**
 * Why TLS would verify nothing against these certificates, after "which". Undefined: it would, or they cannot be read.
 * A chain must end in one that has signed itself, of an authority or not: Node (OpenSSL) does not trust a unit's or a
 * server's certificate, nor an authority below another one, because it is in this file.
 */
export const authorityRefusal = (text: string): string | undefined => {
  let all: readonly X509Certificate[];
  try {
    all = (text.match(CERTIFICATE) ?? []).map((one) => new X509Certificate(one));
  } catch {
    return undefined;
  }
  const [first] = all;
  if (!first || all.some(isRoot)) return undefined;
  const between = all.find(({ ca }) => ca);
  return between
    ? `holds an authority (${nameOf(between.subject)}) without the one above it: add the certificate of ${nameOf(between.issuer)}`
    : `is the certificate of ${nameOf(first.subject)}, not of an authority (CA): take that of ${nameOf(first.issuer)}`;
};

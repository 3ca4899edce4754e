import { reasonOf } from "../runtime/log.ts";

/** Errors of TLS in words. OpenSSL's own texts name its source files, and not what to do. */

/** Codes of Node: https://nodejs.org/docs/latest-v24.x/api/tls.html#x509-certificate-error-codes */
const BROKER_CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the broker's certificate has expired, or this machine's clock is wrong",
  CERT_NOT_YET_VALID: "the broker's certificate is not valid yet, or this machine's clock is wrong",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the broker's certificate is self-signed, and not in dispatch.ca",
  SELF_SIGNED_CERT_IN_CHAIN: "the broker's certificate is not from the CA of dispatch.ca",
  UNABLE_TO_GET_ISSUER_CERT: "the broker's certificate is not from the CA of dispatch.ca",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the broker's certificate is not from the CA of dispatch.ca",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the broker's certificate is not from the CA of dispatch.ca",
};

/** Alerts that the broker sends (RFC 8446 §6.2), by the end of OpenSSL's code. */
const ALERTS: readonly (readonly [RegExp, string])[] = [
  [/CERTIFICATE_REQUIRED$/, "the broker wants a client certificate: set dispatch.cert and dispatch.key"],
  [
    /HANDSHAKE_FAILURE$/,
    "the broker refuses the TLS handshake: if it wants a client certificate, set dispatch.cert and dispatch.key",
  ],
  [/UNKNOWN_CA$/, "the broker does not know the CA of the certificate in dispatch.cert"],
  [/CERTIFICATE_EXPIRED$/, "the broker says that the certificate in dispatch.cert has expired"],
  [/CERTIFICATE_REVOKED$/, "the broker says that the certificate in dispatch.cert is revoked"],
  [
    /(BAD|UNSUPPORTED)_CERTIFICATE$|CERTIFICATE_UNKNOWN$/,
    "the broker refuses the certificate in dispatch.cert",
  ],
  [/PROTOCOL_VERSION$|UNSUPPORTED_PROTOCOL$/, "the broker and this unit have no version of TLS in common"],
  [
    /WRONG_VERSION_NUMBER$|PACKET_LENGTH_TOO_LONG$/,
    "what answers does not speak TLS: is it the port for TLS?",
  ],
];

/** At most so many names of a certificate are printed. */
const MAX_NAMES = 5;

const textAt = (value: unknown, key: string): string | undefined => {
  if (typeof value !== "object" || value === null || !(key in value)) return undefined;
  const found: unknown = Object.entries(value).find(([name]) => name === key)?.[1];
  return typeof found === "string" ? found : undefined;
};

/** The names in a certificate: `subjectaltname` is `DNS:a, IP Address:1.2.3.4`. */
const namesOf = (cert: unknown): string => {
  const alternatives = textAt(cert, "subjectaltname");
  if (alternatives === undefined) {
    const subject: unknown = typeof cert === "object" && cert && "subject" in cert ? cert.subject : undefined;
    return textAt(subject, "CN") ?? "no name";
  }
  const names = alternatives.split(", ").map((name) => name.replace(/^[^:]+:/, ""));
  return [...names.slice(0, MAX_NAMES), ...(names.length > MAX_NAMES ? ["others"] : [])].join(", ");
};

/** `40DD…:error:0A00045C:SSL routines:FUNCTION:REASON:FILE:LINE:…` has its reason in the middle. */
const opensslReason = (text: string): string =>
  /error:[0-9A-F]+:[^:]*:[^:]*:([^:;]+)/.exec(text)?.[1]?.trim() ?? text;

/** What is wrong, in words. `code`: of the error. */
export const tlsWords = (code: string, thrown: unknown): string => {
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" && thrown instanceof Error && "cert" in thrown) {
    const host = textAt(thrown, "host") ?? "this host";
    return `the broker's certificate is for ${namesOf(thrown.cert)}, not for ${host}`;
  }
  const alert = ALERTS.find(([pattern]) => pattern.test(code))?.[1];
  return BROKER_CERTIFICATE[code] ?? alert ?? `TLS failed: ${opensslReason(reasonOf(thrown))}`;
};

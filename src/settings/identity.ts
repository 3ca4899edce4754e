import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import type { ConfigCode } from "../domain/faults.ts";
import { IDENTITY_PART } from "../domain/identity.ts";
import type { SettingsFault } from "./fault.ts";
import { readNamedFile, TEXT_BYTES } from "./files.ts";
import { certificateFileOf, keyFileOf, type Root } from "./root.ts";

/** The unit's own key and certificate in the identity folder of a root. */

/** Permissions of anybody but the owner. */
const OF_OTHERS = 0o077;

const fault = (file: string, code: ConfigCode, words: Pick<SettingsFault, "expected" | "found" | "remedy">) =>
  ({ file, line: 1, column: 1, path: "", code, ...words, part: "identity", fatal: false }) as const;

/** The names (CN) in a certificate's subject, in which Node writes one attribute a line. */
export const commonNamesOf = ({ subject }: X509Certificate): string[] =>
  subject.split("\n").flatMap((line) => (line.startsWith("CN=") ? [line.slice("CN=".length)] : []));

/** A file of the folder as `parse` reads it, or the fault why it cannot. */
const readPem = <T>(
  file: string,
  what: string,
  parse: (bytes: Buffer) => T,
): { readonly value: T } | SettingsFault => {
  const read = readNamedFile(file, TEXT_BYTES);
  if ("reason" in read)
    return fault(file, "unreadable-file", { expected: `${what} in PEM`, found: read.reason });
  try {
    return { value: parse(read.bytes) };
  } catch {
    return fault(file, "unreadable-file", { expected: `${what} in PEM`, found: "something else" });
  }
};

const exposed = (file: string): SettingsFault[] => {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & OF_OTHERS) === 0) return [];
  const found = `mode 0${(mode & 0o777).toString(8)}`;
  return [
    fault(file, "exposed", {
      expected: "mode 0600: only its owner may read the key",
      found,
      remedy: `chmod 600 ${file}, and ask for a new certificate if somebody else could read it`,
    }),
  ];
};

const ofCertificate = (
  file: string,
  certificate: X509Certificate,
  unit: string | undefined,
  now: number | undefined,
): SettingsFault[] => {
  const names = commonNamesOf(certificate);
  const ends = certificate.validToDate;
  return [
    ...(unit === undefined || (names.length === 1 && names[0] === unit)
      ? []
      : [
          fault(file, "foreign", {
            expected: `a certificate for ${unit}`,
            found: `one for ${names.join(", ") || "nobody"}`,
            remedy: "make a request with `enrol request` and install the certificate that belongs to it",
          }),
        ]),
    ...(now === undefined || ends.getTime() > now
      ? []
      : [
          fault(file, "expired", {
            expected: "a certificate that has not expired",
            found: `one that expired on ${ends.toISOString().slice(0, 10)}`,
            remedy: "make a request with `enrol request` and install the new certificate",
          }),
        ]),
  ];
};

/** Whether a certificate in PEM was made later than another one. Not if one of them cannot be read. */
export const wasMadeLater = (one: Buffer, other: Buffer): boolean => {
  try {
    const [mine, its] = [one, other].map((pem) => new X509Certificate(pem).validFromDate.getTime());
    return mine! > its!;
  } catch {
    return false;
  }
};

/**
 * The file of the certificate to use: `renewed`, which came with the configuration, unless that of the identity folder
 * was made later. A renewed one that cannot be read is used too, so that the fault is found.
 */
export const certificateInUse = (root: Root, renewed: string): string => {
  const own = certificateFileOf(root);
  if (!existsSync(renewed)) return own;
  const [ofRoot, ofConfiguration] = [own, renewed].map((file) =>
    readPem(file, "a certificate", (bytes) => bytes),
  );
  const isOwnNewer =
    ofRoot &&
    ofConfiguration &&
    "value" in ofRoot &&
    "value" in ofConfiguration &&
    wasMadeLater(ofRoot.value, ofConfiguration.value);
  return isOwnNewer ? own : renewed;
};

export type Identity = {
  /** Undefined: the folder has neither key nor certificate. */
  readonly files: { readonly cert: string; readonly key: string } | undefined;
  readonly faults: readonly SettingsFault[];
};

/**
 * The identity in the folder of a root, with what is wrong with it: it cannot be read, others can read the
 * key, the certificate is another key's or another unit's, or it has expired. `unit`: its name, if it is
 * known. `now`: UTC milliseconds, if the time is known. `cert`: the file of the certificate.
 */
export const readIdentity = (
  root: Root,
  unit: string | undefined,
  now: number | undefined,
  cert: string,
): Identity => {
  const key = keyFileOf(root);
  if (!existsSync(cert)) return { files: undefined, faults: existsSync(key) ? exposed(key) : [] };
  const certificate = readPem(cert, "a certificate", (bytes) => new X509Certificate(bytes));
  const secret = readPem(key, "a private key", (bytes) => createPrivateKey(bytes));
  const faults: SettingsFault[] = [];
  if (!("value" in certificate)) faults.push(certificate);
  else faults.push(...ofCertificate(cert, certificate.value, unit, now));
  if (!("value" in secret)) faults.push(secret);
  else faults.push(...exposed(key));
  if ("value" in certificate && "value" in secret && !certificate.value.checkPrivateKey(secret.value))
    faults.push(
      fault(cert, "foreign", {
        expected: "the certificate of unit.key",
        found: "that of another key",
        remedy: "install the certificate that was made from this unit's own request",
      }),
    );
  return { files: { cert, key }, faults };
};

/** The unit's name in the certificate of a root. Undefined: there is none, or its name is none of a unit. */
export const certifiedName = (root: Root): string | undefined => {
  const certificate = readPem(
    certificateFileOf(root),
    "a certificate",
    (bytes) => new X509Certificate(bytes),
  );
  const [name] = "value" in certificate ? commonNamesOf(certificate.value) : [];
  return name !== undefined && name.split("/").every((part) => IDENTITY_PART.test(part)) ? name : undefined;
};

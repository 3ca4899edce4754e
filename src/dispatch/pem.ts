import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { systemWords } from "../runtime/system-words.ts";
import { LinkError, type ConnectOptions } from "./port.ts";

/** Reads the files of a TLS connection. TLS itself names no file when one is wrong, and ignores a wrong CA. */

/** The bytes of the PEM files that are configured. */
export type Pem = { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
type Files = Pick<ConnectOptions, "ca" | "cert" | "key">;

const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/;

const unusable = (says: string, cause?: unknown): LinkError =>
  new LinkError("credentials-unreadable", says, cause);

const read = (file: string): Buffer => {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw unusable(`${file} cannot be read: ${systemWords("read", cause)}`, cause);
  }
};

const certificateIn = (file: string, bytes: Buffer): X509Certificate => {
  // X509Certificate reads DER too, TLS does not.
  if (!CERTIFICATE.test(bytes.toString("latin1")))
    throw unusable(`${file} does not hold a certificate in PEM`);
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw unusable(`${file} holds a damaged certificate`, cause);
  }
};

const keyIn = (file: string, bytes: Buffer): KeyObject => {
  if (ENCRYPTED.test(bytes.toString("latin1")))
    throw unusable(`${file} holds an encrypted key: the unit needs one without a passphrase`);
  try {
    return createPrivateKey(bytes);
  } catch (cause) {
    throw unusable(`${file} does not hold a private key in PEM`, cause);
  }
};

/**
 * Reads the PEM files, each time because they may have been replaced. Throws LinkError, naming the file, if
 * one cannot be read, holds something else, or the key is not the certificate's.
 */
export const readCredentials = ({ ca, cert, key }: Files): Pem => {
  const pem: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  if (ca !== undefined) certificateIn(ca, (pem.ca = read(ca)));
  const certificate = cert === undefined ? undefined : certificateIn(cert, (pem.cert = read(cert)));
  const secret = key === undefined ? undefined : keyIn(key, (pem.key = read(key)));
  if (
    cert !== undefined &&
    key !== undefined &&
    certificate &&
    secret &&
    !certificate.checkPrivateKey(secret)
  )
    throw unusable(`${key} does not belong to ${basename(cert)}: it is the key of another certificate`);
  return pem;
};

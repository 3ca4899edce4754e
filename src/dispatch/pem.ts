import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { systemWords } from "../runtime/system-words.ts";
import { LinkError, type ConnectOptions } from "./port.ts";

/** Reads the files of a TLS connection. TLS itself names no file when one is wrong, and ignores a wrong CA. */

/** The bytes of the PEM files that are configured. */
export type Pem = { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
type Files = Pick<ConnectOptions, "ca" | "cert" | "key">;

/** The PEM files could not be used. `file`: the one that is wrong. */
export class CredentialsError extends LinkError {
  readonly file: string;
  constructor(file: string, says: string, cause?: unknown) {
    super("credentials-unreadable", says, cause);
    this.file = file;
  }
}

/** The authorities of a whole system have some 200 KiB. */
const PEM_BYTES = 1024 * 1024;
const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;
const BEGINS = /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/g;
const ENDS = /-----END [A-Z0-9 ]*CERTIFICATE-----/g;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/;

const unusable = (file: string, says: string, cause?: unknown): LinkError =>
  new CredentialsError(file, `${file} ${says}`, cause);

const read = (file: string): Buffer => {
  try {
    const found = statSync(file);
    // Reading a pipe or a device could wait for ever.
    if (!found.isFile() && !found.isDirectory()) throw unusable(file, "is a pipe or a device, no file");
    if (found.size > PEM_BYTES)
      throw unusable(file, `has ${found.size} bytes: certificates have at most ${PEM_BYTES}`);
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof LinkError) throw cause;
    throw unusable(file, `cannot be read: ${systemWords("read", cause)}`, cause);
  }
};

const certificateIn = (file: string, bytes: Buffer): X509Certificate => {
  // X509Certificate reads DER too, TLS does not.
  const text = bytes.toString("latin1");
  if (!CERTIFICATE.test(text)) throw unusable(file, "does not hold a certificate in PEM");
  // A file that is being written may end in the middle of a later certificate, which TLS ignores.
  if (text.match(BEGINS)?.length !== text.match(ENDS)?.length)
    throw unusable(file, "holds a damaged certificate");
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw unusable(file, "holds a damaged certificate", cause);
  }
};

const keyIn = (file: string, bytes: Buffer): KeyObject => {
  if (ENCRYPTED.test(bytes.toString("latin1")))
    throw unusable(file, "holds an encrypted key: the unit needs one without a passphrase");
  try {
    return createPrivateKey(bytes);
  } catch (cause) {
    throw unusable(file, "does not hold a private key in PEM", cause);
  }
};

/**
 * Reads the PEM files, each time because they may have been replaced. Throws CredentialsError, if
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
    throw unusable(key, `does not belong to ${basename(cert)}: it is the key of another certificate`);
  return pem;
};

/** What to connect with. `kept`: why the files could not be used; these are those that were read last. */
type Credentials = { readonly pem: Pem; readonly kept: CredentialsError | undefined };

/**
 * The files of all connections, read for each. A file that is being replaced, or is gone, does not cost the unit
 * its connection: those that could be used last are used again.
 */
export class CredentialFiles {
  #last: { readonly files: string; readonly pem: Pem } | undefined;

  /** Throws CredentialsError if the files could never be used. */
  read(of: Files): Credentials {
    const files = JSON.stringify([of.ca, of.cert, of.key]);
    try {
      const pem = readCredentials(of);
      this.#last = { files, pem };
      return { pem, kept: undefined };
    } catch (cause) {
      if (!(cause instanceof CredentialsError) || this.#last?.files !== files) throw cause;
      return { pem: this.#last.pem, kept: cause };
    }
  }
}

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint } from "jose";

/** Keys that sign bundles: Ed25519 (RFC 8032), in PEM (RFC 8410). */

/** A key that cannot be used. `code`: whether a passphrase is what is missing. */
export class KeyError extends Error {
  readonly code: "unusable" | "passphrase";
  constructor(code: KeyError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** A public key that may sign bundles for this unit. */
export type TrustedKey = {
  /** The name of its file without `.pem`. */
  readonly name: string;
  /** Its thumbprint (RFC 7638). A bundle names the key that signed it by this. */
  readonly kid: string;
  readonly key: KeyObject;
};

/** The thumbprint of a key (RFC 7638); the same for a private key and its public key. */
export const thumbprint = (key: KeyObject): Promise<string> => {
  const { kty = "", crv = "", x = "" } = key.export({ format: "jwk" });
  return calculateJwkThumbprint({ kty, crv, x });
};

const isEd25519 = (key: KeyObject): boolean => key.asymmetricKeyType === "ed25519";

/** Reads a public key. Throws KeyError if it is none, or is a private key, or of another kind. */
export const trustedKey = async (name: string, pem: string): Promise<TrustedKey> => {
  if (/PRIVATE KEY-----/.test(pem))
    throw new KeyError("unusable", "it is a private key: a unit must hold only the public one");
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new KeyError("unusable", "it is not a public key in PEM", cause);
  }
  if (!isEd25519(key)) throw new KeyError("unusable", "it is not an Ed25519 key");
  return { name, kid: await thumbprint(key), key };
};

const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/;

/** Reads a private key. Throws KeyError; `passphrase` if one is needed and was not given. */
export const signingKey = (pem: string, passphrase: string | undefined): KeyObject => {
  if (ENCRYPTED.test(pem) && passphrase === undefined)
    throw new KeyError("passphrase", "it is encrypted: its passphrase is needed");
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (cause) {
    const isWrong = ENCRYPTED.test(pem);
    throw new KeyError(
      "unusable",
      isWrong ? "the passphrase is wrong" : "it is not a private key in PEM",
      cause,
    );
  }
  if (!isEd25519(key)) throw new KeyError("unusable", "it is not an Ed25519 key");
  return key;
};

/** Makes a key pair. The private key is encrypted (AES-256-CBC, PBES2) if a passphrase is given. */
export const generateKeys = (passphrase: string | undefined) => {
  const encryption = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return {
    privatePem: privateKey.export({ type: "pkcs8", format: "pem", ...encryption }).toString(),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
};

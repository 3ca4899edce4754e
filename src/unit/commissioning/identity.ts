import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { certificatesIn } from "../../bundle/certificate.ts";
import { isUnitKey } from "../../bundle/request.ts";
import { readRegular } from "../../runtime/regular-file.ts";
import type { UnitSettings } from "../../settings/load.ts";

/** What signs the report: the unit's own key, and its certificate with those between it and the CA. */
export type Identity = { readonly key: KeyObject; readonly chain: readonly X509Certificate[] };

/** The unit has no key that can sign a report. The message completes "the report is signed by the unit's own key, and". */
export class IdentityError extends Error {
  readonly code = "IDENTITY";
}

/**
 * Reads key and certificate. Throws IdentityError if there is no key, or no certificate, or they do not fit each other
 * or ES256, and the system's error if a file cannot be read.
 */
export const identityOf = ({
  key: keyFile,
  cert,
}: Pick<UnitSettings["dispatch"], "key" | "cert">): Identity => {
  if (keyFile === undefined || cert === undefined) throw new IdentityError("this unit has no certificate");
  const chain = certificatesIn(readRegular(cert).toString("utf8"));
  if (!chain?.[0]) throw new IdentityError(`${cert} holds no certificate`);
  const pem = readRegular(keyFile);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new IdentityError(`${keyFile} is no private key`, { cause });
  }
  if (!isUnitKey(key)) throw new IdentityError(`${keyFile} is not a P-256 key`);
  if (!chain[0].checkPrivateKey(key)) throw new IdentityError(`${cert} belongs to another key`);
  return { key, chain };
};

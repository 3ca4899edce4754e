import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { CertificationRequest, CertificationRequestInfo } from "@peculiar/asn1-csr";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
} from "@peculiar/asn1-x509";

/** The unit's key, and a request for its certificate. */

/** RFC 5280 §4.1.2.4: the common name. */
const COMMON_NAME = "2.5.4.3";
/** RFC 5758 §3.2: ECDSA with SHA-256. */
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";
const PEM_COLUMNS = 64;

/** A new P-256 key in PEM (PKCS#8). */
export const makeUnitKey = (): string =>
  generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();

/** Whether a key is of the kind that `makeUnitKey` makes. */
export const isUnitKey = (key: KeyObject): boolean =>
  key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";

const pem = (der: Buffer): string => {
  const lines = der.toString("base64").match(new RegExp(`.{1,${PEM_COLUMNS}}`, "g")) ?? [];
  return ["-----BEGIN CERTIFICATE REQUEST-----", ...lines, "-----END CERTIFICATE REQUEST-----", ""].join(
    "\n",
  );
};

/** A request (PKCS#10, RFC 2986) for a certificate with the unit's name as CN, in PEM. `key`: a P-256 key. */
export const makeRequest = (unit: string, key: KeyObject): string => {
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const value = new AttributeValue({ utf8String: unit });
  const certificationRequestInfo = new CertificationRequestInfo({
    subject: new Name([
      new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })]),
    ]),
    subjectPKInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
  });
  const signed = sign("sha256", Buffer.from(AsnConvert.serialize(certificationRequestInfo)), key);
  const request = new CertificationRequest({
    certificationRequestInfo,
    signatureAlgorithm: new AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 }),
    signature: new Uint8Array(signed).buffer,
  });
  return pem(Buffer.from(AsnConvert.serialize(request)));
};

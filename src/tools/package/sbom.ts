import { createHash } from "node:crypto";
import type { Component } from "./component.ts";

/** The software bill of materials, CycloneDX 1.6 as JSON. Pure: the same components give the same text. */

const purl = ({ name, version, isFromNpm }: Component): string =>
  isFromNpm ? `pkg:npm/${name.replace("@", "%40")}@${version}` : `pkg:generic/${name}@${version}`;

/** Base64 of npm's `sha512-…` as hex. */
const hashes = (integrity: string | undefined) =>
  integrity?.startsWith("sha512-")
    ? { hashes: [{ alg: "SHA-512", content: Buffer.from(integrity.slice(7), "base64").toString("hex") }] }
    : {};

/** A UUID that is made of a text (RFC 9562, version 8), so that the same package has the same number. */
const uuidOf = (text: string): string => {
  const hex = createHash("sha256").update(text).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
};

export type Subject = {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Of the commit: seconds since 1970. */
  readonly at: number;
};

export const sbomText = (
  { name, version, architecture, at }: Subject,
  components: readonly Component[],
): string => {
  const listed = components.map((component) => ({
    type: component.where === "runtime" ? "platform" : "library",
    "bom-ref": `${purl(component)}#${component.where}`,
    name: component.name,
    version: component.version,
    purl: purl(component),
    licenses: [{ expression: component.licence }],
    ...hashes(component.integrity),
    properties: [{ name: "patrol-unit:where", value: component.where }],
  }));
  const subject = `pkg:deb/${name}@${version}?arch=${architecture}`;
  return `${JSON.stringify(
    {
      $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      serialNumber: `urn:uuid:${uuidOf(`${subject} ${JSON.stringify(listed)}`)}`,
      version: 1,
      metadata: {
        timestamp: new Date(at * 1000).toISOString(),
        component: {
          type: "application",
          "bom-ref": subject,
          name,
          version,
          purl: subject,
          licenses: [{ expression: "Apache-2.0" }],
        },
      },
      components: listed,
      dependencies: [{ ref: subject, dependsOn: listed.map((component) => component["bom-ref"]) }],
    },
    undefined,
    1,
  )}\n`;
};

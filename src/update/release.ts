import * as z from "zod";
import type { Sealed } from "../bundle/envelope.ts";
import { isRecipient } from "../bundle/format.ts";
import type { EventData } from "../domain/report.ts";

/** A release of the software as headquarters signs it: the packages by architecture, and whom it is for. Pure. */

const MIB = 1024 * 1024;
/** The package has 25 MiB. */
export const MAX_PACKAGE_BYTES = 64 * MIB;

/** As Debian names them. */
const ARCHITECTURES = ["amd64", "arm64"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** The architecture of this machine. Undefined: there is no package for it. `arch`: as Node names it. */
export const architectureOf = (arch: string): Architecture | undefined =>
  arch === "x64" ? "amd64" : arch === "arm64" ? "arm64" : undefined;

const VERSION = /^\d{1,5}\.\d{1,5}\.\d{1,5}$/;
export const isVersion = (text: string): boolean => VERSION.test(text);

/** Whether a version is newer than another one. */
export const isAbove = (one: string, other: string): boolean => {
  const [mine, theirs] = [one, other].map((version) => version.split(".").map(Number));
  const place = mine!.findIndex((part, at) => part !== theirs![at]);
  return place >= 0 && mine![place]! > theirs![place]!;
};

const Package = z.strictObject({
  bytes: z.int().min(1).max(MAX_PACKAGE_BYTES),
  /** Of its bytes, hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 in hex"),
});
export type Package = z.infer<typeof Package>;

export const Release = z.strictObject({
  v: z.literal(1),
  type: z.literal("release"),
  for: z.string().refine(isRecipient, "*, DIRECTORATE/* or DIRECTORATE/UNIT"),
  version: z.string().regex(VERSION, "a version such as 1.6.0"),
  notBefore: z.iso.datetime({ offset: true }).optional(),
  expires: z.iso.datetime({ offset: true }).optional(),
  /** Where the packages are, as `FROM/NAME`, for cars that are told over the link. */
  from: z
    .url({ protocol: /^https$/ })
    .max(500)
    .optional(),
  packages: z
    .partialRecord(z.enum(ARCHITECTURES), Package)
    .refine((packages) => Object.keys(packages).length > 0, "at least one package"),
});
export type Release = z.infer<typeof Release>;

/** What dispatch is told of a release. */
export type ReleaseEvent = Extract<EventData, { type: "update" }>;

export const RELEASE: Sealed<Release> = { type: "patrol-unit-release", schema: Release };

/** The name of a package's file. */
export const packageName = (version: string, architecture: Architecture): string =>
  `patrol-unit_${version}_${architecture}.deb`;

/** What the name of a package's file says. Undefined: it is no package of the car's software. */
export const packageNamed = (
  name: string,
): { readonly version: string; readonly architecture: Architecture } | undefined => {
  const [, version, named] = /^patrol-unit_([^_]+)_([^_]+)\.deb$/.exec(name) ?? [];
  const architecture = ARCHITECTURES.find((one) => one === named);
  return version !== undefined && isVersion(version) && architecture ? { version, architecture } : undefined;
};

import * as z from "zod";
import { IDENTITY_PART } from "../domain/identity.ts";

/** What a bundle holds (contract 1.1 §8), and its limits. */

const KIB = 1024;
/** The largest bundle: what a broker carries in one message. */
export const MAX_BUNDLE_BYTES = 512 * KIB;
/** The largest content of a bundle when it is unpacked. */
export const MAX_CONTENT_BYTES = 4 * KIB * KIB;
const MAX_FILES = 64;
/** The most keys that may sign bundles for one unit. */
export const MAX_TRUSTED = 16;
const MAX_DEPTH = 4;
const MAX_NAME = 200;

/** One level of a file's name: it begins with neither a dot nor a blank, and has no slash and no control character. */
// oxlint-disable-next-line no-control-regex -- they are what is refused
const SEGMENT = /^[^\s./\\\u0000-\u001f\u007f][^/\\\u0000-\u001f\u007f]*$/;

/** Whether a name is relative, below the folder of the bundle, and not hidden. */
export const isFileName = (name: string): boolean => {
  const segments = name.split("/");
  return (
    name.length <= MAX_NAME &&
    segments.length <= MAX_DEPTH &&
    segments.every((segment) => SEGMENT.test(segment))
  );
};

/** Whether no name is given twice, and no file has the name of another one's folder. */
const areDistinct = (names: readonly string[]): boolean => {
  const files = new Set(names);
  const parents = names.flatMap((name) => [...name.matchAll(/\//g)].map(({ index }) => name.slice(0, index)));
  return files.size === names.length && !parents.some((parent) => files.has(parent));
};

/** `*`, `DIRECTORATE/*` or `DIRECTORATE/UNIT`. */
export const isRecipient = (text: string): boolean => {
  if (text === "*") return true;
  const [directorate = "", unit = "", ...more] = text.split("/");
  return more.length === 0 && IDENTITY_PART.test(directorate) && (unit === "*" || IDENTITY_PART.test(unit));
};

/** Whether a bundle is for one unit, not for a group. */
export const isForOne = (recipient: string): boolean => !recipient.endsWith("*");

/** Whether a unit (`directorate/id`) is meant. */
export const isMeant = (recipient: string, unit: string): boolean =>
  recipient === "*" ||
  recipient === unit ||
  (recipient.endsWith("/*") && unit.startsWith(recipient.slice(0, -1)));

export const MAX_VERSION = 999_999_999;
/** The name of a trusted key: that of its file without `.pem`. */
export const KeyName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "a name of letters, digits, dot, - and _");

const File = z.union([
  z.strictObject({ name: z.string(), text: z.string() }),
  z.strictObject({ name: z.string(), base64: z.base64() }),
]);

/** Keys that may sign bundles: `add` by name, in PEM; `retire` by name. */
const Trust = z.strictObject({
  add: z.array(z.strictObject({ name: KeyName, pem: z.string().max(KIB) })).max(MAX_TRUSTED),
  retire: z.array(KeyName).max(MAX_TRUSTED),
});

export const Content = z.strictObject({
  v: z.literal(1),
  type: z.literal("config"),
  for: z.string().refine(isRecipient, "*, DIRECTORATE/* or DIRECTORATE/UNIT"),
  version: z.int().min(1).max(MAX_VERSION),
  notBefore: z.iso.datetime({ offset: true }).optional(),
  expires: z.iso.datetime({ offset: true }).optional(),
  files: z
    .array(File)
    .min(1)
    .max(MAX_FILES)
    .refine((files) => files.every(({ name }) => isFileName(name)), "names of files below the bundle")
    .refine((files) => areDistinct(files.map(({ name }) => name)), "each file once"),
  trust: Trust.optional(),
});
export type Content = z.infer<typeof Content>;
export type BundleFile = { readonly name: string; readonly bytes: Buffer };

export const filesOf = ({ files }: Content): BundleFile[] =>
  files.map((file) => ({
    name: file.name,
    bytes: "text" in file ? Buffer.from(file.text) : Buffer.from(file.base64, "base64"),
  }));

/** Whether bytes hold a private key in PEM, which no bundle may carry. */
export const hasPrivateKey = (bytes: Buffer): boolean =>
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(bytes.toString("latin1"));

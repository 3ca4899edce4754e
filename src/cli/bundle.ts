import { existsSync, rmSync } from "node:fs";
import { isUtf8 } from "node:buffer";
import { basename } from "node:path";
import * as z from "zod";
import { collect } from "../bundle/collect.ts";
import { seal, shortKid } from "../bundle/envelope.ts";
import {
  Content,
  KeyName,
  MAX_BUNDLE_BYTES,
  MAX_CONTENT_BYTES,
  MAX_VERSION,
  type BundleFile,
} from "../bundle/format.ts";
import { generateKeys, thumbprint, trustedKey } from "../bundle/keys.ts";
import { reasonOf } from "../runtime/log.ts";
import { CommandError, EXIT, options, required, takeArgument, type Command } from "./lib/command.ts";
import { fileFaults } from "./lib/named-files.ts";
import {
  datesOf,
  passphraseIn,
  privateKey,
  readText,
  recipientOf,
  SEALED_FILE,
  unusable,
} from "./lib/signing.ts";
import { expectWritable, writeOut } from "./lib/write-out.ts";

/** Writes a new file. An existing one may be the only copy of a key. */
const writeNew = (file: string, text: string, mode: number): void =>
  writeOut(file, text, { mode, flag: "wx" });

const KEYGEN = { out: { type: "string" }, "passphrase-file": { type: "string" } } as const;

const keygen = async (args: readonly string[]): Promise<number> => {
  const given = options(args, KEYGEN);
  const out = required(given.out, "out");
  const publicFile = `${out.replace(/\.pem$/, "")}.pub.pem`;
  for (const file of [out, publicFile])
    if (existsSync(file)) throw new CommandError(EXIT.io, `${file} is there already: choose another name`);
  const passphrase = passphraseIn(given["passphrase-file"]);
  if (passphrase === "") throw new CommandError(EXIT.usage, "--passphrase-file: its first line is empty");
  const { privatePem, publicPem } = generateKeys(passphrase);
  writeNew(out, privatePem, 0o600);
  try {
    writeNew(publicFile, publicPem, 0o644);
  } catch (cause) {
    // A private key without its public one is of no use, and stands in the way of the next attempt.
    rmSync(out, { force: true });
    throw cause;
  }
  const { kid } = await trustedKey("new", publicPem);
  process.stdout.write(
    `${out}: private key ${shortKid(kid)}${passphrase === undefined ? ", not encrypted" : ", encrypted"}; keep it at headquarters\n${publicFile}: public key, for the trust folder of each unit\n`,
  );
  return EXIT.ok;
};

const BUNDLE = {
  key: { type: "string" },
  "passphrase-file": { type: "string" },
  for: { type: "string" },
  version: { type: "string" },
  "not-before": { type: "string" },
  expires: { type: "string" },
  "add-trust": { type: "string" },
  "retire-trust": { type: "string" },
  out: { type: "string" },
} as const;

const versionOf = (value: string): number => {
  const version = /^\d{1,9}$/.test(value) ? Number(value) : 0;
  if (version >= 1 && version <= MAX_VERSION) return version;
  throw new CommandError(EXIT.usage, `--version ${value}: expected a whole number from 1 to ${MAX_VERSION}`);
};

/** The keys that a bundle adds to those that a unit trusts, and those that it removes. */
const trustOf = async (
  add: string | undefined,
  retire: string | undefined,
): Promise<Pick<Content, "trust">> => {
  if (add === undefined && retire === undefined) return {};
  const retired = retire === undefined ? [] : [KeyName.safeParse(retire).data];
  const name = add === undefined ? undefined : KeyName.safeParse(basename(add).replace(/\.pem$/, "")).data;
  if (retired.includes(undefined) || (add !== undefined && name === undefined))
    throw new CommandError(EXIT.usage, "a trusted key has a name of letters, digits, dot, - and _");
  if (add === undefined || name === undefined) return { trust: { add: [], retire: known(retired) } };
  const { key } = await trustedKey(name, readText(add)).catch((cause: unknown) => {
    throw unusable(add, cause);
  });
  // The key alone: what else is in its file is nobody's business.
  const pem = key.export({ type: "spki", format: "pem" }).toString();
  return { trust: { add: [{ name, pem }], retire: known(retired) } };
};
const known = (names: readonly (string | undefined)[]): string[] =>
  names.filter((name) => name !== undefined);

/** Text is packed as text: base64 of it would be a third larger. */
const packed = ({ name, bytes }: BundleFile): Content["files"][number] =>
  isUtf8(bytes) ? { name, text: bytes.toString("utf8") } : { name, base64: bytes.toString("base64") };

const make = async (args: readonly string[]): Promise<number> => {
  const { value: dir, rest } = takeArgument(args, BUNDLE, "the folder DIR of the configuration");
  const given = options(rest, BUNDLE);
  const keyFile = required(given.key, "key");
  const recipient = recipientOf(required(given.for, "for"));
  const version = versionOf(required(given.version, "version"));
  const out = required(given.out, "out");
  expectWritable(out, SEALED_FILE);
  const dates = datesOf(given["not-before"], given.expires);
  const trust = await trustOf(given["add-trust"], given["retire-trust"]);
  const key = await privateKey(keyFile, given["passphrase-file"]);
  const files = collect(dir, recipient, fileFaults);
  const content = {
    v: 1,
    type: "config",
    for: recipient,
    version,
    ...dates,
    files: files.map(packed),
    ...trust,
  };
  const { data, error } = Content.safeParse(content);
  if (!data)
    throw new CommandError(EXIT.failed, `the bundle cannot be made: ${reasonOf(z.prettifyError(error))}`);
  const bytes = await seal(data, key);
  const unpacked = JSON.stringify(data).length;
  if (bytes.length > MAX_BUNDLE_BYTES || unpacked > MAX_CONTENT_BYTES)
    throw new CommandError(
      EXIT.failed,
      `the bundle would have ${bytes.length} bytes (${unpacked} unpacked): expected at most ${MAX_BUNDLE_BYTES} (${MAX_CONTENT_BYTES}); leave messages that are not mapped out of the DBC`,
    );
  writeOut(out, bytes);
  if (data.expires !== undefined && Date.parse(data.expires) <= Date.now())
    process.stderr.write(`warning: the bundle has expired already: ${data.expires}\n`);
  const kid = shortKid(await thumbprint(key));
  process.stdout.write(
    `${out}: version ${version} for ${recipient}, ${files.length} files, ${bytes.length} bytes, signed by ${kid}\n`,
  );
  return EXIT.ok;
};

export const bundle: Command = {
  summary: "signs a configuration with its files as one file for units",
  usage: `patrol-unit bundle DIR --key PRIVATE.pem --for UNIT|DIRECTORATE/*|* --version N --out FILE
  [--not-before DATE] [--expires DATE] [--add-trust PUBLIC.pem] [--retire-trust NAME]
  [--passphrase-file FILE]
patrol-unit bundle release --package DEB [--package DEB] --key PRIVATE.pem
  --for UNIT|DIRECTORATE/*|* --out FILE [--from HTTPS-URL] [--not-before DATE] [--expires DATE]
  [--passphrase-file FILE]
patrol-unit bundle keygen --out PRIVATE.pem [--passphrase-file FILE]

Checks patrol-unit.yaml in DIR as \`check\` does, and signs it with every file that it names (DBC,
profile, CA). Passwords, PIN and private keys are refused: they belong into local.yaml of each car.
A configuration for a group may leave out what each car has in local.yaml: unit, gps.port,
panic.port. unit.pem in DIR is the unit's renewed certificate, which is tried with it. Units accept
only a version above the one that they have. Dates are UTC: 2026-12-01 or
2026-12-01T06:00:00Z. --add-trust and --retire-trust change which keys a unit accepts; NAME is
the key's file in the trust folder of the units without .pem, as \`doctor --root\` shows it. The key
that signs cannot be retired. --out replaces an older bundle, and no other file. A bundle has at
most ${MAX_BUNDLE_BYTES / 1024} KiB.
release signs packages of the software, one for each architecture, for \`flash release\`; the packages
travel beside FILE. --from: the folder of an HTTPS server that has them, for cars that get FILE on
their topic \`bundle\`.
keygen makes a key pair (Ed25519): PRIVATE.pem, and PRIVATE.pub.pem for the units. The first line of
--passphrase-file encrypts the private key; to sign, the passphrase is asked for if it is left out.
Exit: 0 written, 1 a key cannot be used or the bundle is too large, 74 a file cannot be read or
written, 78 the configuration is not valid or must not go into a bundle.`,
  async run(args) {
    if (args[0] === "keygen") return keygen(args.slice(1));
    if (args[0] === "release") return (await import("./bundle/release.ts")).makeRelease(args.slice(1));
    return make(args);
  },
};

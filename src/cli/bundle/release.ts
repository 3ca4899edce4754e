import { basename } from "node:path";
import * as z from "zod";
import { sealAs, shortKid } from "../../bundle/envelope.ts";
import { thumbprint } from "../../bundle/keys.ts";
import { sha256 } from "../../bundle/sha256.ts";
import { reasonOf } from "../../runtime/log.ts";
import { MAX_PACKAGE_BYTES, packageNamed, RELEASE, Release } from "../../update/release.ts";
import { CommandError, EXIT, options, required } from "../lib/command.ts";
import { readGiven } from "../lib/read-given.ts";
import { datesOf, privateKey, recipientOf, SEALED_FILE } from "../lib/signing.ts";
import { expectWritable, writeOut } from "../lib/write-out.ts";

/** `bundle release`: signs packages of the software for cars. The packages themselves travel beside it. */

const OPTIONS = {
  package: { type: "string", multiple: true },
  key: { type: "string" },
  "passphrase-file": { type: "string" },
  for: { type: "string" },
  "not-before": { type: "string" },
  expires: { type: "string" },
  from: { type: "string" },
  out: { type: "string" },
} as const;

/** What is signed of the packages. Throws a CommandError if one of them is none, or they are of two versions. */
const packagesIn = (files: readonly string[]): Pick<Release, "version" | "packages"> => {
  const packages: Release["packages"] = {};
  let version: string | undefined;
  for (const file of files) {
    const named = packageNamed(basename(file));
    if (!named)
      throw new CommandError(
        EXIT.usage,
        `--package ${file}: expected a file such as patrol-unit_1.6.0_amd64.deb`,
      );
    if (version !== undefined && version !== named.version)
      throw new CommandError(
        EXIT.usage,
        `--package ${file}: expected version ${version}, as of the other package`,
      );
    ({ version } = named);
    const bytes = readGiven(file, MAX_PACKAGE_BYTES);
    packages[named.architecture] = {
      bytes: bytes.length,
      sha256: sha256(bytes),
    };
  }
  if (version === undefined)
    throw new CommandError(EXIT.usage, "--package is missing; --help lists the options");
  return { version, packages };
};

export const makeRelease = async (args: readonly string[]): Promise<number> => {
  const given = options(args, OPTIONS);
  const keyFile = required(given.key, "key");
  const recipient = recipientOf(required(given.for, "for"));
  const out = required(given.out, "out");
  expectWritable(out, SEALED_FILE);
  const dates = datesOf(given["not-before"], given.expires);
  const { version, packages } = packagesIn(given.package ?? []);
  const key = await privateKey(keyFile, given["passphrase-file"]);
  const from = given.from === undefined ? {} : { from: given.from };
  const content = { v: 1, type: "release", for: recipient, version, ...dates, ...from, packages };
  const { data, error } = Release.safeParse(content);
  if (!data)
    throw new CommandError(EXIT.failed, `the release cannot be made: ${reasonOf(z.prettifyError(error))}`);
  writeOut(out, await sealAs(RELEASE, data, key));
  const kid = shortKid(await thumbprint(key));
  const architectures = Object.keys(packages).join(" and ");
  process.stdout.write(`${out}: version ${version} (${architectures}) for ${recipient}, signed by ${kid}\n`);
  return EXIT.ok;
};

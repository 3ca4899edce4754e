import { readFileSync } from "node:fs";
import * as z from "zod";
import { isRecipient } from "../../bundle/format.ts";
import { KeyError, signingKey } from "../../bundle/keys.ts";
import { reasonOf } from "../../runtime/log.ts";
import { CommandError, EXIT, unreadable } from "./command.ts";
import { askSecret } from "./prompt.ts";
import { readGiven } from "./read-given.ts";

/** What the commands of headquarters share that sign something for cars. */

/** A file that is signed: the header of a JWS, `{"alg":`, in base64url. */
export const SEALED_FILE = { name: "bundle", begins: "eyJhbGciOi" };

const PEM_BYTES = 65_536;

export const readText = (file: string): string => readGiven(file, PEM_BYTES).toString("utf8");

export const unusable = (file: string, cause: unknown): CommandError =>
  new CommandError(EXIT.failed, `${file} cannot be used: ${reasonOf(cause)}`, cause);

/** A pipe too: a passphrase may come from a keeper of passwords. */
const readAny = (file: string): string => {
  try {
    return readFileSync(file, "utf8").slice(0, PEM_BYTES);
  } catch (cause) {
    throw unreadable(file, cause);
  }
};

/** A passphrase from a file: its first line. */
export const passphraseIn = (file: string | undefined): string | undefined =>
  file === undefined ? undefined : readAny(file).split(/\r?\n/)[0];

export const privateKey = async (file: string, passphraseFile: string | undefined) => {
  const pem = readText(file);
  try {
    return signingKey(pem, passphraseIn(passphraseFile));
  } catch (cause) {
    if (!(cause instanceof KeyError) || cause.code !== "passphrase") throw unusable(file, cause);
  }
  const passphrase = await askSecret(`Passphrase of ${file}`, "--passphrase-file");
  try {
    return signingKey(pem, passphrase);
  } catch (cause) {
    throw unusable(file, cause);
  }
};

const Instant = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);

/** A date as it is signed: UTC with milliseconds. */
const instant = (value: string | undefined, name: string): string | undefined => {
  if (value === undefined) return undefined;
  const { data } = Instant.safeParse(value);
  const at = data === undefined ? Number.NaN : Date.parse(data);
  if (Number.isNaN(at))
    throw new CommandError(
      EXIT.usage,
      `--${name} ${value}: expected a date such as 2026-12-01 or 2026-12-01T06:00:00Z`,
    );
  return new Date(at).toISOString();
};

export const recipientOf = (value: string): string => {
  if (isRecipient(value)) return value;
  throw new CommandError(EXIT.usage, `--for ${value}: expected DIRECTORATE/UNIT, DIRECTORATE/* or *`);
};

export const datesOf = (notBefore: string | undefined, expires: string | undefined) => {
  const from = instant(notBefore, "not-before");
  const until = instant(expires, "expires");
  if (from !== undefined && until !== undefined && from >= until)
    throw new CommandError(EXIT.usage, "--expires: expected a date after --not-before");
  return {
    ...(from === undefined ? {} : { notBefore: from }),
    ...(until === undefined ? {} : { expires: until }),
  };
};

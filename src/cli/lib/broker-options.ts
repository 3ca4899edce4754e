import { signingKey } from "../../bundle/keys.ts";
import { withoutSecrets } from "../../domain/address.ts";
import { readCredentials, type Pem } from "../../dispatch/pem.ts";
import { reasonOf } from "../../runtime/log.ts";
import { Dispatch } from "../../settings/schema.ts";
import { signedBy, unsigned, type Compose } from "../../wire/signed.ts";
import { CommandError, EXIT } from "./command.ts";
import { readGiven } from "./read-given.ts";

const PEM_BYTES = 65_536;

/** The options of a command that connects to dispatch's broker: `dispatch` and `record`. */

/** The bytes of the PEM files. Throws a CommandError (74) that names the file that cannot be used. */
export const pemFiles = (files: Parameters<typeof readCredentials>[0]): Pem => {
  try {
    return readCredentials(files);
  } catch (cause) {
    throw new CommandError(EXIT.io, reasonOf(cause), cause);
  }
};

/** How messages to units are made. `file`: of the private key that signs them. Throws a CommandError (74). */
export const composerOf = (file: string | undefined): Compose => {
  if (file === undefined) return unsigned;
  const pem = readGiven(file, PEM_BYTES).toString("utf8");
  try {
    return signedBy(signingKey(pem, undefined));
  } catch (cause) {
    throw new CommandError(EXIT.io, `--sign ${file}: ${reasonOf(cause)}`, cause);
  }
};

/** An object without its undefined values. */
export const defined = <T extends object>(value: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as never;

/** The prefix, as the configuration would accept it. Throws a CommandError (64). */
export const prefixOf = (given: string | undefined): string => {
  const prefix = Dispatch.shape.prefix.safeParse(given);
  if (prefix.success) return prefix.data;
  const form = "topic levels without wildcards, such as patrol/v1";
  throw new CommandError(EXIT.usage, `--prefix ${withoutSecrets(given ?? "")}: expected ${form}`);
};

/** Options that need each other. Throws a CommandError (64). */
export const expectPairs = (given: {
  readonly [name in "cert" | "key" | "username" | "password"]?: string | undefined;
}): void => {
  if ((given.cert === undefined) !== (given.key === undefined))
    throw new CommandError(EXIT.usage, "--cert and --key: give both or neither");
  // MQTT 3.1.1 forbids a password without a user name [MQTT-3.1.2-22].
  if (given.password !== undefined && given.username === undefined)
    throw new CommandError(EXIT.usage, "--password needs --username");
};

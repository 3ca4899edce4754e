import { X509Certificate } from "node:crypto";
import { isLoopback, listenAddress } from "../../domain/address.ts";
import { Status } from "../../settings/schema.ts";
import { defined, pemFiles } from "./broker-options.ts";
import { CommandError, EXIT } from "./command.ts";
import { readGiven } from "./read-given.ts";

/** The options of the dispatcher's console: of `dispatch --web` and `record --web`. */

export const WEB_OPTIONS = {
  web: { type: "string" },
  operator: { type: "string" },
  tiles: { type: "string" },
  "tiles-credit": { type: "string" },
  "web-cert": { type: "string" },
  "web-key": { type: "string" },
  "web-password": { type: "string" },
} as const;
type Given = { readonly [name in keyof typeof WEB_OPTIONS]?: string | undefined };

/** What `--help` of both commands says of them. */
export const WEB_HELP = `--web: a page that shows the fleet, at ADDR (HOST:PORT; default 127.0.0.1:8090; port 0: any that is
free). On another address than loopback only with --web-cert and --web-key (PEM), and with a
password, which is read from the file of --web-password, or from the environment variable
PATROL_UNIT_WEB_PASSWORD, and never from the command line.
--operator: who acknowledges emergencies on the page; without it the page can only look.
--tiles: the map: an address of pictures such as https://tiles.example/{z}/{x}/{y}.png, or a local
PMTiles file with pictures. Without it a plain grid. --tiles-credit: whom the map is to name.`;

/** Their part of the usage, which begins in this column. */
export const webUsage = (column: number): string =>
  `[--web [ADDR] [--operator NAME] [--tiles URL|FILE [--tiles-credit TEXT]]
${" ".repeat(column + 1)}[--web-cert FILE --web-key FILE] [--web-password FILE]]`;

export type WebOptions = {
  readonly listen: string;
  readonly password: string | undefined;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** Names in the certificate. */
  readonly names: readonly string[];
  readonly operator: string | undefined;
  readonly tiles: Tiles | undefined;
  readonly credit: string | undefined;
};
type Tiles =
  | { readonly kind: "url"; readonly url: string; readonly origin: string }
  | { readonly kind: "file"; readonly file: string };

const DEFAULT_LISTEN = "127.0.0.1:8090";
const PASSWORD_VARIABLE = "PATROL_UNIT_WEB_PASSWORD";
const PASSWORD = /^[\x20-\x7e]{8,128}$/;
const PASSWORD_BYTES = 1_024;
/** It is shown to the officer and to other dispatchers. */
const OPERATOR = /^[^\p{C}\p{Z}](?:[^\p{C}]{0,62}[^\p{C}\p{Z}])?$/u;
const CREDIT_LETTERS = 200;

/** `--web` without an address as `--web 127.0.0.1:8090`. */
export const withWebAddress = (args: readonly string[]): string[] =>
  args.flatMap((arg, i) => {
    const next = args[i + 1];
    return arg === "--web" && (next === undefined || next.startsWith("-")) ? [arg, DEFAULT_LISTEN] : [arg];
  });

const usage = (message: string): CommandError => new CommandError(EXIT.usage, message);

const readPassword = (file: string | undefined, env: NodeJS.ProcessEnv): string | undefined => {
  const from = file === undefined ? PASSWORD_VARIABLE : `--web-password ${file}`;
  const text =
    file === undefined
      ? env[PASSWORD_VARIABLE]
      : readGiven(file, PASSWORD_BYTES)
          .toString("utf8")
          .replace(/\r?\n$/, "");
  if (text === undefined || PASSWORD.test(text)) return text;
  throw new CommandError(
    file === undefined ? EXIT.usage : EXIT.config,
    `${from}: expected a password of 8 to 128 printable ASCII characters on one line`,
  );
};

const isAddress = (given: string): boolean =>
  /^https?:\/\//i.test(given) || ["{z}", "{x}", "{y}"].every((part) => given.includes(part));

/** The origin of a template, with `{s}` as a wildcard, as a Content-Security-Policy names it. */
const originOf = (template: string): string | undefined => {
  const match = /^(https?):\/\/((?:\{s\}\.|[a-z0-9-]+\.)*[a-z0-9-]+(?::\d{1,5})?)\//i.exec(template);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : `${match[1]}://${match[2].replace(/^\{s\}\./, "*.")}`.toLowerCase();
};

const readTiles = (given: string | undefined): Tiles | undefined => {
  if (given === undefined) return undefined;
  if (!isAddress(given)) return { kind: "file", file: given };
  const origin = originOf(given);
  if (
    origin === undefined ||
    origin.includes("{") ||
    !["{z}", "{x}", "{y}"].every((part) => given.includes(part))
  )
    throw usage(`--tiles ${given}: expected https://HOST/…{z}…{x}…{y}…, or a PMTiles file`);
  return { kind: "url", url: given, origin };
};

/** The names and addresses that a certificate is for. */
const namesIn = (cert: Buffer): string[] => {
  const names = new X509Certificate(cert).subjectAltName ?? "";
  return [...names.matchAll(/(?:DNS|IP Address):([^,\s"]+)/g)].map(([, name = ""]) => name);
};

const readTls = (given: Given): WebOptions["tls"] => {
  const [certFile, keyFile] = [given["web-cert"], given["web-key"]];
  if ((certFile === undefined) !== (keyFile === undefined))
    throw usage("--web-cert and --web-key: give both or neither");
  const { cert, key } = pemFiles(defined({ cert: certFile, key: keyFile }));
  return cert && key && { cert, key };
};

const expectSafe = ({ listen, tls, password }: Pick<WebOptions, "listen" | "tls" | "password">): void => {
  if (isLoopback(listenAddress(listen).host)) return;
  const lacks = [
    ...(tls ? [] : ["--web-cert and --web-key"]),
    ...(password === undefined ? [`a password (--web-password FILE or ${PASSWORD_VARIABLE})`] : []),
  ];
  if (lacks.length > 0)
    throw usage(`--web ${listen}: other machines can reach this address: it needs ${lacks.join(", and ")}`);
};

/** Reads the options. Undefined: no page is asked for. Throws a CommandError (64, 74 or 78). */
export const readWeb = (given: Given, env: NodeJS.ProcessEnv): WebOptions | undefined => {
  const { web, operator, "tiles-credit": credit } = given;
  if (web === undefined) {
    const stray = Object.entries(given).find(([name, value]) => name in WEB_OPTIONS && value !== undefined);
    if (stray) throw usage(`--${stray[0]} needs --web`);
    return undefined;
  }
  const listen = Status.shape.listen.safeParse(web);
  if (!listen.success) throw usage(`--web ${web}: expected HOST:PORT such as ${DEFAULT_LISTEN}`);
  if (operator !== undefined && !OPERATOR.test(operator))
    throw usage("--operator: expected a name of at most 64 characters");
  if (credit !== undefined && credit.length > CREDIT_LETTERS)
    throw usage(`--tiles-credit: expected at most ${CREDIT_LETTERS} characters`);
  const tls = readTls(given);
  const password = readPassword(given["web-password"], env);
  expectSafe({ listen: listen.data, tls, password });
  const names = tls ? namesIn(tls.cert) : [];
  return { listen: listen.data, password, tls, names, operator, tiles: readTiles(given.tiles), credit };
};

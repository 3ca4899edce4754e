import type { IncomingMessage } from "node:http";
import type * as z from "zod";
import { listenAddress, withoutSecrets } from "../../domain/address.ts";
import { unitName } from "../../domain/identity.ts";
import { Snapshot } from "../../domain/snapshot.ts";
import { errorCode } from "../../runtime/error-code.ts";
import { reasonOf } from "../../runtime/log.ts";
import { loadSettings, type UnitSettings } from "../../settings/load.ts";
import { CommandError, configSource, EXIT } from "./command.ts";

/** The address of the running service, and its PIN. */
export type UnitAddress = {
  readonly host: string;
  readonly port: number;
  readonly pin?: string | undefined;
  /** The unit that must answer: `directorate/id`. Undefined: any unit. */
  readonly name?: string | undefined;
};

export type UnitAnswer = { readonly status: number; readonly text: string };

const DEFAULT_ADDRESS = "127.0.0.1:8080";
const FORM = /^(\[[0-9a-f:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/i;
const MAX_PORT = 65_535;
/** If a service listens on all addresses, use loopback: it accepts drills only from there. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };
const ANSWER_MS = 3_000;
/** A status has some kilobytes. A longer answer is not a status. */
const MAX_ANSWER_BYTES = 1024 * 1024;

const parse = (address: string, from: string): UnitAddress => {
  const parsed = FORM.test(address) ? listenAddress(address) : undefined;
  if (!parsed || parsed.port > MAX_PORT)
    throw new CommandError(
      EXIT.usage,
      `${from} ${withoutSecrets(address)}: expected HOST:PORT with a port from 1 to ${MAX_PORT}, for example ${DEFAULT_ADDRESS}`,
    );
  if (parsed.port === 0)
    throw new CommandError(
      EXIT.usage,
      `${from} ${address}: with port 0 the system chooses one: give --address with the statusPort of the service's "started" line`,
    );
  return { ...parsed, host: LOOPBACK[parsed.host] ?? parsed.host };
};

/**
 * The address of the service of a configuration. Throws a CommandError: usage if the address is not valid,
 * config if the configuration has no status page.
 */
export const addressOf = ({ unit, status }: UnitSettings, address?: string): UnitAddress => {
  const expected = { pin: status.pin, name: unitName(unit) };
  if (address !== undefined) return { ...parse(address, "--address"), ...expected };
  if (status.listen === undefined)
    throw new CommandError(EXIT.config, "status.listen cannot be used: run `check`");
  return { ...parse(status.listen, "status.listen"), ...expected };
};

/**
 * The address of the running service: from `--address`, else from the configuration, else the default.
 * The PIN and the unit's name are from the configuration. Throws a CommandError as `addressOf` does.
 */
export const unitAddress = (given: {
  readonly config?: string | undefined;
  readonly root?: string | undefined;
  readonly address?: string | undefined;
}): UnitAddress =>
  given.config === undefined && given.root === undefined
    ? given.address === undefined
      ? parse(DEFAULT_ADDRESS, "status.listen")
      : parse(given.address, "--address")
    : addressOf(loadSettings(configSource(given)).settings, given.address);

/** `host:port`, as it is written. */
export const addressText = ({ host, port }: UnitAddress): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`;

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: is the service running?",
  ENOTFOUND: "there is no such name",
  EAI_AGAIN: "the name cannot be looked up",
  EHOSTUNREACH: "there is no route to that machine",
  ENETUNREACH: "there is no network to it",
  ECONNRESET: "the connection was closed: is it another program's port?",
};

const wordsFor = (cause: unknown): string => {
  const code = errorCode(cause);
  return WORDS[code] ?? (code.startsWith("HPE_") ? "another program answers there" : reasonOf(cause));
};

const textOf = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const data = Buffer.from(chunk);
    bytes += data.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error("another program answers there");
    chunks.push(data);
  }
  return Buffer.concat(chunks).toString("utf8");
};

/**
 * Sends one request to the running service. Throws a CommandError (69) with the reason if there is no
 * answer within 3 s. Any HTTP status is an answer. Node's `fetch` is not used, because it refuses some
 * ports (for example 6000).
 */
export const askUnit = async (
  unit: UnitAddress,
  path: string,
  method: "GET" | "POST" | "DELETE" = "GET",
  body?: string,
): Promise<UnitAnswer> => {
  const { request } = process.getBuiltinModule("node:http");
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = {
    ...(method === "GET" ? {} : { "content-type": "application/json" }),
    ...(unit.pin === undefined ? {} : { authorization: `Bearer ${unit.pin}` }),
  };
  const signal = AbortSignal.timeout(ANSWER_MS);
  const asking = request({ host: unit.host, port: unit.port, path, method, headers, agent: false, signal });
  asking.once("response", resolve).on("error", reject).end(body);
  try {
    const response = await promise;
    return { status: response.statusCode ?? 0, text: await textOf(response) };
  } catch (cause) {
    const why = signal.aborted ? `it does not answer within ${ANSWER_MS / 1000} s` : wordsFor(cause);
    throw new CommandError(EXIT.unavailable, `no unit answers at ${addressText(unit)}: ${why}`, cause);
  }
};

/** Nothing listens at the address: no service runs there. */
export const isNobodyThere = (error: unknown): boolean =>
  error instanceof CommandError &&
  error.cause instanceof Error &&
  "code" in error.cause &&
  error.cause.code === "ECONNREFUSED";

const Named = Snapshot.pick({ unit: true });

/** The name of a unit, without the directorate if the other unit has the same one. */
const shortName = (name: string, other: string): string => {
  const [directorate, id] = name.split("/");
  return id !== undefined && other.startsWith(`${directorate}/`) ? id : name;
};

/** Throws a CommandError (69) if the status is another unit's. */
const expectUnit = (status: unknown, unit: UnitAddress): void => {
  const named = Named.safeParse(status);
  if (unit.name === undefined || !named.success || named.data.unit === unit.name) return;
  const found = named.data.unit;
  throw new CommandError(
    EXIT.unavailable,
    `${shortName(found, unit.name)} answers at ${addressText(unit)}, not ${shortName(unit.name, found)}: is another service running?`,
  );
};

/**
 * The status of the running service, as JSON. Throws a CommandError (69) if the unit refuses, or another
 * unit or another program answers.
 */
export const askStatus = async (unit: UnitAddress): Promise<unknown> => {
  const { status, text } = await askUnit(unit, "/status.json");
  const where = addressText(unit);
  if (status === 401 || status === 403 || status === 421 || status === 429 || status === 500)
    throw new CommandError(EXIT.unavailable, `the unit at ${where} refuses: ${text.trim()}`);
  const answer = status === 200 ? jsonOf(text) : undefined;
  if (answer === undefined)
    throw new CommandError(EXIT.unavailable, `no unit answers at ${where}: another program does`);
  expectUnit(answer, unit);
  return answer;
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The status has another shape than this release's: the service runs another release. */
export const wrongFormat = (unit: UnitAddress, error: z.ZodError): CommandError =>
  new CommandError(
    EXIT.failed,
    `the status of ${addressText(unit)} has another format than this release's (${error.issues[0]?.path.join(".")}): try status --json`,
    error,
  );

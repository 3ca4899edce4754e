import { createHash, timingSafeEqual } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import { isLoopback, listenAddress } from "../domain/address.ts";

/** The parts of a request that a gate checks. Headers are as Node gives them: names in lower case. */
export type Knock = {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  /** The address of the other end of the connection. */
  readonly peer: string | undefined;
};

/** `local`: the request comes from this machine. A refusal has a status, a reason and, for 401, a challenge. */
type Verdict =
  | { readonly allowed: true; readonly local: boolean }
  | {
      readonly allowed: false;
      readonly status: 401 | 403 | 421 | 429;
      readonly reason: string;
      readonly headers: Readonly<Record<string, string>>;
    };

export type GateOptions = {
  /** `host:port` that the server listens at. */
  readonly listen: string;
  /** Required from every other machine. */
  readonly pin?: string | undefined;
  /** Milliseconds on a clock that never jumps. */
  readonly mono: () => number;
  /** Names and addresses of this machine, read at each request because they change. */
  readonly machine?: () => readonly string[];
};

/** Decides which requests a server answers. */
export type Gate = (knock: Knock) => Verdict;

/** Wrong PINs of one peer within a minute, and of all within an hour; beyond that PINs are refused unchecked. */
const PEER_FAILURES = 5;
const PEER_WINDOW_MS = 60_000;
const ALL_FAILURES = 60;
const ALL_WINDOW_MS = 3_600_000;

const machineNames = (): string[] => [
  hostname(),
  ...Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
];

/** The host of a `Host` header or of an origin, without port and brackets; undefined if it is none. */
const hostOf = (authority: string): string | undefined =>
  /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::\d{1,5})?$/i
    .exec(authority)
    ?.slice(1)
    .find((part) => part !== undefined)
    ?.toLowerCase();

/** The PIN of `Basic` (as the password, whoever the user) or `Bearer` credentials. */
const pinIn = (authorization: string): string | undefined => {
  const [scheme = "", given = ""] = authorization.split(" ", 2);
  if (scheme.toLowerCase() === "bearer") return given;
  if (scheme.toLowerCase() !== "basic") return undefined;
  const text = Buffer.from(given, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : text.slice(colon + 1);
};

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();

/** Compares in constant time. */
const isSame = (given: string, pin: string): boolean => timingSafeEqual(sha256(given), sha256(pin));

const refuse = (status: 401 | 403 | 421 | 429, reason: string, headers = {}): Verdict => ({
  allowed: false,
  status,
  reason,
  headers,
});

const challenge = (reason: string): Verdict =>
  refuse(401, reason, { "www-authenticate": 'Basic realm="patrol-unit", charset="UTF-8"' });

/** Counts wrong PINs. It keeps at most ALL_FAILURES: at that number no PIN is checked. */
class Failures {
  #list: { readonly peer: string; readonly atMs: number }[] = [];

  isLimited(peer: string, nowMs: number): boolean {
    this.#list = this.#list.filter(({ atMs }) => nowMs - atMs < ALL_WINDOW_MS);
    const ofPeer = this.#list.filter((one) => one.peer === peer && nowMs - one.atMs < PEER_WINDOW_MS);
    return this.#list.length >= ALL_FAILURES || ofPeer.length >= PEER_FAILURES;
  }

  add(peer: string, nowMs: number): void {
    this.#list.push({ peer, atMs: nowMs });
  }
}

/**
 * The gate of a server that a browser can reach.
 * - `Host` must be a name of this machine, otherwise 421. This stops DNS rebinding: a page whose site's
 * name was made to resolve to this machine.
 * - `Origin` must be absent or be this server, otherwise 403.
 * - Other machines must give the PIN, otherwise 401; after too many wrong PINs 429.
 */
export const createGate = ({ listen, pin, mono, machine = machineNames }: GateOptions): Gate => {
  const { host: own } = listenAddress(listen);
  const failures = new Failures();
  const isOurs = (host: string): boolean =>
    host === own.toLowerCase() ||
    isLoopback(host) ||
    (!isLoopback(own) && machine().some((name) => name.toLowerCase() === host));

  const checkPin = (peer: string, authorization: string | undefined): Verdict | undefined => {
    if (pin === undefined) return refuse(403, "only this machine may ask: status.pin is not set");
    if (failures.isLimited(peer, mono()))
      return refuse(429, "too many wrong PINs: try again later", { "retry-after": "60" });
    const given = authorization === undefined ? undefined : pinIn(authorization);
    if (given === undefined) return challenge("the PIN is missing");
    if (isSame(given, pin)) return undefined;
    failures.add(peer, mono());
    return challenge("the PIN is wrong");
  };

  return ({ host = "", origin, authorization, peer = "" }) => {
    const asked = hostOf(host);
    if (asked === undefined || !isOurs(asked)) return refuse(421, "this server has another name");
    if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`)
      return refuse(403, "pages of other sites may not ask");
    const local = isLoopback(peer);
    const refused = local ? undefined : checkPin(peer, authorization);
    return refused ?? { allowed: true, local };
  };
};

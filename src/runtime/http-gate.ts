import { createHash, timingSafeEqual } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import { isLoopback, listenAddress } from "../domain/address.ts";
import { Sessions } from "./http-sessions.ts";
import { PinThrottle } from "./http-throttle.ts";

/** The parts of a request that a gate checks. Headers are as Node gives them: names in lower case. */
export type Knock = {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie?: string | undefined;
  readonly accept?: string | undefined;
  /** The address of the other end of the connection. */
  readonly peer: string | undefined;
};

/** A refused request. `retryAfterS`: seconds until a PIN is checked again. */
export type Refusal = {
  readonly allowed: false;
  readonly status: 401 | 403 | 421 | 429;
  readonly reason: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly retryAfterS?: number;
};

/** `local`: the request comes from this machine. */
type Allowed = {
  readonly allowed: true;
  readonly local: boolean;
  /** Whether the request would still be allowed: its session may have ended. The session counts as used now. */
  readonly isStill: () => boolean;
};

export type Verdict = Allowed | Refusal;

export type GateOptions = {
  /** `host:port` that the server listens at. */
  readonly listen: string;
  /** Required from every other machine. */
  readonly pin?: string | undefined;
  /** What the PIN is called in a refusal, if the setting has another name. */
  readonly pinName?: string;
  /** Whether the server is reached by TLS. */
  readonly secure?: boolean;
  /** Further names under which the server may be asked for, such as those of its certificate. */
  readonly names?: readonly string[];
  /** Milliseconds on a clock that never jumps. */
  readonly mono: () => number;
  /** Names and addresses of this machine, read at each request because they change. */
  readonly machine?: () => readonly string[];
};

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

const refuse = (status: Refusal["status"], reason: string, headers = {}): Refusal => ({
  allowed: false,
  status,
  reason,
  headers,
});

const limited = (waitS: number): Refusal => ({
  ...refuse(429, "too many wrong PINs: try again later", { "retry-after": `${waitS}` }),
  retryAfterS: waitS,
});

/**
 * A challenge of scheme `Basic` makes a browser ask for the PIN by itself, with a window of its own. The page asks
 * for it in the page: its requests, which accept only JSON or events, get a scheme that no browser knows.
 */
const challenge = (reason: string, { accept = "" }: Pick<Knock, "accept">, isOfPage: boolean): Refusal => {
  const byPage = isOfPage || accept.startsWith("application/json") || accept.startsWith("text/event-stream");
  const scheme = byPage ? "Session" : "Basic";
  return refuse(401, reason, { "www-authenticate": `${scheme} realm="patrol-unit", charset="UTF-8"` });
};

const MISSING = "the PIN is missing";
const WRONG = "the PIN is wrong";

/**
 * The gate of a server that a browser can reach.
 * - `Host` must be a name of this machine, otherwise 421. This stops DNS rebinding: a page whose site's
 * name was made to resolve to this machine.
 * - `Origin` must be absent or be this server, otherwise 403.
 * - Other machines must give the PIN, as credentials or once for a session, otherwise 401; after too many wrong PINs
 * 429.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #own: string;
  readonly #throttle = new PinThrottle();
  readonly #sessions: Sessions;

  constructor(options: GateOptions) {
    this.#options = options;
    const { host, port } = listenAddress(options.listen);
    this.#own = host.toLowerCase();
    const { secure = false, mono } = options;
    this.#sessions = new Sessions({ cookie: `patrol-session-${port}`, secure, mono });
  }

  /** Whether the request is for this server and from one of its pages: enough for what is no secret. */
  greet({ host = "", origin }: Pick<Knock, "host" | "origin">): Refusal | undefined {
    const asked = hostOf(host);
    if (asked === undefined || !this.#isOurs(asked)) return refuse(421, "this server has another name");
    const own = `${this.#options.secure ? "https" : "http"}://${host.toLowerCase()}`;
    if (origin !== undefined && origin.toLowerCase() !== own)
      return refuse(403, "pages of other sites may not ask");
    return undefined;
  }

  /** Whether the request may have data. */
  admit(knock: Knock): Verdict {
    const refused = this.greet(knock);
    if (refused) return refused;
    const { peer = "", cookie, authorization } = knock;
    if (isLoopback(peer)) return { allowed: true, local: true, isStill: () => true };
    const { pin } = this.#options;
    if (pin === undefined) return this.#noPin();
    if (this.#sessions.use(cookie))
      return { allowed: true, local: false, isStill: () => this.#sessions.use(cookie) };
    const given = authorization === undefined ? undefined : pinIn(authorization);
    const wrong = this.#check(peer, given, (reason) =>
      challenge(reason, knock, this.#sessions.isNamedIn(cookie)),
    );
    return wrong ?? { allowed: true, local: false, isStill: () => true };
  }

  /** Whether the request has a session, or comes from this machine. */
  knows({ peer = "", cookie }: Pick<Knock, "peer" | "cookie">): boolean {
    return isLoopback(peer) || (this.#options.pin !== undefined && this.#sessions.use(cookie));
  }

  /** Begins a session. Returns the `Set-Cookie` header; undefined: this machine needs no session. */
  begin(knock: Knock, given: string): Refusal | { readonly setCookie: string | undefined } {
    const refused = this.greet(knock);
    if (refused) return refused;
    const { peer = "" } = knock;
    if (isLoopback(peer)) return { setCookie: undefined };
    if (this.#options.pin === undefined) return this.#noPin();
    const wrong = this.#check(peer, given, (reason) => challenge(reason, knock, true));
    return wrong ?? { setCookie: this.#sessions.begin() };
  }

  /** Ends the session of the request, if it has one. Returns the `Set-Cookie` header. */
  end(knock: Knock): Refusal | { readonly setCookie: string } {
    return this.greet(knock) ?? { setCookie: this.#sessions.end(knock.cookie) };
  }

  #noPin(): Refusal {
    return refuse(403, `only this machine may ask: ${this.#options.pinName ?? "status.pin"} is not set`);
  }

  #check(peer: string, given: string | undefined, refusal: (reason: string) => Refusal): Refusal | undefined {
    const now = this.#options.mono();
    const waitS = this.#throttle.waitS(peer, now);
    if (waitS > 0) return limited(waitS);
    if (given === undefined) return refusal(MISSING);
    if (isSame(given, this.#options.pin ?? "")) {
      this.#throttle.passed(peer);
      return undefined;
    }
    this.#throttle.failed(peer, now);
    const nextS = this.#throttle.waitS(peer, now);
    return { ...refusal(WRONG), ...(nextS > 0 ? { retryAfterS: nextS } : {}) };
  }

  #isOurs(host: string): boolean {
    const { names = [], machine = machineNames } = this.#options;
    if (host === this.#own || isLoopback(host)) return true;
    if (isLoopback(this.#own)) return false;
    return [...names, ...machine()].some((name) => name.toLowerCase() === host);
  }
}

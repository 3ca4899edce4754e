import { createHash, randomBytes } from "node:crypto";

/**
 * The sessions of a server: who has given the PIN in a browser. They are in memory only, and a server has one PIN for
 * as long as it runs, so a restart or another PIN ends all of them.
 */
export type SessionOptions = {
  /** The cookie's name. Cookies are shared by all ports of a host, so each server needs a name of its own. */
  readonly cookie: string;
  /** Whether the server is reached by TLS: then the cookie is never sent without it. */
  readonly secure: boolean;
  /** Milliseconds on a clock that never jumps. */
  readonly mono: () => number;
};

/** Sessions at once. The one that was not used for the longest time ends first. */
const MOST_SESSIONS = 16;
/** A session ends when it was not used for this long. */
const IDLE_MS = 30 * 60_000;
/** A session ends after this long even if it is used: one shift. */
const LIFE_MS = 12 * 3_600_000;
/** Cookies of the right name that are looked at in one request. */
const MOST_COOKIES = 4;
const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;

type Session = { readonly beganMs: number; usedMs: number };

/** Tokens are kept as digests: to look one up takes no time that depends on the right ones. */
const digestOf = (token: string): string => createHash("sha256").update(token).digest("base64");

export class Sessions {
  readonly #options: SessionOptions;
  /** By the token's digest. */
  readonly #sessions = new Map<string, Session>();

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Begins a session. Returns the `Set-Cookie` header. */
  begin(): string {
    const now = this.#options.mono();
    this.#expire(now);
    const byUse = [...this.#sessions].toSorted(([, a], [, b]) => a.usedMs - b.usedMs);
    for (const [key] of byUse.slice(0, Math.max(0, byUse.length - MOST_SESSIONS + 1)))
      this.#sessions.delete(key);
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    this.#sessions.set(digestOf(token), { beganMs: now, usedMs: now });
    return this.#header(token, "");
  }

  /** Whether a `Cookie` header has a token of a session. The session counts as used now. */
  use(cookies: string | undefined): boolean {
    const now = this.#options.mono();
    this.#expire(now);
    for (const key of this.#keysIn(cookies)) {
      const session = this.#sessions.get(key);
      if (!session) continue;
      session.usedMs = now;
      return true;
    }
    return false;
  }

  /** Ends the session of a `Cookie` header. Returns the `Set-Cookie` header that removes the cookie. */
  end(cookies: string | undefined): string {
    for (const key of this.#keysIn(cookies)) this.#sessions.delete(key);
    return this.#header("", "; Max-Age=0");
  }

  /** Whether a `Cookie` header has the cookie of a session, be it over or not. */
  isNamedIn(cookies: string | undefined): boolean {
    return this.#keysIn(cookies).length > 0;
  }

  #header(value: string, end: string): string {
    const { cookie, secure } = this.#options;
    return `${cookie}=${value}; HttpOnly; SameSite=Strict; Path=/${secure ? "; Secure" : ""}${end}`;
  }

  #keysIn(cookies = ""): string[] {
    const start = `${this.#options.cookie}=`;
    return cookies
      .split(";")
      .map((part) => part.trim())
      .filter((part) => part.startsWith(start) && TOKEN.test(part.slice(start.length)))
      .slice(0, MOST_COOKIES)
      .map((part) => digestOf(part.slice(start.length)));
  }

  #expire(now: number): void {
    for (const [key, { beganMs, usedMs }] of this.#sessions)
      if (now - usedMs >= IDLE_MS || now - beganMs >= LIFE_MS) this.#sessions.delete(key);
  }
}

/** The headers that tell a browser what an answer may do. */

/** What a page may use besides its own server. Origins, or `'self'`. */
export type PagePolicy = {
  /** Who may show the page in a frame. Default: its own server. */
  readonly frameAncestors?: readonly string[];
  /** Where its pictures may come from, such as a server of map tiles. */
  readonly images?: readonly string[];
  /** Which pages it may show in a frame. */
  readonly frames?: readonly string[];
};

/** Anything else could end the directive and begin another one. */
const SOURCE = /^(?:'self'|[a-z][a-z+.-]*:(?:\/\/[^\s;,'"]+)?)$/i;

const sources = (given: readonly string[] = []): string => {
  const wrong = given.find((one) => !SOURCE.test(one));
  if (wrong !== undefined) throw new Error(`${wrong} is not an origin`);
  return given.map((one) => ` ${one}`).join("");
};

/** The Content-Security-Policy of a page: scripts and styles are files of its server. */
export const pagePolicy = ({ frameAncestors = ["'self'"], images, frames }: PagePolicy = {}): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data: blob:${sources(images)}`,
    "font-src 'self'",
    "media-src 'self' data:",
    "connect-src 'self'",
    "manifest-src 'self'",
    `frame-src ${frames === undefined ? "'none'" : sources(frames).trim()}`,
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors${sources(frameAncestors)}`,
  ].join("; ");

/** Headers of every answer. A document gets the policy of its page instead of this one. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  // With `no-referrer` some browsers give the origin of an order as `null`.
  "referrer-policy": "same-origin",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
};

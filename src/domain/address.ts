/** Where a server listens: host (an IPv6 address without its brackets) and port. */
export type ListenAddress = { readonly host: string; readonly port: number };

/** The host of a URL (`URL.hostname`): an IPv6 address without its brackets. */
export const hostOf = ({ hostname }: { readonly hostname: string }): string =>
  hostname.replaceAll(/^\[|\]$/g, "");

/** Splits `host:port` or `[IPv6]:port`. The caller has checked the form. */
export const listenAddress = (listen: string): ListenAddress => {
  const colon = listen.lastIndexOf(":");
  return { host: hostOf({ hostname: listen.slice(0, colon) }), port: Number(listen.slice(colon + 1)) };
};

/**
 * Whether only this machine can use an address: `localhost`, `::1`, or 127.0.0.0/8 in full dotted form,
 * also mapped into IPv6. Any other spelling counts as reachable from outside.
 */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);

const SCHEME = /^[a-z][a-z0-9+.-]*:(\/\/)?/i;
/** A host, and what follows its colon. */
const HOST_AND_MORE = /^(\[[^\]]*\]|[^:]*):(.+)$/s;
const PORT = /^\d{1,5}(\/.*)?$/s;

/**
 * A text as it may be shown: if it is an address, without what may be a user name, a password or a token. It need not
 * be a valid address, and may end in the middle of a password, as behind ` #` in YAML.
 */
export const withoutSecrets = (text: string): string => {
  const scheme = SCHEME.exec(text)?.[0] ?? "";
  const rest = text.slice(scheme.length);
  const at = rest.lastIndexOf("@");
  const isAddress = scheme !== "" || at >= 0;
  const end = isAddress ? rest.slice(Math.max(at, 0)).replace(/[?#].*$/s, "…") : rest;
  if (at >= 0) return `${scheme}…${end}`;
  const [, host, more = ""] = HOST_AND_MORE.exec(end) ?? [];
  return host === undefined || PORT.test(more) ? scheme + end : `${scheme}${host}:…`;
};

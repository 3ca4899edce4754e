import { once } from "node:events";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import * as z from "zod";
import { listenAddress } from "../domain/address.ts";
import { Doorstep } from "./http-doorstep.ts";
import type { StaticFiles } from "./http-files.ts";
import { Gate, type GateOptions, type Knock, type Refusal } from "./http-gate.ts";
import { pagePolicy, SAFE_HEADERS, type PagePolicy } from "./http-policy.ts";
import { reasonOf } from "./log.ts";

/**
 * An HTTP server that a browser can reach: the gate, sessions, the files of a page, and routes. The unit's page and
 * dispatch's console are made of it.
 */
export type HttpOptions = GateOptions & {
  /** The name of the setting or option that has the address, for the error if it cannot be used. */
  readonly setting: string;
  readonly page?: { readonly files: StaticFiles; readonly policy?: PagePolicy };
  /** PEM texts. With them the server speaks TLS only. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  /** Said of a path that there is not: what can be asked for. */
  readonly help: string;
};

/** One request that was let in. */
export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Whether the request comes from this machine. */
  readonly local: boolean;
  /** Whether the request would still be let in: for what is answered for a long time. */
  readonly isStill: () => boolean;
};

/** Answers a request. Must set a content type. What it throws is answered with 500. */
export type Route = (exchange: Exchange) => void | Promise<void>;
/** By method and path: `GET /status.json`, or `GET /folder/*` for each path in a folder that is not named itself. Each answers only who has given the PIN, or is on this machine. */
export type Routes = Readonly<Record<string, Route>>;

export type HttpServer = AsyncDisposable & { readonly port: number };

/** A slower request is disconnected, so that it does not keep others out. */
const REQUEST_MS = 5_000;
/** Bytes of all headers of a request; more are answered with 431. */
const MAX_HEADER_BYTES = 8 * 1024;
const MAX_PIN_BODY_BYTES = 1024;
const NOT_BUILT = "the page is not built: `npm run pages` builds it (everything else works without it)";

/**
 * Headers that decide whether a request is allowed. Node uses the first of several and ignores the others,
 * but a proxy or a browser may use another one: a request that has one of them twice is not answered
 * (RFC 9112 §3.2 for Host).
 */
const ONCE = ["host", "origin", "authorization", "content-type", "cookie"];

const repeatedIn = ({ headersDistinct }: IncomingMessage): string | undefined =>
  ONCE.find((name) => (headersDistinct[name]?.length ?? 0) > 1);

const send = (response: ServerResponse, status: number, type: string, text: string, headers = {}): void => {
  const body = Buffer.from(`${text}\n`);
  response.writeHead(status, { "content-type": type, "content-length": body.length, ...headers }).end(body);
};

/** Answers with a text. */
export const plain = (response: ServerResponse, status: number, text: string, headers = {}): void =>
  send(response, status, "text/plain; charset=utf-8", text, headers);

/** Answers with a value as JSON. */
export const json = (response: ServerResponse, status: number, value: unknown, headers = {}): void =>
  send(response, status, "application/json", JSON.stringify(value), headers);

/** Whether the body is declared as JSON. A browser sends that type to another site only after a CORS preflight, which fails here. */
export const isJson = ({ headers }: IncomingMessage): boolean =>
  headers["content-type"] === "application/json";

/** The body of a request as JSON. Undefined: it is none, or longer than `mostBytes`. */
export const bodyOf = async (request: IncomingMessage, mostBytes: number): Promise<unknown> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const data = Buffer.from(chunk);
    bytes += data.length;
    if (bytes > mostBytes) return undefined;
    chunks.push(data);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
};

const refuse = (response: ServerResponse, { status, reason, headers }: Refusal): void =>
  plain(response, status, reason, headers);

const PinBody = z.object({ pin: z.string().max(256) });

type Inside = {
  readonly gate: Gate;
  readonly doorstep: Doorstep;
  readonly routes: Routes;
  readonly options: HttpOptions;
  readonly policy: string;
};

/** `POST /session` and `DELETE /session`. Refusals are JSON: `{reason, retryAfterS}`. */
const answerSession = async (
  { gate, doorstep }: Inside,
  knock: Knock,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  if (!isJson(request)) {
    json(response, 415, { reason: "expected content-type: application/json" });
    return;
  }
  const body = request.method === "POST" ? await bodyOf(request, MAX_PIN_BODY_BYTES) : { pin: "" };
  const { data } = PinBody.safeParse(body);
  if (!data) {
    json(response, 400, { reason: 'expected {"pin":"…"}' }, { connection: "close" });
    return;
  }
  const done = request.method === "POST" ? gate.begin(knock, data.pin) : gate.end(knock);
  if ("allowed" in done) {
    const { status, reason, retryAfterS, headers } = done;
    json(response, status, { reason, ...(retryAfterS === undefined ? {} : { retryAfterS }) }, headers);
    return;
  }
  if (request.method === "POST") doorstep.known(request.socket);
  if (done.setCookie !== undefined) response.setHeader("set-cookie", done.setCookie);
  response.writeHead(204).end();
};

/** The path under which the routes have a path. */
const routeOf = (routes: Routes, path: string): string => {
  const folder = `${path.slice(0, path.lastIndexOf("/"))}/*`;
  const has = (one: string): boolean => Object.keys(routes).some((name) => name.endsWith(` ${one}`));
  return !has(path) && has(folder) ? folder : path;
};

/** Methods that a path of the routes has. */
const methodsOf = (routes: Routes, path: string): string[] =>
  path === "/session"
    ? ["POST", "DELETE"]
    : Object.keys(routes).flatMap((name) => {
        const [method, route] = name.split(" ", 2);
        return route === path && method !== undefined ? [method] : [];
      });

/** What is no secret: the files of the page. */
const answerFile = (
  { options: { page, help }, policy }: Inside,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): void => {
  if (request.method !== "GET" && request.method !== "HEAD")
    plain(response, 405, "GET and HEAD only", { allow: "GET, HEAD" });
  else if (page?.files.serve(path, request, response, { "content-security-policy": policy })) return;
  else if (page && path === "/") plain(response, 503, NOT_BUILT);
  else plain(response, 404, help);
};

const answerRequest = async (
  inside: Inside,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const { gate, doorstep, routes } = inside;
  const { headers, method = "", url = "", socket } = request;
  for (const [name, value] of Object.entries(SAFE_HEADERS)) response.setHeader(name, value);
  // Until it is known who asks: a stranger gets one answer for each connection.
  response.setHeader("connection", "close");
  const repeated = repeatedIn(request);
  if (repeated !== undefined) {
    plain(response, 400, `expected one ${repeated} header`);
    return;
  }
  const { host, origin, authorization, cookie, accept } = headers;
  const knock = { host, origin, authorization, cookie, accept, peer: socket.remoteAddress };
  const stranger = gate.greet(knock);
  if (stranger) {
    refuse(response, stranger);
    return;
  }
  const welcome = (): void => {
    doorstep.known(socket);
    response.removeHeader("connection");
  };
  if (gate.knows(knock)) welcome();
  const [path = "", search = ""] = url.split("?", 2);
  const route = routeOf(routes, path);
  const methods = methodsOf(routes, route);
  if (methods.length === 0) answerFile(inside, path, request, response);
  else if (!methods.includes(method))
    plain(response, 405, `${methods.join(" or ")} only`, { allow: methods.join(", ") });
  else if (path === "/session") await answerSession(inside, knock, request, response);
  else {
    const verdict = gate.admit(knock);
    if (!verdict.allowed) {
      refuse(response, verdict);
      return;
    }
    welcome();
    const { local, isStill } = verdict;
    const query = new URLSearchParams(search);
    await routes[`${method} ${route}`]?.({ request, response, path, query, local, isStill });
  }
};

const answer =
  (inside: Inside): RequestListener =>
  (request, response) => {
    // A client that goes away while it is answered is no error of ours.
    response.on("error", () => undefined);
    response.on("close", () => inside.doorstep.answered(request.socket));
    answerRequest(inside, request, response).catch((cause: unknown) => {
      if (response.headersSent) response.destroy();
      else plain(response, 500, reasonOf(cause));
    });
  };

const createServer = ({ tls }: HttpOptions, listener: RequestListener): Server => {
  const settings = { connectionsCheckingInterval: REQUEST_MS, maxHeaderSize: MAX_HEADER_BYTES };
  // Importing node:http as a module would load Node's fetch and WebSocket clients: 15 MiB.
  return tls
    ? process.getBuiltinModule("node:https").createServer({ ...settings, ...tls }, listener)
    : process.getBuiltinModule("node:http").createServer(settings, listener);
};

/** Opens a server. If the address cannot be used, throws an error whose message says what to do. */
export const openHttpServer = async (options: HttpOptions, routes: Routes): Promise<HttpServer> => {
  const { listen, setting, page } = options;
  const gate = new Gate({ ...options, secure: options.tls !== undefined });
  const doorstep = new Doorstep(options.mono);
  const policy = pagePolicy(page?.policy);
  const server = createServer(options, answer({ gate, doorstep, routes, options, policy }));
  doorstep.guard(server, options.tls !== undefined);
  server.headersTimeout = REQUEST_MS;
  server.requestTimeout = REQUEST_MS;
  const { host, port } = listenAddress(listen);
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new Error(
      `${setting}: ${listen} cannot be used (${reasonOf(cause)}): choose another address, or stop the program that uses it`,
      { cause },
    );
  }
  const address = server.address();
  return {
    port: typeof address === "object" && address ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

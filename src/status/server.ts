import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { listenAddress } from "../domain/address.ts";
import { createGate, type Gate } from "../runtime/http.ts";
import { reasonOf } from "../runtime/log.ts";

export type StatusServer = AsyncDisposable & { readonly port: number };

export type StatusOptions = {
  /** `host:port`; an IPv6 address in brackets. */
  readonly listen: string;
  /** Required from every other machine. */
  readonly pin?: string | undefined;
  /** Milliseconds on a clock that never jumps; for tests. */
  readonly mono?: () => number;
};

export type StatusActions = {
  /** `GET /status.json` */
  readonly status: () => Promise<unknown>;
  /** `POST /drill`: the next press within a minute is a drill; returns the reason if it cannot be. */
  readonly drill: () => string | undefined;
  /** `DELETE /drill`: no drill after all. */
  readonly disarm: () => undefined;
  /**
   * `POST /board`: closes the panic board's port, so that its firmware can be updated; returns the reason if it
   * cannot be.
   */
  readonly lend: () => Promise<string | undefined>;
  /** `DELETE /board`: opens it again. */
  readonly takeBack: () => undefined;
};

/** Connections at once; further ones are closed. */
const MAX_CONNECTIONS = 32;
/** A slower request is disconnected, so that it does not keep others out. */
const REQUEST_MS = 5_000;

/**
 * Headers that decide whether a request is allowed. Node uses the first of several and ignores the others,
 * but a proxy or a browser may use another one: a request that has one of them twice is not answered
 * (RFC 9112 §3.2 for Host).
 */
const ONCE = ["host", "origin", "authorization", "content-type"];

const repeatedIn = ({ headersDistinct }: IncomingMessage): string | undefined =>
  ONCE.find((name) => (headersDistinct[name]?.length ?? 0) > 1);

const plain = (response: ServerResponse, status: number, text: string, headers = {}): void => {
  response.writeHead(status, { "content-type": "text/plain", ...headers }).end(`${text}\n`);
};

const answerStatus = (response: ServerResponse, on: StatusActions): void => {
  on.status().then(
    (value) =>
      response.writeHead(200, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`),
    (cause: unknown) => plain(response, 500, reasonOf(cause)),
  );
};

type Order = {
  /** The order, in a refusal. */
  readonly what: string;
  readonly order: () => string | undefined | Promise<string | undefined>;
};

/** What is ordered of the unit; undefined: there is no such order. */
const orderOf = ({ method, url }: IncomingMessage, on: StatusActions): Order | undefined => {
  const orders: Readonly<Record<string, Order>> = {
    "POST /drill": { what: "a drill", order: on.drill },
    "DELETE /drill": { what: "a drill", order: on.disarm },
    "POST /board": { what: "the panic board", order: on.lend },
    "DELETE /board": { what: "the panic board", order: on.takeBack },
  };
  const name = `${method} ${url}`;
  return Object.hasOwn(orders, name) ? orders[name] : undefined;
};

const answerOrder = async (
  { headers }: IncomingMessage,
  response: ServerResponse,
  local: boolean,
  { what, order }: Order,
): Promise<void> => {
  if (!local) {
    plain(response, 403, `${what} can only be asked for on this machine, through a loopback address`);
    return;
  }
  // A browser sends this content type to another site only after a CORS preflight, which fails here.
  if (headers["content-type"] !== "application/json") {
    plain(response, 415, "expected content-type: application/json");
    return;
  }
  const refused = await order();
  if (refused === undefined) response.writeHead(204).end();
  else plain(response, 409, refused);
};

const answer =
  (gate: Gate, on: StatusActions): RequestListener =>
  (request, response) => {
    const { headers, method, url, socket } = request;
    response.setHeader("cache-control", "no-store");
    response.setHeader("x-content-type-options", "nosniff");
    response.setHeader("cross-origin-resource-policy", "same-origin");
    const repeated = repeatedIn(request);
    if (repeated !== undefined) {
      plain(response, 400, `expected one ${repeated} header`);
      return;
    }
    const verdict = gate({
      host: headers.host,
      origin: headers.origin,
      authorization: headers.authorization,
      peer: socket.remoteAddress,
    });
    const order = orderOf(request, on);
    if (!verdict.allowed) plain(response, verdict.status, verdict.reason, verdict.headers);
    else if (order)
      answerOrder(request, response, verdict.local, order).catch((cause: unknown) =>
        plain(response, 500, reasonOf(cause)),
      );
    else if (url === "/status.json" && method === "GET") answerStatus(response, on);
    else plain(response, 404, "GET /status.json, POST /drill or POST /board");
  };

/**
 * Serves the unit's snapshot and accepts drills. If the address cannot be used, throws an error whose
 * message says what to do.
 */
export const openStatusServer = async (options: StatusOptions, on: StatusActions): Promise<StatusServer> => {
  const { listen, pin, mono = () => performance.now() } = options;
  // Importing node:http as a module would load Node's fetch and WebSocket clients: 15 MiB.
  const { createServer } = process.getBuiltinModule("node:http");
  const server = createServer(
    { connectionsCheckingInterval: REQUEST_MS },
    answer(createGate({ listen, pin, mono }), on),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.headersTimeout = REQUEST_MS;
  server.requestTimeout = REQUEST_MS;
  const { host, port } = listenAddress(listen);
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new Error(
      `status.listen: ${listen} cannot be used (${reasonOf(cause)}): choose another address, or stop the program that uses it`,
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

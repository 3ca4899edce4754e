import { once } from "node:events";
import { reasonOf } from "../runtime/log.ts";

export type StatusServer = AsyncDisposable & { readonly port: number };

export type StatusActions = {
  /** `GET /status.json` */
  readonly status: () => Promise<unknown>;
  /** `POST /drill`: the next press within a minute is a drill; returns why not, if it cannot be. */
  readonly drill: () => string | undefined;
  /** `DELETE /drill`: no drill after all. */
  readonly disarm: () => undefined;
};

/** Serves the unit's snapshot on a local address, and takes the order for a drill. Throws where it cannot. */
export const openStatusServer = async (listen: string, on: StatusActions): Promise<StatusServer> => {
  // Imported as a module, node:http would load Node's whole fetch and WebSocket client: 15 MiB.
  const { createServer } = process.getBuiltinModule("node:http");
  const colon = listen.lastIndexOf(":");
  const server = createServer((request, response) => {
    response.setHeader("cache-control", "no-store");
    // A page in a browser cannot send this type without being asked first: it orders no drills.
    const ordered = request.headers["content-type"] === "application/json";
    if (request.url === "/drill" && ordered && (request.method === "POST" || request.method === "DELETE")) {
      const refused = request.method === "POST" ? on.drill() : on.disarm();
      response.writeHead(refused ? 409 : 204).end(refused);
      return;
    }
    if (request.method !== "GET" || request.url !== "/status.json") {
      response.writeHead(404, { "content-type": "text/plain" }).end("GET /status.json or POST /drill\n");
      return;
    }
    on.status().then(
      (value) =>
        response.writeHead(200, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`),
      (cause: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(`${String(cause)}\n`),
    );
  });
  server.listen(Number(listen.slice(colon + 1)), listen.slice(0, colon));
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new Error(
      `status.listen: ${listen} cannot be used (${reasonOf(cause)}): choose another address or stop what holds it`,
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

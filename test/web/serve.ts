import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Snapshot } from "../../src/domain/snapshot.ts";
import { pagePolicy } from "../../src/runtime/http-policy.ts";

/** Serves the built page with a made-up car, under the policy of the real server. */
export type MadeUpUnit = AsyncDisposable & {
  readonly url: string;
  /** What it shows from now on. Undefined: it answers nothing. */
  show(snapshot: Snapshot | undefined): void;
  /** Sends an event of the lamp. */
  lamp(lamp: string, drill: boolean): void;
  /** Streams that are open. */
  readonly viewers: number;
  /** From now on streams are refused, as by a unit with too many viewers. */
  refuseStreams(): void;
  /** Bodies and methods of the orders that it got. */
  readonly orders: readonly string[];
  /** Orders of the commissioning list are refused with this code from now on. */
  refuse(code: string): void;
  /** What it asks for from now on: a PIN, or nothing. */
  ask(pin: string | undefined): void;
};

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
};
const EVERY_MS = 500;

const file = (path: string, response: ServerResponse): void => {
  try {
    const text = readFileSync(join("dist/web/status", path === "/" ? "index.html" : path));
    const type = TYPES[path === "/" ? "html" : (path.split(".").at(-1) ?? "")] ?? "text/plain";
    response.writeHead(200, { "content-type": type, "content-security-policy": pagePolicy() }).end(text);
  } catch {
    response.writeHead(404).end();
  }
};

export const serveMadeUp = async (first: Snapshot): Promise<MadeUpUnit> => {
  let shown: Snapshot | undefined = first;
  let pin: string | undefined;
  let tries = 0;
  let refusing = false;
  let code: string | undefined;
  const orders: string[] = [];
  const viewers = new Set<ServerResponse>();
  const send = (event: string, data: unknown): void => {
    for (const viewer of viewers) viewer.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const refuse = (response: ServerResponse): void => {
    const late = tries > 2;
    response
      .writeHead(late ? 429 : 401, { "content-type": "application/json" })
      .end(JSON.stringify({ reason: "the PIN is needed", ...(late ? { retryAfterS: 30 } : {}) }));
  };
  const server = createServer((request, response) => {
    const { method = "", url = "" } = request;
    if (url === "/session") {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        if ((JSON.parse(body) as { pin: string }).pin === pin) {
          pin = undefined;
          response.writeHead(204).end();
        } else {
          tries += 1;
          refuse(response);
        }
      });
    } else if (url.startsWith("/commissioning/list")) {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        orders.push(`${method} ${url} ${body}`.trim());
        if (code === undefined) response.writeHead(204).end();
        else response.writeHead(409).end(JSON.stringify({ code, reason: `refused: ${code}` }));
      });
    } else if (url === "/drill") {
      orders.push(`${method} ${request.headers["content-type"]}`);
      if (method === "POST" && shown?.emergency.drillArmed) response.writeHead(409).end("a drill is open\n");
      else response.writeHead(204).end();
    } else if (pin !== undefined && (url === "/status.json" || url === "/events")) refuse(response);
    else if (url === "/status.json" && shown) response.end(JSON.stringify(shown));
    else if (url === "/events" && refusing) response.writeHead(503).end("too many pages are open\n");
    else if (url === "/events" && shown) {
      response.writeHead(200, { "content-type": "text/event-stream" });
      viewers.add(response);
      response.on("close", () => viewers.delete(response));
    } else if (shown) file(url.split("?")[0] ?? "/", response);
    else request.socket.destroy();
  });
  const timer = setInterval(() => shown && send("snapshot", shown), EVERY_MS);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    show(snapshot) {
      shown = snapshot;
    },
    lamp: (lamp, drill) => send("lamp", { t: 0, lamp, drill }),
    get viewers() {
      return viewers.size;
    },
    refuseStreams() {
      refusing = true;
      for (const viewer of viewers) viewer.destroy();
    },
    orders,
    refuse(why) {
      code = why;
    },
    ask(wanted) {
      pin = wanted;
      tries = 0;
      for (const viewer of viewers) viewer.destroy();
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};

import type { IncomingMessage } from "node:http";
import { SIGNED_BYTES } from "../domain/commissioning.ts";
import { bodyOf, isJson, json, openHttpServer, plain, type HttpServer, type Route } from "../runtime/http.ts";
import { pageFolder, StaticFiles } from "../runtime/http-files.ts";

export type StatusServer = HttpServer;

export type StatusOptions = {
  /** `host:port`; an IPv6 address in brackets. */
  readonly listen: string;
  /** Required from every other machine. */
  readonly pin?: string | undefined;
  /** Milliseconds on a clock that never jumps; for tests. */
  readonly mono?: () => number;
  /** The folder of the built page; for tests. */
  readonly folder?: string;
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
  /**
   * `POST /commissioning`: makes the event of a signed report. `order`: the body as JSON; undefined: it is none, or
   * too long. Returns the reason if it is refused.
   */
  readonly commissioned: (order: unknown) => Promise<string | undefined>;
};

/** A signed report, and what JSON adds to it. */
const COMMISSIONING_BYTES = SIGNED_BYTES + 1_024;

/** An order to the unit, which only this machine may give. `what`: the order, in a refusal. */
const order =
  (
    what: string,
    perform: (request: IncomingMessage) => string | undefined | Promise<string | undefined>,
  ): Route =>
  async ({ request, response, local }) => {
    if (!local) {
      plain(response, 403, `${what} can only be asked for on this machine, through a loopback address`);
      return;
    }
    if (!isJson(request)) {
      plain(response, 415, "expected content-type: application/json");
      return;
    }
    const refused = await perform(request);
    if (refused === undefined) response.writeHead(204).end();
    else plain(response, 409, refused);
  };

/**
 * Serves the unit's snapshot and page, and accepts drills. If the address cannot be used, throws an error whose
 * message says what to do.
 */
export const openStatusServer = async (options: StatusOptions, on: StatusActions): Promise<StatusServer> => {
  const { listen, pin, mono = () => performance.now(), folder = pageFolder("status") } = options;
  return openHttpServer(
    {
      listen,
      pin,
      mono,
      setting: "status.listen",
      help: "GET /status.json, POST /drill or POST /board",
      page: { files: new StaticFiles(folder) },
    },
    {
      "GET /status.json": async ({ response }) => json(response, 200, await on.status()),
      "POST /drill": order("a drill", on.drill),
      "DELETE /drill": order("a drill", on.disarm),
      "POST /board": order("the panic board", on.lend),
      "DELETE /board": order("the panic board", on.takeBack),
      "POST /commissioning": order("a commissioning", async (request) =>
        on.commissioned(await bodyOf(request, COMMISSIONING_BYTES)),
      ),
    },
  );
};

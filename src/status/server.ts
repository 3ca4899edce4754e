import type { IncomingMessage } from "node:http";
import { SIGNED_BYTES } from "../domain/commissioning.ts";
import type { LampEvent, Snapshot } from "../domain/snapshot.ts";
import { bodyOf, isJson, json, openHttpServer, plain, type HttpServer, type Route } from "../runtime/http.ts";
import { EventStreams } from "../runtime/http-events.ts";
import { pageFolder, StaticFiles } from "../runtime/http-files.ts";
import type { Time, Timer } from "../runtime/ports.ts";
import { systemTime } from "../runtime/time.ts";
import { listRoutes, type ListActions } from "./list-routes.ts";
import { METRICS_TYPE, metricsOf } from "./metrics.ts";

export type StatusServer = HttpServer;

export type StatusOptions = {
  /** `host:port`; an IPv6 address in brackets. */
  readonly listen: string;
  /** Required from every other machine. */
  readonly pin?: string | undefined;
  /** For tests. */
  readonly time?: Time;
  /** The folder of the built page; for tests. */
  readonly folder?: string;
  /** Who may show the page in a frame: origins. Default: only a page of this server. */
  readonly frameAncestors?: readonly string[];
};

export type StatusActions = {
  /** The unit as it is now: `GET /status.json`, `GET /metrics` and the event `snapshot`. */
  readonly status: () => Promise<Snapshot>;
  /** What the board's lamp shows now: the event `lamp`. */
  readonly lamp: () => LampEvent;
  /** Calls the listener at each change of the lamp. */
  readonly lampChanged: (listener: () => void) => void;
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
  readonly list: ListActions;
};

/** A signed report, and what JSON adds to it. */
const COMMISSIONING_BYTES = SIGNED_BYTES + 1_024;
const SNAPSHOT_MS = 1_000;

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

/** The events of the page: a snapshot each second while somebody looks, and each change of the lamp at once. */
class PageEvents implements Disposable {
  readonly #time: Time;
  readonly #on: StatusActions;
  readonly #streams: EventStreams;
  #timer: Timer | undefined;
  #making = false;

  constructor(time: Time, on: StatusActions) {
    this.#time = time;
    this.#on = on;
    this.#streams = new EventStreams({ time, changed: (viewers) => this.#changed(viewers) });
    on.lampChanged(() => {
      if (this.#streams.viewers > 0) this.#streams.send("lamp", JSON.stringify(on.lamp()));
    });
  }

  readonly open: Route = async ({ response, isStill }) => {
    const send = this.#streams.open(response, isStill);
    if (!send) return;
    send("lamp", JSON.stringify(this.#on.lamp()));
    send("snapshot", JSON.stringify(await this.#on.status()));
  };

  [Symbol.dispose](): void {
    this.#streams[Symbol.dispose]();
  }

  #changed(viewers: number): void {
    if (viewers > 0) this.#timer ??= this.#time.every(SNAPSHOT_MS, () => void this.#tick());
    else {
      this.#timer?.[Symbol.dispose]();
      this.#timer = undefined;
    }
  }

  async #tick(): Promise<void> {
    if (this.#making) return;
    this.#making = true;
    try {
      this.#streams.send("snapshot", JSON.stringify(await this.#on.status()));
    } catch {
      // The page says that it gets nothing, as with a unit that has stopped.
    } finally {
      this.#making = false;
    }
  }
}

/**
 * Serves the unit's snapshot and page, and accepts drills. If the address cannot be used, throws an error whose
 * message says what to do.
 */
export const openStatusServer = async (options: StatusOptions, on: StatusActions): Promise<StatusServer> => {
  const { listen, pin, time = systemTime, folder = pageFolder("status"), frameAncestors } = options;
  const events = new PageEvents(time, on);
  const server = await openHttpServer(
    {
      listen,
      pin,
      mono: () => time.mono(),
      setting: "status.listen",
      help: "GET /, /status.json, /events or /metrics, POST /session, /drill or /board",
      page: { files: new StaticFiles(folder), policy: frameAncestors ? { frameAncestors } : {} },
    },
    {
      "GET /status.json": async ({ response }) => json(response, 200, await on.status()),
      "GET /events": events.open,
      "GET /metrics": async ({ response }) => {
        const text = metricsOf(await on.status());
        response.writeHead(200, { "content-type": METRICS_TYPE }).end(text);
      },
      "POST /drill": order("a drill", on.drill),
      "DELETE /drill": order("a drill", on.disarm),
      "POST /board": order("the panic board", on.lend),
      "DELETE /board": order("the panic board", on.takeBack),
      "POST /commissioning": order("a commissioning", async (request) =>
        on.commissioned(await bodyOf(request, COMMISSIONING_BYTES)),
      ),
      ...listRoutes(on.list),
    },
  );
  return {
    port: server.port,
    async [Symbol.asyncDispose]() {
      events[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
};

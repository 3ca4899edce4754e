import { TroubleOrder } from "../domain/demo.ts";
import { bodyOf, isJson, openHttpServer, plain, type HttpServer, type Route } from "../runtime/http.ts";
import { EventStreams } from "../runtime/http-events.ts";
import type { StaticFiles } from "../runtime/http-files.ts";
import type { Time } from "../runtime/ports.ts";
import type { World } from "./world.ts";

/** The server of the demo's page: its files, what happens, and what the visitor does. Only on this machine. */
export type DemoPage = HttpServer & {
  /** What the page shows from now on. Until then it shows nothing. `consolePort`: of the console beside it. */
  show(world: World, consolePort: number): void;
};

const MAX_ORDER_BYTES = 256;

/** Sends the world's state and log to the viewers. */
class Telling implements Disposable {
  readonly #streams: EventStreams;
  #world: World | undefined;
  #consolePort = 0;

  constructor(time: Time) {
    this.#streams = new EventStreams({ time });
  }

  get world(): World | undefined {
    return this.#world;
  }

  show(world: World, consolePort: number): void {
    this.#world = world;
    this.#consolePort = consolePort;
    world.changed.listen(() => this.#streams.send("state", this.#state(world)));
    world.said.listen((line) => this.#streams.send("line", JSON.stringify(line)));
  }

  readonly open: Route = ({ response, isStill }) => {
    const world = this.#world;
    if (!world) {
      plain(response, 503, "the demo is starting", { "retry-after": "1" });
      return;
    }
    const send = this.#streams.open(response, isStill);
    send?.("state", this.#state(world));
    send?.("lines", JSON.stringify(world.lines));
  };

  [Symbol.dispose](): void {
    this.#streams[Symbol.dispose]();
  }

  #state(world: World): string {
    return JSON.stringify({ ...world.state, consolePort: this.#consolePort });
  }
}

/**
 * What the visitor does. Only the page itself may ask: a browser says from where it asks, and the gate has refused
 * every other place.
 */
const order =
  (telling: Telling, perform: (world: World, body: unknown) => Promise<string | undefined>): Route =>
  async ({ request, response }) => {
    const { world } = telling;
    if (request.headers.origin === undefined) plain(response, 403, "only the demo's page may ask");
    else if (!isJson(request)) plain(response, 415, "expected content-type: application/json");
    else if (!world) plain(response, 503, "the demo is starting", { "retry-after": "1" });
    else {
      const wrong = await perform(world, await bodyOf(request, MAX_ORDER_BYTES));
      if (wrong === undefined) response.writeHead(204).end();
      else plain(response, 400, wrong);
    }
  };

const press = (world: World): Promise<undefined> => {
  world.press();
  return Promise.resolve(undefined);
};

const trouble = async (world: World, body: unknown): Promise<string | undefined> => {
  const { data } = TroubleOrder.safeParse(body);
  if (!data) return 'expected {"trouble","on"}';
  await world.trouble(data.trouble, data.on);
  return undefined;
};

/** Opens the page at a free port of this machine. Rejects if none can be used. */
export const openDemoPage = async (files: StaticFiles, time: Time): Promise<DemoPage> => {
  const telling = new Telling(time);
  const server = await openHttpServer(
    {
      listen: "127.0.0.1:0",
      setting: "the demo's page",
      mono: () => time.mono(),
      help: "GET / or /events",
      // The ports of the unit's page and of the console are known later.
      page: { files, policy: { frames: ["http://127.0.0.1:*"] } },
    },
    {
      "GET /events": telling.open,
      "POST /press": order(telling, press),
      "POST /trouble": order(telling, trouble),
    },
  );
  return {
    port: server.port,
    show: (world, consolePort) => telling.show(world, consolePort),
    async [Symbol.asyncDispose]() {
      telling[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
};

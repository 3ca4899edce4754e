import { once } from "node:events";
import type { Answer, ConsoleSettings } from "../../domain/fleet.ts";
import {
  bodyOf,
  isJson,
  json,
  openHttpServer,
  plain,
  type Exchange,
  type Routes,
} from "../../runtime/http.ts";
import type { StaticFiles } from "../../runtime/http-files.ts";
import type { Time } from "../../runtime/ports.ts";
import { AckOrder, judgeAck } from "./acknowledge.ts";
import { Fleet } from "./fleet.ts";
import { Recheck } from "./recheck.ts";
import type { Heard } from "./records.ts";
import { History, TrackQuestion, type ReadTrack } from "./history.ts";
import type { TileFile } from "./tiles.ts";
import { MOST_VIEWERS, Viewers } from "./viewers.ts";

/** The dispatcher's console: a model of the fleet, and a server of its page. */
export type ConsoleOptions = {
  /** `host:port`. */
  readonly listen: string;
  /** Required from every other machine. */
  readonly password?: string | undefined;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** Further names of the server: those of its certificate. */
  readonly names?: readonly string[];
  readonly files: StaticFiles;
  /** Who acknowledges. Undefined: the console may only look. */
  readonly operator?: string | undefined;
  /** Map tiles: a template of addresses, whose origin the page may load pictures from, or a local file. */
  readonly tiles?: { readonly url: string; readonly origin: string } | TileFile | undefined;
  readonly credit?: string | undefined;
  /** Who may show the page in a frame: origins. Default: only a page of this server. */
  readonly frameAncestors?: readonly string[];
  /** Undefined: there is no store. */
  readonly readTrack?: ReadTrack | undefined;
  /** Publishes an acknowledgement. Resolves with the reason if no broker accepts it. */
  readonly acknowledge: (order: {
    readonly unit: string;
    readonly episode: string;
    readonly stage: Answer;
    readonly by: string;
  }) => Promise<string | undefined>;
  /** Whether there is a connection to a broker. */
  readonly isConnected: () => boolean;
  readonly time: Time;
};

export type Console = AsyncDisposable & {
  readonly port: number;
  /** Shows what a message says. */
  hear(heard: Heard): void;
  /** The broker has accepted the subscription, and sends its retained messages. */
  subscribed(): void;
  /** The connection to the broker is lost. */
  lost(): void;
};

const MAX_ACK_BYTES = 1024;
const HELP = "GET /, /events, /car.json, /raw.json, /track.json or POST /ack";

const settingsOf = ({ operator, readTrack, tiles, credit }: ConsoleOptions): ConsoleSettings => ({
  operator,
  history: readTrack !== undefined,
  tiles:
    tiles &&
    ("url" in tiles
      ? { kind: "url", url: tiles.url, credit }
      : { kind: "pmtiles", url: "tiles.pmtiles", credit }),
});

const answerAck = async (
  options: ConsoleOptions,
  fleet: Fleet,
  { request, response }: Exchange,
): Promise<void> => {
  // A browser sends this content type to another site only after a CORS preflight, which fails here.
  if (!isJson(request)) {
    json(response, 415, { reason: "expected content-type: application/json" });
    return;
  }
  const order = AckOrder.safeParse(await bodyOf(request, MAX_ACK_BYTES)).data;
  if (!order) {
    json(response, 400, { reason: "expected unit, episode and stage: received, accepted or cleared" });
    return;
  }
  const { unit, episode } = order;
  const verdict = judgeAck(order, fleet.find(unit, episode), options.operator);
  if (verdict.kind === "refuse") {
    json(response, verdict.status, { reason: verdict.reason });
    return;
  }
  const { stage, by } = verdict;
  const failed = await options.acknowledge({ unit, episode, stage, by });
  if (failed === undefined) json(response, 202, { stage, by });
  else json(response, 503, { reason: failed });
};

const answerTrack = async (history: History | undefined, { query, response }: Exchange): Promise<void> => {
  const question = TrackQuestion.safeParse(Object.fromEntries(query)).data;
  if (!history) {
    json(response, 404, { reason: "there is no store: `record --web` has one" });
    return;
  }
  if (!question) {
    json(response, 400, { reason: "expected unit, from and to: UTC milliseconds, at most 7 days apart" });
    return;
  }
  const gone = new AbortController();
  void once(response, "close").then(() => gone.abort());
  const answer = history.ask(question, gone.signal);
  if (!answer) {
    json(response, 503, { reason: "too many questions at once: try again" }, { "retry-after": "5" });
    return;
  }
  try {
    json(response, 200, await answer);
  } catch (cause) {
    if (!gone.signal.aborted)
      json(response, 503, { reason: cause instanceof Error ? cause.message : String(cause) });
  }
};

const routesOf = (options: ConsoleOptions, fleet: Fleet, viewers: Viewers): Routes => {
  const { tiles, readTrack } = options;
  const history = readTrack && new History(readTrack);
  return {
    "GET /settings.json": ({ response }) => json(response, 200, settingsOf(options)),
    "GET /events": ({ response, isStill }) => {
      if (!viewers.add(response, isStill))
        plain(response, 503, `${MOST_VIEWERS} pages are open: close one`, { "retry-after": "30" });
    },
    "GET /car.json": ({ query, response }) => {
      const details = fleet.details(query.get("unit") ?? "");
      if (details) json(response, 200, details);
      else json(response, 404, { reason: "no such car is known here" });
    },
    "GET /raw.json": ({ query, response }) => {
      const after = Number(query.get("after") ?? 0);
      json(response, 200, fleet.rawAfter(Number.isSafeInteger(after) ? after : 0));
    },
    "GET /track.json": (exchange) => answerTrack(history, exchange),
    "POST /ack": (exchange) => answerAck(options, fleet, exchange),
    ...(tiles && !("url" in tiles)
      ? { "GET /tiles.pmtiles": ({ request, response }: Exchange) => tiles.serve(request, response) }
      : {}),
  };
};

/** Opens the console. If the address cannot be used, rejects with an error whose message says what to do. */
export const openConsole = async (options: ConsoleOptions): Promise<Console> => {
  const { listen, password, tls, names = [], files, tiles, time, frameAncestors } = options;
  const fleet = new Fleet();
  const viewers = new Viewers(fleet, time, options.isConnected);
  const recheck = new Recheck(fleet, time, (touched) => viewers.touch(touched));
  const images = tiles && "url" in tiles ? [tiles.origin] : [];
  const server = await openHttpServer(
    {
      listen,
      setting: "--web",
      pin: password,
      pinName: "the console's password",
      names,
      mono: () => time.mono(),
      page: { files, policy: { images, ...(frameAncestors ? { frameAncestors } : {}) } },
      ...(tls && { tls }),
      help: HELP,
    },
    routesOf(options, fleet, viewers),
  );
  return {
    port: server.port,
    hear(heard) {
      recheck.hear(heard);
      viewers.touch(fleet.hear(heard, time.host()));
    },
    subscribed: () => recheck.begin(),
    lost: () => recheck[Symbol.dispose](),
    async [Symbol.asyncDispose]() {
      recheck[Symbol.dispose]();
      viewers[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
};

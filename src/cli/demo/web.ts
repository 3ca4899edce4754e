import { existsSync } from "node:fs";
import { join } from "node:path";
import { hear } from "../../demo/dispatch-ear.ts";
import { openDemoPage } from "../../demo/page.ts";
import { World } from "../../demo/world.ts";
import { heardMessage } from "../../recorder/console/heard.ts";
import { pageFolder, StaticFiles } from "../../runtime/http-files.ts";
import { reasonOf } from "../../runtime/log.ts";
import { systemTime } from "../../runtime/time.ts";
import { unsigned } from "../../wire/signed.ts";
import { operatorAck } from "../dispatch.ts";
import { CommandError, EXIT } from "../lib/command.ts";
import { connectConsole, subscribeAll } from "../lib/console.ts";
import { openFleetPage } from "../lib/fleet-page.ts";
import type { StopRequest } from "../lib/stop.ts";
import type { WebOptions } from "../lib/web-options.ts";
import { onKeys } from "./keys.ts";

/** `demo`: the car, the dispatcher's console and what happens between them, as a page. */

const PREFIX = "patrol/v1";
const PAGES = ["demo", "status", "console"] as const;
const CONSOLE: WebOptions = {
  listen: "127.0.0.1:0",
  password: undefined,
  tls: undefined,
  names: [],
  operator: "demo dispatcher",
  tiles: undefined,
  credit: undefined,
};

/** Throws a CommandError (69) if a page is not built. `folderOf`: where it is when it is. */
export const expectPages = (folderOf: typeof pageFolder): void => {
  if (PAGES.every((page) => existsSync(join(folderOf(page), "index.html")))) return;
  throw new CommandError(
    EXIT.unavailable,
    "the demo's pages are not built: `npm run pages` builds them; --terminal shows the demo without them",
  );
};

/** What runs the car: this program once more. */
const carCommand = (origins: readonly string[]) => {
  const [program = ""] = process.argv.slice(1);
  return (file: string) =>
    [process.execPath, program, "demo", `--as-car=${file}`, `--framed-by=${origins.join(",")}`] as const;
};

const openPage = async () => {
  try {
    return await openDemoPage(new StaticFiles(pageFolder("demo")), systemTime);
  } catch (cause) {
    throw new CommandError(EXIT.unavailable, reasonOf(cause), cause);
  }
};

/** Shows the demo until a stop is asked for. `late`: what is to be done before the process ends in any case. */
export const showAsPage = async (stop: StopRequest, late: (kill: () => void) => void): Promise<void> => {
  expectPages(pageFolder);
  await using stack = new AsyncDisposableStack();
  const page = stack.use(await openPage());
  const origins = [`http://127.0.0.1:${page.port}`, `http://localhost:${page.port}`];
  const world = stack.use(
    await World.open({ time: systemTime, command: carCommand(origins), log: () => undefined }),
  );
  late(() => world.kill());
  // A session that lasts: what the car sends while the client is away is kept for it.
  const client = await connectConsole(world.brokerUrl, { clientId: "dispatch", clean: false });
  stack.defer(() => client.endAsync(true));
  // The visitor may kill the broker: the client connects again by itself.
  client.on("error", () => undefined);
  const fleet = stack.use(
    await openFleetPage(CONSOLE, {
      acknowledge: operatorAck(client, PREFIX, unsigned),
      isConnected: () => client.connected,
      frameAncestors: origins,
    }),
  );
  client.on("message", (topic, payload, { retain }) => {
    fleet.hear(heardMessage(PREFIX, topic, payload, retain));
    for (const happening of hear(topic, payload, retain)) world.tell(happening);
  });
  await subscribeAll(client, PREFIX);
  page.show(world, fleet.port);
  world.start();
  stack.use(onKeys({ q: stop.ask }));
  process.stdout.write(
    `http://127.0.0.1:${page.port}/ shows a patrol car and its dispatch; q or Ctrl-C ends it\n`,
  );
  await stop.requested;
};

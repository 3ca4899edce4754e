import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { listenAddress } from "../../domain/address.ts";
import { isoInstant } from "../../domain/time.ts";
import type { ReadTrack } from "../../recorder/console/history.ts";
import { openConsole, type Console, type ConsoleOptions } from "../../recorder/console/server.ts";
import { TileFile } from "../../recorder/console/tiles.ts";
import { pageFolder, StaticFiles } from "../../runtime/http-files.ts";
import { reasonOf } from "../../runtime/log.ts";
import { systemTime } from "../../runtime/time.ts";
import { CommandError, EXIT, unreadable } from "./command.ts";
import type { WebOptions } from "./web-options.ts";

/** The dispatcher's console as a part of a command. */

const openTiles = async (file: string): Promise<TileFile> => {
  try {
    return await TileFile.open(file);
  } catch (cause) {
    if (cause instanceof Error && "errno" in cause) throw unreadable(file, cause);
    throw new CommandError(EXIT.io, `--tiles ${file}: ${reasonOf(cause)}`, cause);
  }
};

/** Where the page is, for the one who has started it. */
const addressOf = ({ listen, tls }: WebOptions, port: number): string => {
  const { host } = listenAddress(listen);
  const name = host.includes(":") ? `[${host}]` : host;
  return `${tls ? "https" : "http"}://${name}:${port}/`;
};

export type FleetPage = Console & { readonly address: string };

/** Opens the console. Throws a CommandError (69 or 74) if it cannot be. */
export const openFleetPage = async (
  web: WebOptions,
  more: Pick<ConsoleOptions, "acknowledge" | "isConnected" | "readTrack" | "frameAncestors">,
): Promise<FleetPage> => {
  const folder = pageFolder("console");
  if (!existsSync(join(folder, "index.html")))
    throw new CommandError(EXIT.unavailable, "the console's page is not built: `npm run pages` builds it");
  await using stack = new AsyncDisposableStack();
  const { tiles } = web;
  const map = tiles?.kind === "file" ? stack.use(await openTiles(tiles.file)) : tiles;
  try {
    const { listen, password, tls, names, operator, credit } = web;
    const page = stack.use(
      await openConsole({
        listen,
        password,
        tls,
        names,
        operator,
        credit,
        tiles: map,
        files: new StaticFiles(folder),
        time: systemTime,
        ...more,
      }),
    );
    const rest = stack.move();
    return {
      port: page.port,
      address: addressOf(web, page.port),
      hear: (heard) => page.hear(heard),
      subscribed: () => page.subscribed(),
      lost: () => page.lost(),
      [Symbol.asyncDispose]: () => rest.disposeAsync(),
    };
  } catch (cause) {
    throw cause instanceof CommandError ? cause : new CommandError(EXIT.unavailable, reasonOf(cause), cause);
  }
};

/** How much less urgent than the recorder a reader is (nice). */
const READER_NICE = 10;
const WORDS_LETTERS = 1_000;

/**
 * Reads tracks with `record track` in a process of its own: a long query, which SQLite answers on the calling thread,
 * must not delay a commit.
 */
export const trackReader = (into: string): ReadTrack =>
  async function* read(unit, { from, to }, signal) {
    const [program = ""] = process.argv.slice(1);
    const child = spawn(
      process.execPath,
      [
        program,
        "record",
        "track",
        `--into=${into}`,
        `--unit=${unit}`,
        `--from=${isoInstant(from)}`,
        `--to=${isoInstant(to)}`,
      ],
      { stdio: ["ignore", "pipe", "pipe"], signal, killSignal: "SIGKILL" },
    );
    const ended = once(child, "close");
    // What goes wrong is thrown below.
    ended.catch(() => undefined);
    let words = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(0, WORDS_LETTERS);
    });
    try {
      if (child.pid !== undefined) setPriority(child.pid, READER_NICE);
      yield* createInterface({ input: child.stdout, crlfDelay: Infinity });
      const [code]: unknown[] = await ended;
      // 1: no position is stored for this time.
      if (code !== 0 && code !== EXIT.failed) throw new Error(words.trim() || "the store cannot be read");
    } finally {
      child.kill("SIGKILL");
    }
  };

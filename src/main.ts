import { enableCompileCache } from "node:module";
import { CommandError, EXIT } from "./cli/lib/command.ts";
import { failureOf } from "./cli/lib/failure.ts";
import { commands } from "./cli/products/all.ts";
import { endWith } from "./runtime/end-process.ts";
import { reasonOf } from "./runtime/log.ts";
import { suggest } from "./domain/suggest.ts";
import { VERSION } from "./domain/version.ts";

enableCompileCache();

/**
 * libuv looks up names in at most half of its threads, and reads and writes files in any. A name server that
 * does not answer occupies a thread for each name: 8 brokers, and a receiver of which several lookups may be
 * pending. libuv reads this when it starts its threads, which is later.
 */
process.env["UV_THREADPOOL_SIZE"] ??= "24";

const help = async (): Promise<string> => {
  const names = Object.keys(commands);
  const loaded = await Promise.all(Object.values(commands).map((load) => load()));
  const lines = loaded.map((command, i) => `  ${names[i]!.padEnd(12)}${command.summary}`);
  return [
    `patrol-unit ${VERSION}`,
    "",
    "Usage: patrol-unit COMMAND [OPTIONS]    (COMMAND --help prints its options)",
    "",
    ...lines,
    "",
    "Options: --help (-h), --version, --debug (prints the stack of an error)",
    "",
  ].join("\n");
};

const noCommand = (name: string): string => {
  const meant = suggest(name, Object.keys(commands));
  return `there is no command "${name}"${meant === undefined ? "" : `: is it ${meant}?`}; --help lists them`;
};

const main = async (argv: readonly string[]): Promise<number> => {
  const args = argv.filter((arg) => arg !== "--debug");
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(await help());
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (name === "--version") {
    process.stdout.write(`${VERSION}\n`);
    return EXIT.ok;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!load) throw new CommandError(EXIT.usage, noCommand(name));
  const command = await load();
  if (rest.includes("--help") || rest.includes("-h")) {
    process.stdout.write(`${command.summary}\n\n${command.usage}\n`);
    return EXIT.ok;
  }
  if (command.undoes)
    process.stdout
      .off("error", endWithoutOutput)
      .once("error", () => process.kill(process.pid, "SIGTERM"))
      .on("error", () => undefined);
  if (command.outlivesOutput?.(rest))
    process.stdout.off("error", endWithoutOutput).on("error", () => undefined);
  return command.run(rest);
};

/** `decode | head` closes the pipe early. That is not an error. */
const endWithoutOutput = (error: NodeJS.ErrnoException): void => {
  if (error.code === "EPIPE") process.exit(EXIT.ok);
  process.stderr.write(`the output cannot be written: ${reasonOf(error)}\n`);
  process.exit(EXIT.io);
};

process.stdout.on("error", endWithoutOutput);
// There is nowhere left to report this.
process.stderr.on("error", () => undefined);

try {
  endWith(await main(process.argv.slice(2)));
} catch (error) {
  const { exit, lines } = failureOf(error);
  const debug = process.argv.includes("--debug") && error instanceof Error;
  process.stderr.write(`${debug ? error.stack : lines}\n`);
  endWith(exit);
}

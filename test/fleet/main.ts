import { CommandError, EXIT } from "../../src/cli/lib/command.ts";
import { readOptions, USAGE, type FleetOptions } from "./options.ts";
import { runFleet } from "./run.ts";

/** `npm run fleet`: see USAGE. */

const run = async (options: FleetOptions): Promise<number> => {
  const figures: Record<string, string> = {};
  const say = (what: string, figure: string): void => {
    figures[what] = figure;
    process.stdout.write(`${what.padEnd(52)}${figure}\n`);
  };
  const stopping = new AbortController();
  // Brokers and units are processes of their own: they would stay.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  const isWhole = await runFleet(options, say, stopping.signal);
  if (options.json) process.stdout.write(`${JSON.stringify({ options, isWhole, figures })}\n`);
  return isWhole ? EXIT.ok : EXIT.failed;
};

try {
  const options = readOptions(process.argv.slice(2));
  if (options) process.exitCode = await run(options);
  else process.stdout.write(USAGE);
} catch (cause) {
  if (!(cause instanceof CommandError)) throw cause;
  process.stderr.write(`${cause.message}\n`);
  process.exitCode = cause.exit;
}

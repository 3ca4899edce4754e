import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { Committer } from "../../recorder/committer.ts";
import type { Pending } from "../../recorder/group.ts";
import { HISTORY_REPORTS, openLine, REPORT_BYTES } from "../../recorder/open-message.ts";
import type { Accepted, Rejected } from "../../recorder/report.ts";
import type { Commit, Store, StoreError } from "../../recorder/store.ts";
import { createLog } from "../../runtime/log.ts";
import { systemTime } from "../../runtime/time.ts";
import { CommandError, EXIT, options, unreadable } from "../lib/command.ts";
import { readTarget, withStore } from "./target.ts";

type Totals = { lines: number; stored: number; duplicates: number; rejected: number };

const BATCH = Math.min(500, HISTORY_REPORTS);

/** Commits the lines of a file as the recorder commits messages. */
const importLines = async (store: Store, file: string, lines: AsyncIterable<string>): Promise<Totals> => {
  const totals: Totals = { lines: 0, stored: 0, duplicates: 0, rejected: 0 };
  const log = createLog((line) => void process.stderr.write(line));
  const on = {
    // Lines that an earlier import has kept as rejected are rejected all the same.
    committed(messages: readonly Pending[], { reports, conflicts }: Commit) {
      totals.stored += reports.length;
      for (const { rejected } of messages) totals.rejected += rejected.length;
      totals.rejected += conflicts.size;
    },
    pressure: () => undefined,
    gone: (cause: StoreError) => gone.reject(cause),
  };
  const gone = Promise.withResolvers<never>();
  gone.promise.catch(() => undefined);
  const committer = new Committer({
    store,
    time: systemTime,
    random: Math.random,
    log,
    keepsOnce: true,
    on,
  });
  const commit = (accepted: readonly Accepted[], rejected: readonly Rejected[]) =>
    Promise.race([
      gone.promise,
      new Promise<void>((done) => committer.add({ accepted, rejected, isUrgent: true, done: () => done() })),
    ]);
  let accepted: Accepted[] = [];
  let rejected: Rejected[] = [];
  for await (const line of lines) {
    if (line.trim() === "") continue;
    totals.lines++;
    const opened = openLine(file, line.slice(0, REPORT_BYTES));
    accepted.push(...opened.accepted);
    rejected.push(...opened.rejected);
    if (accepted.length + rejected.length < BATCH) continue;
    await commit(accepted, rejected);
    accepted = [];
    rejected = [];
  }
  if (accepted.length + rejected.length > 0) await commit(accepted, rejected);
  totals.duplicates = totals.lines - totals.stored - totals.rejected;
  return totals;
};

const readable = (file: string): NodeJS.ReadableStream => {
  if (file === "-") return process.stdin;
  try {
    if (!statSync(file).isFile()) throw new Error("it is not a regular file");
  } catch (cause) {
    throw unreadable(file, cause);
  }
  return createReadStream(file);
};

/** `record import FILE`: 1 if a line was rejected. */
export const recordImport = async (args: readonly string[]): Promise<number> => {
  // The word that is neither an option nor the value of one.
  const at = args.findIndex((arg, i) => (arg === "-" || !arg.startsWith("-")) && args[i - 1] !== "--into");
  const file = args[at];
  const given = options(
    args.filter((_, i) => i !== at),
    { into: { type: "string" }, json: { type: "boolean" } },
  );
  if (file === undefined)
    throw new CommandError(EXIT.usage, "expected the file of `outbox export`; --help lists the options");
  const target = readTarget(given.into);
  const input = readable(file);
  return withStore(target, true, async (store) => {
    const lines = createInterface({ input, crlfDelay: Infinity });
    const totals = await importLines(store, file, lines).catch((cause: unknown) => {
      throw cause instanceof Error && "errno" in cause ? unreadable(file, cause) : cause;
    });
    const { lines: read, stored, duplicates, rejected } = totals;
    const words = `${read} lines: ${stored} stored, ${duplicates} were there, ${rejected} rejected`;
    process.stdout.write(`${given.json ? JSON.stringify(totals) : words}\n`);
    return rejected > 0 ? EXIT.failed : EXIT.ok;
  });
};

import { existsSync } from "node:fs";
import type { Report } from "../domain/report.ts";
import { inspectOutbox, type Inspection } from "../outbox/inspect.ts";
import { bytesOnDisk } from "../outbox/disk.ts";
import { loadSettings } from "../settings/load.ts";
import { CommandError, CONFIG_OPTIONS, configSource, EXIT, options, type Command } from "./lib/command.ts";
import { notesOf, problemsOf, summaryLines, type Totals } from "./lib/outbox-summary.ts";

const ACTIONS = ["stats", "export", "verify"] as const;

const write = async (text: string): Promise<void> => {
  if (!process.stdout.write(text)) {
    await new Promise<void>((resolve) => void process.stdout.once("drain", resolve));
  }
};

const trackPoint = ({ at, data }: Extract<Report, { kind: "position" }>): string => {
  const altitude = data.altM === undefined ? "" : `<ele>${data.altM}</ele>`;
  return `      <trkpt lat="${data.lat}" lon="${data.lon}">${altitude}<time>${at}</time></trkpt>\n`;
};

const exportReports = async (inspection: Inspection, gpx: boolean): Promise<void> => {
  if (gpx) {
    await write('<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1" creator="patrol-unit" ');
    await write('xmlns="http://www.topografix.com/GPX/1/1">\n  <trk>\n    <trkseg>\n');
  }
  for await (const report of inspection.reports()) {
    if (!gpx) await write(`${JSON.stringify(report)}\n`);
    else if (report.kind === "position") await write(trackPoint(report));
  }
  if (gpx) await write("    </trkseg>\n  </trk>\n</gpx>\n");
};

const count = async (inspection: Inspection): Promise<Totals> => {
  const totals: Totals = { records: 0, kinds: {} };
  for await (const { kind, at } of inspection.reports()) {
    totals.records++;
    totals.kinds[kind] = (totals.kinds[kind] ?? 0) + 1;
    if (totals.oldest === undefined || at < totals.oldest) totals.oldest = at;
    if (totals.newest === undefined || at > totals.newest) totals.newest = at;
  }
  return totals;
};

const absent = (path: string, config: string | undefined): string =>
  config === undefined
    ? `${path} is not there: give --path the folder that outbox.path of the unit names`
    : `${path} is not there: no service has run with ${config} yet, or its outbox.path names another folder`;

export const outbox: Command = {
  summary: "reads the outbox of a stopped unit, or of a wrecked car",
  usage: `patrol-unit outbox stats|export|verify [--config FILE | --root DIR | --path FOLDER]
  [--format ndjson|gpx] [--json]

stats counts the waiting reports; export prints every waiting report, oldest number first, as
NDJSON, or their positions as GPX; verify reads everything and counts the damage. They work on a
copy: the files are not changed.
An outbox is a folder and the file .vital beside it (from a wrecked car, copy outbox*), which has
the episodes that were open. Damaged records are skipped and counted. Problems are printed on
stderr.

Figures of --json, and of the line that export prints on stderr: \`damaged\`: records that cannot be
read, by lane; \`missing\`: lost numbers; \`leased\`: numbers reserved by a service that runs now, or
was killed, which is no damage: its next start declares them; \`openEpisodes\`: the emergencies that
were open; \`news\`: what is wrong with the store as a whole, a sentence each.
Exit: 1 verify found damage or numbers that are not accounted for, or a service runs on it, 74 it is
not an outbox or cannot be opened.`,
  async run(args) {
    const action = ACTIONS.find((name) => name === args[0]);
    if (!action) throw new CommandError(EXIT.usage, `expected ${ACTIONS.join(", ")} after outbox`);
    const given = options(args.slice(1), {
      ...CONFIG_OPTIONS,
      path: { type: "string" },
      format: { type: "string" },
      json: { type: "boolean" },
    });
    if (given.format !== undefined && action !== "export")
      throw new CommandError(EXIT.usage, "--format is an option of export");
    const format = given.format ?? "ndjson";
    if (format !== "ndjson" && format !== "gpx") {
      throw new CommandError(EXIT.usage, `--format ${format}: expected ndjson or gpx`);
    }
    if (format === "gpx" && given.json)
      throw new CommandError(EXIT.usage, "--json and --format gpx: choose one");
    const isConfigured = given.config !== undefined || given.root !== undefined;
    if (isConfigured === (given.path !== undefined)) {
      throw new CommandError(EXIT.usage, "expected --config FILE, --root DIR or --path FOLDER");
    }
    const path = given.path ?? loadSettings(configSource(given)).settings.outbox.path;
    if (!existsSync(path)) throw new CommandError(EXIT.io, absent(path, given.config ?? given.root));
    await using inspection = await inspectOutbox(path);
    if (action === "export") {
      await exportReports(inspection, format === "gpx");
      const { damaged, account, news, openEpisodes } = inspection;
      const { missing, leased } = account;
      process.stderr.write(`${JSON.stringify({ damaged, missing, leased, openEpisodes, news })}\n`);
      return EXIT.ok;
    }
    const totals = await count(inspection);
    const { damaged, account, news, openEpisodes } = inspection;
    const bytes = bytesOnDisk(path);
    const summary = {
      path,
      ...totals,
      bytes,
      ledger: account,
      openEpisodes,
      ...(news.length > 0 ? { news } : {}),
      ...(action === "verify" ? { damaged } : {}),
    };
    const lines = summaryLines(path, totals, bytes, inspection);
    await write(given.json ? `${JSON.stringify(summary)}\n` : `${lines.join("\n")}\n`);
    const problems = problemsOf(inspection, action);
    const notes = notesOf(inspection);
    for (const sentence of [...problems, ...notes]) process.stderr.write(`${sentence}\n`);
    if (action === "stats") return EXIT.ok;
    if (problems.length === 0 && !given.json)
      await write(`every ${notes.length > 0 ? "other " : ""}number is accounted for, no damage\n`);
    return problems.length > 0 ? EXIT.failed : EXIT.ok;
  },
};

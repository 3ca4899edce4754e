import type { Command } from "./lib/command.ts";
import { SIGN_HELP } from "./lib/sign-help.ts";
import { WEB_HELP, webUsage } from "./lib/web-options.ts";

/** Each action is loaded only when it is used. */
const ACTIONS: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  audit: async (args) => (await import("./record/audit.ts")).recordAudit(args),
  track: async (args) => (await import("./record/track.ts")).recordTrack(args),
  import: async (args) => (await import("./record/import.ts")).recordImport(args),
  migrate: async (args) => (await import("./record/migrate.ts")).recordMigrate(args),
};

export const record: Command = {
  summary: "dispatch's recorder: stores every report and sends receipts",
  usage: `patrol-unit record --broker URL… --into TARGET [--units 'zrenjanin/*'] [--name NAME] [--no-ack]
                   [--prefix patrol/v1]
                   [--ca FILE] [--cert FILE --key FILE] [--username NAME --password WORD]
                   [--sign FILE]
                   ${webUsage(19)}
patrol-unit record audit --into TARGET [--json]
patrol-unit record track --into TARGET --unit UNIT [--from TIME] [--to TIME] | [--episode E]
                   [--format ndjson|gpx]
patrol-unit record import FILE --into TARGET [--json]
patrol-unit record migrate --into postgres://… [--role ROLE]

TARGET is sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE.
The recorder keeps two persistent sessions at each broker, one of them for emergencies, and
acknowledges a message when it is committed. It logs JSON lines to stdout and runs until SIGTERM or
Ctrl-C.
--units: *, zrenjanin/* or zrenjanin/zr-117; several with commas. Default: all.
--name: of this recorder, also in its topic and its client ids (recorder.NAME, recorder.NAME.bulk).
A second one of the same name waits until the first has gone. Default: main.
--no-ack: emergencies are stored, and not answered with \`received\`.
${SIGN_HELP}
${WEB_HELP}
The page shows a car's history from the store; the log says its address. If the page cannot be
served, the recorder works without it, and logs why.

audit prints what the ledger says of each unit and store: the highest number, what is missing, what
was declared as lost and why, duplicates, when it was heard. A conflict is a report whose number is
stored with another content, for example from a unit with an older copy of its disk: it is kept in
the table \`rejected\`, and an emergency in it is not answered with \`received\`.
track prints the positions of a unit in the order of their numbers, with times corrected where the
unit's clock was not set; a line {"gap":…} is where reports are missing.
import stores the file of \`outbox export\`, for example from a wrecked car; - is the standard input.
migrate makes the tables of PostgreSQL as their owner, and gives ROLE no more rights than a recorder
needs. Without it the recorder makes the tables itself, as their owner.
Exit: 0 done, 1 audit found conflicts, or numbers that are missing and not declared, track found no
position, import rejected a line, 64 wrong usage, 69 the database server cannot be reached, 74 the
database or a file cannot be used, 78 the file of --web-password has no password.`,
  async run(args) {
    const [name = ""] = args;
    const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
    if (action) return action(args.slice(1));
    const { recordService } = await import("./record/service.ts");
    return recordService(args);
  },
};

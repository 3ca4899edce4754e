import type { Inspection } from "../../outbox/inspect.ts";

/** The pending reports of an outbox, counted. `oldest`, `newest`: ISO instants. */
export type Totals = { records: number; kinds: Record<string, number>; oldest?: string; newest?: string };

export type Found = Pick<Inspection, "account" | "openEpisodes" | "news" | "damaged" | "inUse">;

const counted = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

const line = (label: string, text: string): string => `${label.padEnd(14)}${text}`;

const kindsText = (kinds: Readonly<Record<string, number>>): string => {
  const parts = Object.entries(kinds).map(([kind, n]) => `${n.toLocaleString("en")} ${kind}`);
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
};

/** What `stats` and `verify` print for a person, a line each. */
export const summaryLines = (path: string, totals: Totals, bytes: number, found: Found): string[] => {
  const { records, kinds, oldest, newest } = totals;
  const { boot, next } = found.account;
  return [
    line("outbox", `${path}, ${counted(Math.ceil(bytes / 1024), "KiB", "KiB")}`),
    line("waiting", `${counted(records, "report")}${kindsText(kinds)}`),
    ...(oldest === undefined || newest === undefined ? [] : [line("from, to", `${oldest}, ${newest}`)]),
    line("numbers", `the next report gets ${next}; boot ${boot}`),
    ...(found.openEpisodes.length === 0 ? [line("emergencies", "none open")] : []),
    ...found.openEpisodes.map(({ data }) =>
      line(
        data.test ? "DRILL" : "EMERGENCY",
        `${data.state}, button ${data.button}, ${counted(data.presses, "press", "presses")}, ${data.episode}`,
      ),
    ),
  ];
};

/**
 * What is wrong with an outbox, a sentence each. Empty: every number is accounted for. `action`: the
 * command that was run, to be run again on a stopped service.
 */
export const problemsOf = ({ account, damaged, news, inUse }: Found, action: string): string[] => {
  const records = damaged.emergency + damaged.event + damaged.telemetry;
  return [
    ...news,
    ...(records === 0
      ? []
      : [
          `${counted(records, "record")} cannot be read: ${damaged.emergency} emergency, ${damaged.event} event, ${damaged.telemetry} telemetry`,
        ]),
    ...(account.missing === 0 || inUse
      ? []
      : [
          `${counted(account.missing, "number")} ${account.missing === 1 ? "is" : "are"} missing: the service declares them to dispatch as lost at its next start`,
        ]),
    ...(inUse
      ? [
          `a service runs on this outbox and writes to it, so numbers cannot be verified: stop the service and run \`outbox ${action}\` again`,
        ]
      : []),
  ];
};

/** What a reader may wonder about, and that is no fault. */
export const notesOf = ({ account: { leased }, inUse }: Found): string[] =>
  leased === 0 || inUse
    ? []
    : [
        `${counted(leased, "number")} ${leased === 1 ? "was" : "were"} reserved by a service that was killed. This is no damage, and there is nothing to do: the service declares ${leased === 1 ? "it" : "them"} to dispatch at its next start`,
      ];

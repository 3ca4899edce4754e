import { CATALOGUE, type CatalogueRow, type LampSign } from "../domain/faults.ts";
import { PARTS, type Part } from "../domain/report.ts";

/** The runbook: what a technician reads in front of a car. Its faults come from the catalogue. */

const LAMP: Readonly<Record<LampSign, string>> = {
  unchanged: "Nothing: the lamp does not change.",
  off: "The lamp is dark.",
  fault: "`fault`: the lamp flickers. While an emergency is open the lamp shows the emergency instead.",
  "no-link":
    "`no-link` (two flashes, a long pause) after 60 s, if no other broker can be reached. Not during an emergency.",
  "no-host": "`no-host`: three flashes, a long pause. A board without power has a dark lamp.",
};

const PART_TITLES: Readonly<Record<Part, string>> = {
  gps: "the GPS receiver",
  can: "the vehicle's bus",
  "panic-board": "the panic board",
  "panic-loop": "the loops to the buttons",
  outbox: "the store of reports",
  link: "the link to dispatch",
  disk: "the disk",
  power: "switching the computer off",
  status: "the status page",
  identity: "who the unit is",
  config: "the configuration file",
  clock: "the time",
  custody: "receipts of dispatch",
  update: "new configurations",
};

const FIRST_PAGE = `# Runbook

Generated from the catalogue of faults (\`src/domain/faults.ts\`) by \`npm run generate\`. Do not edit.

For the technician in front of the car. Each fault has a part and a code. The lamp beside the button, \`status\`, the log and
dispatch's events all use these words. Find the part below, then the code.

## Look

| question                         | command                                                                            |
| -------------------------------- | ---------------------------------------------------------------------------------- |
| What is wrong now?               | \`patrol-unit status --config /etc/patrol-unit/patrol-unit.yaml\` (\`--watch\` repeats) |
| What is wrong with each device?  | \`patrol-unit doctor --config /etc/patrol-unit/patrol-unit.yaml\`                     |
| Is the configuration right?      | \`patrol-unit check --config /etc/patrol-unit/patrol-unit.yaml\`                      |
| What happened before?            | \`journalctl -u patrol-unit -n 100\`; \`-f\` follows, \`-b -1\` is the boot before        |
| Does the service run?            | \`systemctl status patrol-unit\`                                                     |
| Which reports are pending?       | service stopped: \`patrol-unit outbox stats --config …\`                              |
| Does a press get through?        | \`patrol-unit drill --config …\`, then press within 60 s: it prints the time of each leg |

\`patrol-unit\` stands for \`/opt/patrol-unit/node_modules/.bin/node /opt/patrol-unit/dist/patrol-unit.mjs\`. Run it as root or as
user patrol-unit. \`doctor\` can run beside the service; it then asks the service about the devices.

**The service does not start.** Exit 78: the configuration gives no unit name or no broker, or cannot be read; \`check\` says
where. systemd does not start it again. Exit 74: the outbox cannot be opened; another service uses it, or its disk has never
been writable. Anything else: \`journalctl\` has one line with the reason.

**Never pull the power** to get out of a fault: \`systemctl restart patrol-unit\`. If the power must be cut, run \`systemctl stop patrol-unit\`
first. An emergency survives both.

## Lamp

| pattern    | the lamp, in 3.2 s                   | what it means                                                  |
| ---------- | ------------------------------------ | -------------------------------------------------------------- |
| \`idle\`     | one blip                             | all is well, or a covert emergency is open                     |
| \`no-link\`  | two flashes, a long pause            | no broker with a subscriber for 60 s; a press is kept          |
| \`latched\`  | one blip each 0.8 s                  | the board has the press, the computer does not yet             |
| \`stored\`   | 0.8 s on, 0.8 s off                  | the press is on the computer's disk                            |
| \`sent\`     | 0.4 s on, 0.4 s off                  | a broker has it                                                |
| \`received\` | two flashes, a pause, four times     | dispatch's system has it                                       |
| \`accepted\` | steady                               | a person at dispatch has it                                    |
| \`fault\`    | flicker                              | a part that a press depends on fails: loop or disk             |
| \`no-host\`  | three flashes, a long pause          | the board has not heard from the computer for 5 s; it latches presses |
| \`done\`     | 1.2 s on, 0.4 s off                  | reserved for a later release                                   |
| \`refused\`  | three flashes of 0.2 s, a long pause | reserved for a later release                                   |
| dark       | nothing                              | the board has no power or is not programmed, or the lamp is broken |

A drill begins with one second of long, short, long. Wiring and voltages: firmware-bridge/PROTOCOL.md.

## What dispatch sees

Each fault is an event \`fault\` with \`part\`, \`code\`, \`where\` and \`detail\`, and an event \`recovered\` when it is over. A fault that
changes more than six times a minute is reported once as changing often, then again when it is steady. \`detail\` is a sentence for this case;
the texts below apply to all cases.
`;

const faultSection = ({ code, sentence, lamp, dispatch, cause, remedy, once }: CatalogueRow): string =>
  [
    `### \`${code}\``,
    "",
    `${sentence}${once ? " It is reported once; no `recovered` follows." : ""}`,
    "",
    `- **Officer**: ${LAMP[lamp]}`,
    `- **Dispatch**: ${dispatch}`,
    `- **Likely cause**: ${cause}`,
    `- **Remedy**: ${remedy}`,
    "",
  ].join("\n");

/** Faults of one block of the file: they differ only in what is wrong with it. */
const configurationSection = (rows: readonly CatalogueRow[]): string => {
  const [first] = rows;
  if (!first) return "";
  return [
    "### Faults of the configuration",
    "",
    "`detail` has file, line, column and key. They stay until the service is restarted.",
    "",
    `- **Officer**: ${LAMP[first.lamp]}`,
    `- **Dispatch**: ${first.dispatch}`,
    `- **Remedy**: ${first.remedy}`,
    "",
    "| code | what is wrong | likely cause |",
    "| --- | --- | --- |",
    ...rows.map(({ code, sentence, cause }) => `| \`${code}\` | ${sentence} | ${cause} |`),
    "",
  ].join("\n");
};

const partSection = (part: Part): string[] => {
  const rows = CATALOGUE.filter((row) => row.part === part);
  if (rows.length === 0) return [];
  return [
    `## \`${part}\`: ${PART_TITLES[part]}\n`,
    ...rows.filter(({ about }) => about === "device").map(faultSection),
    ...[configurationSection(rows.filter(({ about }) => about === "configuration"))].filter(Boolean),
  ];
};

/** The whole runbook, as Markdown. */
export const runbook = (): string => [FIRST_PAGE, ...PARTS.flatMap(partSection)].join("\n");

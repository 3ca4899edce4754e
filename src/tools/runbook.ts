import { CATALOGUE, type CatalogueRow, type LampSign } from "../domain/faults.ts";
import { PARTS, type Part } from "../domain/report.ts";
import { WIRE } from "../domain/wire.ts";

/** The runbook: what a technician reads in front of a car. Its faults come from the catalogue. */

const LAMP: Readonly<Record<LampSign, string>> = {
  unchanged: "Nothing: the lamp does not change.",
  off: "The lamp shows no light. Use the radio.",
  fault:
    "`fault`: bursts of flashes. Press all the same, and call by radio. While an emergency is open the lamp shows the emergency instead.",
  "no-link":
    "`no-link` (two blips, a long pause) after 60 s, if no other broker can be reached. Not during an emergency. Press all the same: it is sent when there is a connection. If it is urgent, use the radio too.",
  "no-host":
    "`no-host`: three blips, a long pause. Press all the same: the button keeps it. If it stays, use the radio too. A board without power shows no light.",
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
  status: "the status address",
  identity: "who the unit is",
  config: "the configuration file",
  clock: "the time",
  custody: "receipts of dispatch",
  update: "new configurations",
};

const titleOf = (part: Part): string => `\`${part}\`: ${PART_TITLES[part]}`;

/** The anchor that GitHub gives to a heading. */
const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

const linkTo = (part: Part): string => `[\`${part}\`](#${anchorOf(titleOf(part))})`;

/** Links to the parts that have a fault with this sign. */
const partsShowing = (sign: LampSign): string =>
  PARTS.filter((part) => CATALOGUE.some((row) => row.part === part && row.lamp === sign))
    .map(linkTo)
    .join(", ");

const index = (): string => {
  const pages = ["Look", "Lamp", "What dispatch sees", "Access rules of the broker"];
  const parts = PARTS.filter((part) => CATALOGUE.some((row) => row.part === part));
  return [
    pages.map((title) => `[${title}](#${anchorOf(title)})`).join(" · "),
    "",
    ...parts.map((part) => `- ${linkTo(part)}: ${PART_TITLES[part]}`),
  ].join("\n");
};

/**
 * Access rules for mosquitto, a line each: a unit may write what goes up and read what comes down, below
 * its own name. So it cannot acknowledge its own emergency.
 */
export const mosquittoRules = (): string[] =>
  Object.values(WIRE)
    .toSorted((a, b) => Number(a.direction === "down") - Number(b.direction === "down"))
    .map(({ path, direction }) => {
      const filter = path.replace("{episode}", "+");
      return `pattern ${direction === "up" ? "write" : "read"} patrol/v1/%u/${filter}`;
    });

const firstPage = (): string => `# Runbook

Generated from the catalogue of faults (\`src/domain/faults.ts\`) by \`npm run generate\`. Do not edit.

For the technician in front of the car. Each fault has a part and a code. \`status\`, \`doctor\`, the log and dispatch's events
use the same two words. Find the part in the index, then the code.

${index()}

## Look

| question                         | command                                                                            |
| -------------------------------- | ---------------------------------------------------------------------------------- |
| What is wrong now?               | \`patrol-unit status --root /var/lib/patrol-unit/root\` (\`--watch\` repeats) |
| What is wrong with each device?  | \`patrol-unit doctor --root /var/lib/patrol-unit/root\`                     |
| Is the configuration right?      | \`patrol-unit check --root /var/lib/patrol-unit/root\`                      |
| What happened before?            | \`journalctl -u patrol-unit -n 100\`; \`-f\` follows, \`-b -1\` is the boot before        |
| Does the service run?            | \`systemctl status patrol-unit\`                                                     |
| What waits for dispatch?         | service stopped: \`patrol-unit outbox stats --root …\`                              |
| Does a press get through?        | \`patrol-unit drill --root …\`, then press within 60 s: it prints the time of each leg |

The package installs \`patrol-unit\` as \`/usr/bin/patrol-unit\`. Run it as root or as user patrol-unit. \`doctor\` can run
beside the service: it then asks the service about the devices. In a car that is configured by hand (README, "One car by hand")
write \`--config /etc/patrol-unit/patrol-unit.yaml\` instead of \`--root …\`.

\`status\` exits with 0 whenever the service answers, also with active faults: a script reads \`status --json\`, or uses
\`doctor\`, which exits with 1 or 69 if something fails.

\`systemd/…\` and \`firmware-bridge/…\` in a remedy are files of a checkout. The package installs \`50-patrol-unit.rules\`, and has the
panic board's firmware in \`/opt/patrol-unit/current/dist/firmware-bridge/firmware/\`. In a checkout
\`/usr/share/doc/patrol-unit/examples/25-can0.network\` is \`systemd/25-can0.network\`.

**The service does not start.** \`systemctl status patrol-unit\` shows the exit code.

- 78: the configuration cannot be read, or has no unit name or no broker. \`check\` prints file, line and column. systemd does not
  try again: correct the file, then \`systemctl start patrol-unit\`.
- 74: the outbox cannot be opened. Another service uses it, or its disk cannot be written.
- Any other code: \`journalctl -u patrol-unit\` has one line with the reason.

**Do not pull the power to end a fault.** Use \`systemctl restart patrol-unit\`. Before you disconnect the power, run
\`systemctl stop patrol-unit\`. An open emergency continues after both.

## Lamp

| pattern | the lamp, in 3.2 s | what it means | if it stays |
| --- | --- | --- | --- |
| \`idle\` | one blip | all is well, or an emergency of a \`dark\` button is open | |
| \`no-link\` | two blips, a long pause | for 60 s no broker with a subscriber was reachable; a press is kept, and sent when one is. If it is urgent, use the radio too | ${partsShowing("no-link")} |
| \`latched\` | one blip each 0.8 s | the board has the press, the computer does not yet. If it stays more than a few seconds, use the radio | ${linkTo("panic-board")}, ${linkTo("outbox")} |
| \`stored\` | one blip each 0.8 s | the press is on the computer's disk | ${partsShowing("no-link")} |
| \`sent\` | 0.4 s on, 0.4 s off | a broker has it | ask dispatch |
| \`received\` | 0.7 s on, 0.1 s off | dispatch's system has it | ask dispatch |
| \`accepted\` | steady | a person at dispatch has it | |
| \`fault\` | bursts: five flashes in a second | a part that a press depends on fails: loop or disk. Press all the same, and call by radio | ${partsShowing("fault")} |
| \`no-host\` | three blips, a long pause | the board has not heard from the computer for 5 s: it is off, restarting, or not connected. The board keeps presses. If it stays, use the radio too | [does the service run?](#look) ${partsShowing("no-host")} |
| \`done\` | 1.2 s on, 0.4 s off | for a minute: the bundle of a stick or of the inbox is installed, or is in force already | |
| \`refused\` | three flashes of 0.2 s, a long pause | for a minute: the bundle of a stick or of the inbox is refused, or was taken back. Why is on the stick | \`RESULT-UNIT.txt\` on the stick, or \`*.result\` in the inbox |
| no light | nothing | the board has no power or is not programmed, or the lamp is broken. Use the radio | ${partsShowing("off")} |

A drill begins with one second of long, short, long. Wiring and voltages: firmware-bridge/PROTOCOL.md.

## What dispatch sees

Each fault is an event \`fault\` with \`part\`, \`code\`, \`where\` and \`detail\`, and an event \`recovered\` when it is over. A fault that
changes more than six times a minute is reported once as changing often, and again when it has been steady for a minute. \`detail\`
describes this one case. The texts below describe the fault in general.

## Access rules of the broker

A unit writes what goes up and reads what comes down, below its own name. It must not be able to write \`emergency/+/ack\`: it could
then acknowledge its own emergency. For mosquitto (\`acl_file\`; \`%u\` is the user name, here the unit's name). With client
certificates its listener needs \`require_certificate true\` and \`use_identity_as_username true\`: \`%u\` is then the certificate's
CN. Without the second one mosquitto goes by the name and password that the client gives, and a unit without a password is
refused.

\`\`\`
${mosquittoRules().join("\n")}
\`\`\`
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
    `## ${titleOf(part)}\n`,
    ...rows.filter(({ about }) => about === "device").map(faultSection),
    ...[configurationSection(rows.filter(({ about }) => about === "configuration"))].filter(Boolean),
  ];
};

/** The whole runbook, as Markdown. */
export const runbook = (): string => [firstPage(), ...PARTS.flatMap(partSection)].join("\n");

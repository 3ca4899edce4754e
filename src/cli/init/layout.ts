import type { BundleFile } from "../../bundle/format.ts";

/** The files that `init` writes: what the fleet shares, and what belongs to this car alone. */

export type Answers = {
  readonly directorate: string;
  readonly unit: string;
  readonly brokers: readonly string[];
  /** The CA of the brokers. */
  readonly ca: Buffer | undefined;
  readonly gps: { readonly port: string; readonly baud: number };
  /** `none`: the car has no panic board, and none is meant. */
  readonly panic: { readonly port: string } | "none";
  readonly can:
    | { readonly interface: string; readonly profile: readonly BundleFile[]; readonly declared: boolean }
    | undefined;
  /** Undefined: the default. */
  readonly outbox: string | undefined;
};

/** That of the schema. */
const DEFAULT_BAUD = 9600;

/** Text in YAML: JSON is YAML. */
const quoted = (text: string): string => JSON.stringify(text);

const canBlock = ({ can }: Answers): string[] => {
  if (!can)
    return [
      "# The vehicle's bus. The unit only listens to it:",
      "# can: { interface: can0, profile: vehicles/PROFILE.yaml }",
    ];
  const [profile] = can.profile;
  const declared = can.declared ? "\n  listenOnly: declared # the adapter cannot report its mode" : "";
  return [
    "can: # the vehicle's bus; the unit only listens to it",
    `  interface: ${quoted(can.interface)}${declared}`,
    `  profile: ${quoted(profile?.name ?? "vehicles/PROFILE.yaml")} # relative to this file`,
  ];
};

/** `patrol-unit.yaml`, as it is before the first bundle replaces it. */
const configurationText = (answers: Answers): string =>
  [
    "# The first configuration of this car, written by `patrol-unit init`. A bundle replaces it; what belongs to",
    "# this car alone (unit, ports, secrets) is in local.yaml of the root. Check: patrol-unit check --root DIR",
    "",
    "panic: # the port is in local.yaml, or panic: none for a car without a board",
    "  buttons:",
    "    dash: { loop: 0 } # the name is what dispatch sees; loop 0 is A0 of the board",
    "    boot: { loop: 1 } # silent: true: no sounder; dark: true: no sounder, and the lamp keeps showing idle",
    "",
    "report:",
    "  movingS: 5 # seconds between positions when moving",
    "  distanceM: 150 # or after this many metres",
    "  headingDeg: 20 # or after this turn",
    "  standingS: 300 # seconds between positions when standing",
    "",
    "dispatch:",
    `  brokers: [${answers.brokers.map(quoted).join(", ")}] # in order of preference`,
    ...(answers.brokers.some((broker) => broker.startsWith("mqtt://"))
      ? ["  allowPlaintext: true # for a bench: mqtt:// is not encrypted"]
      : []),
    ...(answers.ca ? ["  ca: ca.pem # relative to this file"] : []),
    "  # The certificate and key are those of the identity folder: patrol-unit enrol request --root DIR",
    "",
    "flash: { trialS: 300 } # seconds in which a new configuration must reach dispatch",
    "",
    ...canBlock(answers),
    "",
  ].join("\n");

/** `local.yaml`. */
export const localText = ({ directorate, unit, gps, panic, outbox }: Answers): string =>
  [
    "# What belongs to this car alone. It is laid over every configuration, also over those of bundles.",
    "# Passwords and the PIN of the status page belong here too. Only the service may read it (mode 0600).",
    "",
    `unit: { directorate: ${quoted(directorate)}, id: ${quoted(unit)} }`,
    `gps: { port: ${quoted(gps.port)}${gps.baud === DEFAULT_BAUD ? "" : `, baud: ${gps.baud}`} }`,
    // A bundle for the fleet has buttons: a car without a board must say so itself.
    panic === "none"
      ? "panic: none # this car has no panic button"
      : `panic: { port: ${quoted(panic.port)} }`,
    ...(outbox === undefined ? [] : [`outbox: { path: ${quoted(outbox)} }`]),
    "",
  ].join("\n");

export const configurationFiles = (answers: Answers): BundleFile[] => [
  { name: "patrol-unit.yaml", bytes: Buffer.from(configurationText(answers)) },
  ...(answers.ca ? [{ name: "ca.pem", bytes: answers.ca }] : []),
  ...(answers.can?.profile ?? []),
];

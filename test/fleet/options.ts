import { CommandError, EXIT, options } from "../../src/cli/lib/command.ts";

export const USAGE = `npm run fleet -- [--units N] [--minutes M] [--broker mosquitto|nats|rabbitmq] [CASES]

A fleet of whole units at a real broker, with the real recorder into PostgreSQL. First all connect, then they drive for M
minutes with one position each 5 s, then the cases that are asked for, one after the other. At the end every unit must have
got rid of every report, and \`record audit\` must find no number that is neither stored nor declared.

  --units N            units (default 200)
  --minutes M          minutes of the steady state (default 1)
  --broker B           mosquitto (default), nats or rabbitmq: a cluster of three
  --presses P          emergencies in a second (default 1)
  --processes K        processes that the units share, beside the one of those that are measured (default:
                       one for each 1,500 units)
  --json               the figures as one JSON line at the end

Cases:
  --storm              all units connect within 10 s, with 300 unsent positions each
  --recorder-away S    the recorder is killed, and comes back after S seconds
  --kill-node          one node of the cluster is killed; of mosquitto, one of a pair
  --forgetful          the recorder is killed, then the brokers, and what they had on disk is removed

Exit: 0 nothing is undeclared, 1 something is, or a unit kept reports for too long, 64 wrong usage.
`;

const BROKERS = ["mosquitto", "nats", "rabbitmq"] as const;
export type BrokerKind = (typeof BROKERS)[number];

export type FleetOptions = {
  readonly units: number;
  readonly minutes: number;
  readonly broker: BrokerKind;
  /** Emergencies in a second. */
  readonly presses: number;
  readonly processes: number;
  readonly storm: boolean;
  readonly killNode: boolean;
  /** Seconds; undefined: it stays. */
  readonly recorderAwayS: number | undefined;
  readonly forgetful: boolean;
  readonly json: boolean;
};

/** A process with more units would need more than half a core. */
const UNITS_PER_PROCESS = 1_500;
/** Addresses of the units: see `addressOf`. */
const UNITS_MAX = 60_000;

const numberOf = (text: string | undefined, name: string, fallback: number): number => {
  if (text === undefined) return fallback;
  const value = text === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new CommandError(EXIT.usage, `--${name} ${text}: expected a number of 0 or more`);
};

const wholeOf = (text: string | undefined, name: string, fallback: number, most: number): number => {
  const value = numberOf(text, name, fallback);
  if (Number.isInteger(value) && value > 0 && value <= most) return value;
  throw new CommandError(EXIT.usage, `--${name} ${text}: expected a whole number from 1 to ${most}`);
};

const brokerOf = (text: string): BrokerKind => {
  const found = BROKERS.find((one) => one === text);
  if (found) return found;
  throw new CommandError(EXIT.usage, `--broker ${text}: expected ${BROKERS.join(", ")}`);
};

/** What the command line asks for; undefined: help. Throws a CommandError (64) if it is wrong. */
export const readOptions = (args: readonly string[]): FleetOptions | undefined => {
  const given = options(args, {
    units: { type: "string" },
    minutes: { type: "string" },
    broker: { type: "string" },
    presses: { type: "string" },
    processes: { type: "string" },
    storm: { type: "boolean" },
    "kill-node": { type: "boolean" },
    "recorder-away": { type: "string" },
    forgetful: { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean" },
  });
  if (given.help) return undefined;
  const units = wholeOf(given.units, "units", 200, UNITS_MAX);
  const away = given["recorder-away"];
  return {
    units,
    minutes: numberOf(given.minutes, "minutes", 1),
    broker: brokerOf(given.broker ?? "mosquitto"),
    presses: numberOf(given.presses, "presses", 1),
    processes: wholeOf(given.processes, "processes", Math.ceil(units / UNITS_PER_PROCESS), units),
    storm: given.storm ?? false,
    killNode: given["kill-node"] ?? false,
    recorderAwayS: away === undefined ? undefined : numberOf(away, "recorder-away", 0),
    forgetful: given.forgetful ?? false,
    json: given.json ?? false,
  };
};

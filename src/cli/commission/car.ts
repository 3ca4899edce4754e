import type { Fitted } from "../../commissioning/plan.ts";
import { Snapshot } from "../../domain/snapshot.ts";
import { systemTime } from "../../runtime/time.ts";
import { faultText } from "../../settings/fault.ts";
import { inForce, loadConfiguration, type Configuration } from "../../settings/load.ts";
import { fittedOf } from "../../unit/commissioning/fitted.ts";
import { lockList } from "../../unit/commissioning/list-lock.ts";
import { IdentityError, identityOf, type Identity } from "../../unit/commissioning/identity.ts";
import { addressOf, askStatus, wrongFormat, isNobodyThere, type UnitAddress } from "../lib/ask-unit.ts";
import { CommandError, EXIT, knownTime } from "../lib/command.ts";
import { openRoot, type OpenRoot } from "../lib/root.ts";
import { printable } from "./printable.ts";

/** The car of a root, beside its running service. */
export type Car = OpenRoot &
  Identity & {
    readonly configuration: Configuration;
    readonly address: UnitAddress;
    /** No other list of the car can be opened until it is disposed. */
    readonly lock: Disposable;
  };

const identityIn = ({ settings }: Configuration): Identity => {
  try {
    return identityOf(settings.dispatch);
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause;
    throw new CommandError(
      EXIT.config,
      `the report is signed by the unit's own key, and ${cause.message}: \`enrol request\` and \`enrol install\` make both`,
      cause,
    );
  }
};

/** What the car has. */
export const fittedIn = ({ configuration }: Car, triesPowerOff: boolean): Fitted => {
  const faults = configuration.faults.map((fault) => ({ part: fault.part, says: faultText(fault) }));
  return fittedOf({ ...configuration, faults }, triesPowerOff);
};

/** The status of the service. Throws a CommandError: 69 if none answers, 1 if it is another release's. */
export const statusOf = async (address: UnitAddress): Promise<Snapshot> => {
  const { data, error } = Snapshot.safeParse(await askStatus(address));
  if (data) return data;
  throw wrongFormat(address, error);
};

/** The service must run, with the configuration that is in force now. */
const expectService = async ({
  configuration,
  address,
  root,
}: Pick<Car, "configuration" | "address" | "root">): Promise<Snapshot> => {
  let snapshot;
  try {
    snapshot = await statusOf(address);
  } catch (cause) {
    if (!isNobodyThere(cause)) throw cause;
    throw new CommandError(
      EXIT.unavailable,
      `no service runs on ${root.dir}: start it (systemctl start patrol-unit), and begin again`,
      cause,
    );
  }
  if (snapshot.config === undefined || snapshot.config === configuration.sha256) return snapshot;
  throw new CommandError(
    EXIT.failed,
    "the service runs with another configuration file: restart it (systemctl restart patrol-unit), and begin again",
  );
};

/** Throws a CommandError if a list of this car is open already, on the page or in another command. */
const openAlone = async (open: OpenRoot, { commissioning }: Snapshot): Promise<Disposable> => {
  const lock = await lockList(open, systemTime);
  if (lock) return lock;
  const where =
    commissioning && !commissioning.over
      ? `on the unit's page, by ${printable(commissioning.technician)}`
      : "in another `commission`";
  throw new CommandError(EXIT.failed, `a list of this car is open ${where}: end it there first`);
};

/** Throws a CommandError if the list cannot be worked through on this root now. */
export const openCar = async (dir: string): Promise<Car> => {
  const open = openRoot(dir);
  const configuration = loadConfiguration(inForce(open.root, knownTime()));
  const identity = identityIn(configuration);
  const address = addressOf(configuration.settings);
  const snapshot = await expectService({ ...open, configuration, address });
  return { ...open, ...identity, configuration, address, lock: await openAlone(open, snapshot) };
};

import { createPrivateKey, type KeyObject, type X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { certificatesIn } from "../../bundle/certificate.ts";
import { isUnitKey } from "../../bundle/request.ts";
import type { Fitted, Power } from "../../commissioning/plan.ts";
import { Snapshot } from "../../domain/snapshot.ts";
import { faultText } from "../../settings/fault.ts";
import { inForce, loadConfiguration, type Configuration } from "../../settings/load.ts";
import { addressOf, askStatus, wrongFormat, isNobodyThere, type UnitAddress } from "../lib/ask-unit.ts";
import { CommandError, EXIT, knownTime } from "../lib/command.ts";
import { openRoot, type OpenRoot } from "../lib/root.ts";

/** The car of a root, beside its running service. */
export type Car = OpenRoot & {
  readonly configuration: Configuration;
  readonly address: UnitAddress;
  /** The unit's own key, and its certificate with those between it and the CA. */
  readonly key: KeyObject;
  readonly chain: readonly X509Certificate[];
};

const noIdentity = (why: string): CommandError =>
  new CommandError(
    EXIT.config,
    `the report is signed by the unit's own key, and ${why}: \`enrol request\` and \`enrol install\` make both`,
  );

/** Throws a CommandError (78) if there is no key, or no certificate, or they do not fit each other or ES256. */
const identityOf = ({ settings }: Configuration): Pick<Car, "key" | "chain"> => {
  const { key: keyFile, cert } = settings.dispatch;
  if (keyFile === undefined || cert === undefined) throw noIdentity("this unit has no certificate");
  const chain = certificatesIn(readFileSync(cert, "utf8"));
  if (!chain?.[0]) throw noIdentity(`${cert} holds no certificate`);
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(keyFile));
  } catch (cause) {
    if (cause instanceof Error && "syscall" in cause) throw cause;
    throw noIdentity(`${keyFile} is no private key`);
  }
  if (!isUnitKey(key)) throw noIdentity(`${keyFile} is not a P-256 key`);
  if (!chain[0].checkPrivateKey(key)) throw noIdentity(`${cert} belongs to another key`);
  return { key, chain };
};

const powerOf = ({ settings, faults }: Configuration, tried: boolean): Power => {
  if (settings.power) return { kind: "declared", offAfterS: settings.power.offAfterS, tried };
  const fault = faults.find(({ part }) => part === "power");
  return fault ? { kind: "faulty", reason: faultText(fault) } : { kind: "never" };
};

/** What the configuration says that the car has. */
export const fittedOf = (configuration: Configuration, triesPowerOff: boolean): Fitted => {
  const { settings, mapping } = configuration;
  const { panic, can, dispatch } = settings;
  const triable = can?.signals ?? {};
  return {
    signals: mapping?.signals.map(({ path }) => ({ path, triable: triable[path]?.triable })),
    buttons: panic === undefined ? "missing" : panic === "none" ? "none" : Object.keys(panic.buttons),
    brokers: dispatch.brokers,
    power: powerOf(configuration, triesPowerOff),
    faults: configuration.faults.map((fault) => ({ part: fault.part, says: faultText(fault) })),
  };
};

/** The status of the service. Throws a CommandError: 69 if none answers, 1 if it is another release's. */
export const statusOf = async (address: UnitAddress): Promise<Snapshot> => {
  const { data, error } = Snapshot.safeParse(await askStatus(address));
  if (data) return data;
  throw wrongFormat(address, error);
};

/** The service must run, with the configuration that is in force now. */
const expectService = async ({ configuration, address, root }: Omit<Car, "key" | "chain">): Promise<void> => {
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
  if (snapshot.config === undefined || snapshot.config === configuration.sha256) return;
  throw new CommandError(
    EXIT.failed,
    "the service runs with another configuration file: restart it (systemctl restart patrol-unit), and begin again",
  );
};

/** Throws a CommandError if the list cannot be worked through on this root now. */
export const openCar = async (dir: string): Promise<Car> => {
  const open = openRoot(dir);
  const configuration = loadConfiguration(inForce(open.root, knownTime()));
  const identity = identityOf(configuration);
  const address = addressOf(configuration.settings);
  await expectService({ ...open, configuration, address });
  return { ...open, ...identity, configuration, address };
};

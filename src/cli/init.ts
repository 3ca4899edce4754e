import { existsSync, lchownSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { authorityRefusal } from "../bundle/authority.ts";
import { certificatesIn } from "../bundle/certificate.ts";
import { openFiles } from "../bundle/files.ts";
import { hasPrivateKey, KeyName } from "../bundle/format.ts";
import { trustedKey } from "../bundle/keys.ts";
import { replaceFile, type Files } from "../bundle/port.ts";
import { Store } from "../bundle/store.ts";
import { NO_STATE } from "../bundle/trial.ts";
import { IDENTITY_PART } from "../domain/identity.ts";
import { reasonOf } from "../runtime/log.ts";
import { expectMakeable, makeFolder } from "../runtime/make-folder.ts";
import { errorCode, systemWords } from "../runtime/system-words.ts";
import { systemTime } from "../runtime/time.ts";
import { ConfigurationError } from "../settings/fault.ts";
import { TEXT_BYTES } from "../settings/files.ts";
import { loadConfiguration } from "../settings/load.ts";
import { CONFIG_FILE, rootAt, type Root } from "../settings/root.ts";
import { Broker, Can, Gps, Tty } from "../settings/schema.ts";
import { busText, canBuses, type CanBus } from "./init/buses.ts";
import { configurationFiles, localText, type Answers } from "./init/layout.ts";
import { BY_ID, deviceText, listenTo, serialDevices, type Device } from "./init/serial.ts";
import { clearFit, fits, fitText, hearBus, profileFiles, profilesIn, type Fit } from "./init/vehicles.ts";
import { pemFiles } from "./lib/broker-options.ts";
import { CommandError, EXIT, options, required, type Command } from "./lib/command.ts";
import { readGiven } from "./lib/read-given.ts";
import { asker, nobody, type Asker, type Question } from "./lib/prompt.ts";
import { lockRoot } from "./lib/root.ts";

const OPTIONS = {
  root: { type: "string" },
  trust: { type: "string" },
  directorate: { type: "string" },
  unit: { type: "string" },
  brokers: { type: "string" },
  ca: { type: "string" },
  gps: { type: "string" },
  baud: { type: "string" },
  panic: { type: "string" },
  can: { type: "string" },
  profile: { type: "string" },
  outbox: { type: "string" },
  devices: { type: "string" },
  vehicles: { type: "string" },
  json: { type: "boolean" },
} as const;
type Given = { readonly [K in Exclude<keyof typeof OPTIONS, "json">]?: string | undefined } & {
  readonly json?: boolean | undefined;
};

const DEFAULT_OUTBOX = "/var/lib/patrol-unit/root";

type Found = {
  readonly devices: readonly Device[];
  readonly buses: readonly CanBus[];
  readonly fits: readonly Fit[];
};

/** The value of the option if it was given, otherwise what the asker answers. Throws a CommandError if that value is wrong. */
const answer = async (given: string | undefined, question: Question, ask: Asker): Promise<string> => {
  if (given === undefined) return ask(question);
  const wrong = question.fault(given);
  if (wrong !== undefined) throw new CommandError(EXIT.usage, `${question.option} ${given}: ${wrong}`);
  return given;
};

const expected = (what: string, isRight: (text: string) => boolean) => (text: string) =>
  isRight(text) ? undefined : `expected ${what}`;
const isPart = expected("1 to 32 of a-z, 0-9 and -", (text) => IDENTITY_PART.test(text));

/** Directorate and unit; `--unit` may be both: `zrenjanin/zr-117`. */
const askIdentity = async (given: Given, ask: Asker): Promise<Pick<Answers, "directorate" | "unit">> => {
  const [first = "", second, ...more] = given.unit?.split("/") ?? [];
  if (more.length > 0)
    throw new CommandError(
      EXIT.usage,
      `--unit ${given.unit}: expected UNIT or DIRECTORATE/UNIT, such as zrenjanin/zr-117`,
    );
  const both = second === undefined ? undefined : { directorate: first, unit: second };
  if (both && given.directorate !== undefined && given.directorate !== both.directorate)
    throw new CommandError(EXIT.usage, `--unit ${given.unit}: expected a unit of ${given.directorate}`);
  const directorate = {
    message: "Police directorate, such as zrenjanin",
    option: "--directorate",
    fault: isPart,
  };
  // A script must name the car: a machine's name may be that of the card's first car.
  const proposal = ask === nobody || !isCarName(hostname()) ? undefined : hostname();
  const unit = { message: "Unit, such as zr-117", option: "--unit", proposal, fault: isPart };
  return {
    directorate: await answer(given.directorate ?? both?.directorate, directorate, ask),
    unit: await answer(both?.unit ?? given.unit, unit, ask),
  };
};

/** Whether a machine's name is that of a car: with a number. A name such as localhost is none. */
const isCarName = (name: string): boolean => /^[a-z]+-\d+$/.test(name);

const listOfBrokers = (text: string): string[] =>
  text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);

const askBrokers = async (given: Given, ask: Asker): Promise<string[]> => {
  const areBrokers = (text: string): boolean => {
    const brokers = listOfBrokers(text);
    return brokers.length > 0 && brokers.every((one) => Broker.safeParse(one).success);
  };
  const question = {
    message: "Brokers of dispatch, with commas between them",
    option: "--brokers",
    fault: expected("mqtts://host:port, with commas between several", areBrokers),
  };
  return listOfBrokers(await answer(given.brokers, question, ask));
};

const askGps = async (given: Given, { devices }: Found, ask: Asker): Promise<Answers["gps"]> => {
  const receivers = devices.flatMap(({ path, heard }) =>
    heard.kind === "nmea" ? [{ path, baud: heard.baud }] : [],
  );
  const [first] = receivers;
  const port = await answer(
    given.gps,
    {
      message: "Port of the GPS receiver",
      option: "--gps",
      proposal: first?.path,
      fault: expected(
        "a tty such as /dev/ttyACM0 or tcp://host:port",
        (text) => Gps.shape.port.safeParse(text).success,
      ),
    },
    ask,
  );
  const baud = given.baud ?? String(receivers.find(({ path }) => path === port)?.baud ?? 9600);
  if (!Gps.shape.baud.safeParse(Number(baud)).success)
    throw new CommandError(EXIT.usage, `--baud ${baud}: expected a whole number from 300 to 4000000`);
  return { port, baud: Number(baud) };
};

const askPanic = async (given: Given, { devices }: Found, ask: Asker): Promise<Answers["panic"]> => {
  const board = devices.find(({ heard }) => heard.kind === "board" && heard.ours);
  const port = await answer(
    given.panic,
    {
      message: "Port of the panic board, or none if the car has none",
      option: "--panic",
      proposal: board?.path,
      fault: expected(
        "a tty such as /dev/ttyUSB0, or none",
        (text) => text === "none" || Tty.safeParse(text).success,
      ),
    },
    ask,
  );
  return port === "none" ? "none" : { port };
};

/** The CA of the brokers. A private key in its place would be copied to where everybody may read it. */
const caOf = (file: string | undefined): Buffer | undefined => {
  if (file === undefined) return undefined;
  const bytes = readGiven(file, TEXT_BYTES);
  // Read again as the link will read it: a damaged one is refused in its words.
  const why = authorityRefusal(bytes.toString("latin1"));
  if (why !== undefined) throw new CommandError(EXIT.failed, `--ca ${file}, which ${why}`);
  if (certificatesIn(bytes.toString("utf8")) && !hasPrivateKey(bytes)) return pemFiles({ ca: file }).ca;
  throw new CommandError(
    EXIT.failed,
    `--ca ${file}: expected the certificate of a CA in PEM, without a private key`,
  );
};

/** The bus: as given, or an interface that only listens, if a profile is given or clearly fits. */
const busOf = (given: Given, { buses, fits: found }: Found): Answers["can"] => {
  if (given.can === "none") return undefined;
  if (given.can !== undefined && !Can.shape.interface.safeParse(given.can).success)
    throw new CommandError(EXIT.usage, `--can ${given.can}: expected the name of an interface such as can0`);
  const safe = buses.find(({ mode }) => mode === "listen-only" || mode === "virtual");
  const name = given.can ?? safe?.name;
  const profile = given.profile ?? clearFit(found)?.file;
  if (name === undefined || profile === undefined) {
    if (given.can === undefined && given.profile === undefined) return undefined;
    const missing = name === undefined ? "--can" : "--profile";
    throw new CommandError(
      EXIT.usage,
      `${missing} is missing: the bus needs an interface and a vehicle profile`,
    );
  }
  const declared = buses.find((bus) => bus.name === name)?.mode === "not-stated";
  return { interface: name, profile: profileFiles(profile), declared };
};

/** The folder of the vehicle profiles: beside the program, or in the working directory. */
const vehiclesFolder = (given: string | undefined): string => {
  const program = dirname(resolve(process.argv[1] ?? "."));
  const places = [join(program, "../config/vehicles"), "config/vehicles", "/etc/patrol-unit/vehicles"];
  return given ?? places.find((place) => existsSync(place)) ?? "config/vehicles";
};

const find = async (given: Given, tell: (line: string) => void): Promise<Found> => {
  const paths =
    given.gps === undefined || given.panic === undefined ? serialDevices(given.devices ?? BY_ID) : [];
  if (paths.length > 0) tell(`listening to ${paths.length} serial devices, which takes up to 20 s`);
  const devices = await Promise.all(paths.map((path) => listenTo(path, systemTime)));
  for (const device of devices) tell(deviceText(device));
  const buses = await canBuses();
  for (const bus of buses) tell(busText(bus));
  const quiet = buses.find(({ mode, up }) => up && (mode === "listen-only" || mode === "virtual"));
  if (!quiet || given.can === "none" || given.profile !== undefined) return { devices, buses, fits: [] };
  const profiles = profilesIn(vehiclesFolder(given.vehicles));
  const ranked = fits(profiles, await hearBus(given.can ?? quiet.name, profiles));
  for (const fit of ranked.slice(0, 2)) tell(`  ${fitText(fit)} heard`);
  return { devices, buses, fits: ranked };
};

/** The first trusted key, by the name of its file. Throws a CommandError if it is none. */
const trustOf = async (file: string | undefined): Promise<{ name: string; pem: Buffer } | undefined> => {
  if (file === undefined) return undefined;
  const pem = readGiven(file, TEXT_BYTES);
  const stem = basename(file)
    .replace(/\.pem$/, "")
    .replace(/\.pub$/, "");
  const { data: name } = KeyName.safeParse(stem);
  if (name === undefined)
    throw new CommandError(
      EXIT.failed,
      `--trust ${file}: expected a name of letters, digits, dot, - and _: rename it`,
    );
  try {
    await trustedKey(name, pem.toString("utf8"));
  } catch (cause) {
    throw new CommandError(EXIT.failed, `--trust ${file}: ${reasonOf(cause)}`, cause);
  }
  return { name, pem };
};

/** Throws a CommandError (74) if a root cannot be made or written: before devices are looked for, and questions asked. */
const expectRoot = (dir: string): void => {
  try {
    expectMakeable(resolve(dir));
  } catch (cause) {
    const why = errorCode(cause) === "ENOENT" ? "no folder can be made there" : systemWords("write", cause);
    throw new CommandError(
      EXIT.io,
      `${dir} cannot be made or written: ${why}; choose another folder for the root, or try again with sudo`,
      cause,
    );
  }
};

/** Makes the folder of a root with the owner of the folder around it. */
const makeRoot = (dir: string): Root => {
  if (!existsSync(dir)) {
    makeFolder(resolve(dir), 0o755);
    const { uid, gid } = statSync(dirname(resolve(dir)));
    if (process.geteuid?.() === 0) lchownSync(dir, uid, gid);
  }
  return rootAt(dir);
};

/** Throws a CommandError (1) if a root has a configuration. */
const refuseLaidOut = async (dir: string, store: Store): Promise<void> => {
  if ((await store.links()).current !== undefined)
    throw new CommandError(EXIT.failed, `${dir} is laid out already: change it with \`flash config\``);
};

/** Writes everything, the configuration last: until it is in force, `init` can be repeated. */
const write = async (
  root: Root,
  files: Files,
  answers: Answers,
  trust: { name: string; pem: Buffer } | undefined,
) => {
  const store = new Store(root, files);
  await refuseLaidOut(root.dir, store);
  for (const folder of [root.identity, root.trust, root.inbox])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await files.makeFolder(folder);
  if (trust) await replaceFile(files, join(root.trust, `${trust.name}.pem`), trust.pem);
  await replaceFile(files, root.local, Buffer.from(localText(answers)), 0o600);
  const stage = await store.stage(configurationFiles(answers), undefined);
  try {
    const { faults } = loadConfiguration({ file: join(stage, CONFIG_FILE), root });
    if (faults.length > 0) throw new ConfigurationError(faults);
  } catch (cause) {
    await store.discard();
    throw cause;
  }
  await store.switchToStaged(0, NO_STATE, undefined);
};

const nextSteps = (root: Root, answers: Answers, trusted: boolean): string[] => [
  `${root.dir} is laid out for ${answers.directorate}/${answers.unit}; patrol-unit check --root ${root.dir} checks it`,
  ...(trusted
    ? []
    : [`no bundle can be installed yet: copy headquarters' public key to ${root.trust}/NAME.pem`]),
  `next: patrol-unit enrol request --root ${root.dir} --out ${answers.unit}.csr`,
];

export const init: Command = {
  summary: "lays out the root of a new car and finds its devices",
  usage: `patrol-unit init --root DIR [--trust PUBLIC.pem] [--directorate NAME] [--unit NAME]
  [--brokers URL,URL] [--ca FILE] [--gps PORT] [--baud N] [--panic PORT|none] [--can INTERFACE|none]
  [--profile FILE] [--outbox FOLDER] [--devices FOLDER] [--vehicles FOLDER] [--json]

Listens to each serial device in --devices (default ${BY_ID}) at the usual rates until it
speaks NMEA or Firmata, lists the CAN interfaces, and says which vehicle profile fits the frames on
the bus. Asks for what cannot be found, and writes a configuration that \`check\` accepts; what
belongs to this car alone goes into local.yaml. Each question has an option; without a terminal, and
with --json, nothing is asked: a missing answer is an error that names its option.
--trust: the key of headquarters, whose bundles this car accepts. --json: one line {root, unit, gps,
panic, can, trust, devices, buses}.
Exit: 0 done, 1 DIR is laid out already or a key cannot be used, 64 an answer is missing or wrong,
74 a file cannot be read or written.`,
  async run(args) {
    const given: Given = options(args, OPTIONS);
    const dir = required(given.root, "root");
    const ask = asker(given.json ?? false);
    const tell = (line: string): void => void (given.json ? undefined : process.stdout.write(`${line}\n`));
    const there = statSync(dir, { throwIfNoEntry: false });
    if (there?.isDirectory() === false)
      throw new CommandError(EXIT.io, `${dir} is not a folder: choose another name for the root`);
    if (there) await refuseLaidOut(dir, new Store(rootAt(dir), openFiles(dir)));
    expectRoot(dir);
    // What nothing finds is asked first, so that a script fails at once.
    const trust = await trustOf(given.trust);
    const identity = await askIdentity(given, ask);
    const brokers = await askBrokers(given, ask);
    const ca = caOf(given.ca);
    const found = await find(given, tell);
    const answers: Answers = {
      ...identity,
      brokers,
      ca,
      gps: await askGps(given, found, ask),
      panic: await askPanic(given, found, ask),
      can: busOf(given, found),
      outbox: given.outbox ?? (resolve(dir) === DEFAULT_OUTBOX ? undefined : "outbox"),
    };
    const root = makeRoot(dir);
    using _lock = await lockRoot(root);
    await write(root, openFiles(dir), answers, trust);
    if (given.json) {
      const { gps, panic, can } = answers;
      const unit = `${identity.directorate}/${identity.unit}`;
      const bus = can ? { interface: can.interface, profile: can.profile[0]?.name } : null;
      const trusted = trust?.name ?? null;
      const { devices, buses } = found;
      process.stdout.write(
        `${JSON.stringify({ root: dir, unit, gps, panic, can: bus, trust: trusted, devices, buses })}\n`,
      );
    } else for (const line of nextSteps(root, answers, trust !== undefined)) tell(line);
    return EXIT.ok;
  },
};

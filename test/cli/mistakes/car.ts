import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { CompactSign } from "jose";
import { seal } from "../../../src/bundle/envelope.ts";
import { openFiles } from "../../../src/bundle/files.ts";
import type { Content } from "../../../src/bundle/format.ts";
import { thumbprint } from "../../../src/bundle/keys.ts";
import { Store } from "../../../src/bundle/store.ts";
import { pass } from "../../../src/bundle/trial.ts";
import { bundle } from "../../../src/cli/bundle.ts";
import { enrol } from "../../../src/cli/enrol.ts";
import { flash } from "../../../src/cli/flash.ts";
import { init } from "../../../src/cli/init.ts";
import { createRandom } from "../../../src/demo/random.ts";
import { rootAt } from "../../../src/settings/root.ts";
import { contentWith } from "../../bundle/signed.ts";
import type { Authority } from "../authority.ts";

export const UNIT = "zrenjanin/zr-117";
const [PASSWORD, PIN, PASSPHRASE] = ["garage-7-pass", "80417", "kitchen-9-phrase"];
/** What no line may contain. */
export const SECRETS: readonly string[] = [PASSWORD, PIN, PASSPHRASE];

/** An Ed25519 key that is the same in each run (RFC 8410 §7). */
const fixedKey = (seed: number) => {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, seed)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const privatePem = key.export({ type: "pkcs8", format: "pem" }).toString();
  const publicPem = createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
  return { key, privatePem, publicPem };
};
/** `retired`: the unit trusted it once. `stranger`: it never did. */
export const KEYS = { hq: fixedKey(1), retired: fixedKey(2), stranger: fixedKey(3) } as const;

export const LOCAL = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
panic: { port: /dev/patrol-no-such-board }
dispatch: { username: zr-117, password: ${PASSWORD} }
status: { pin: "${PIN}" }
outbox: { path: outbox }
`;
/** `more`: further blocks. */
export const configOf = (port: number, movingS: number, more = ""): string => `panic:
  buttons: { dash: { loop: 0 } }
report: { movingS: ${movingS} }
dispatch: { brokers: ["mqtts://dispatch-a:8883"] }
status: { listen: "127.0.0.1:${port}" }
${more}`;

/** Choices that are the same for the same seed. `nth`: the first list is gone through in its order. */
export class Pick {
  readonly #random: () => number;
  #nth: number | undefined;
  constructor(seed: number, nth: number) {
    this.#random = createRandom(seed);
    this.#nth = nth;
  }
  /** 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor(this.#random() * below);
  }
  one<T>(of: readonly [T, ...T[]]): T {
    const index = this.#nth === undefined ? this.int(of.length) : this.#nth % of.length;
    this.#nth = undefined;
    return of[index] ?? of[0];
  }
}

/** Every file, folder and link below a folder: its mode, and the hash of what is in it. */
export const everythingIn = (dir: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true, withFileTypes: true }).map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const mode = (lstatSync(path).mode & 0o7777).toString(8);
      if (entry.isSymbolicLink()) return [path, `→ ${readlinkSync(path)}`];
      if (!entry.isFile()) return [path, mode];
      return [path, `${mode} ${createHash("sha256").update(readFileSync(path)).digest("hex")}`];
    }),
  );

/**
 * A car that works, on its second bundle, with everything around it: `root`; `hq/` with headquarters' keys;
 * `config/`, from which bundles are made; `stick/`.
 */
export class Car {
  readonly dir: string;
  /** Of its status page. Nobody listens there, unless the mistake has a known time. */
  readonly port: number;
  readonly ca: Authority;

  constructor(dir: string, port: number, ca: Authority) {
    this.dir = dir;
    this.port = port;
    this.ca = ca;
  }

  at(...names: readonly string[]): string {
    return join(this.dir, ...names);
  }
  inRoot(...names: readonly string[]): string {
    return this.at("root", ...names);
  }
  get root(): readonly [string, string] {
    return ["--root", this.at("root")];
  }
  read(...names: readonly string[]): string {
    return readFileSync(this.at(...names), "utf8");
  }
  /** Writes a file, and returns its path. */
  write(name: string, bytes: string | Buffer, mode = 0o644): string {
    writeFileSync(this.at(name), bytes);
    chmodSync(this.at(name), mode);
    return this.at(name);
  }
  /** Changes a file that has what is to be changed. */
  edit(name: string, what: string | RegExp, to: string): void {
    const before = this.read(name);
    const after = before.replace(what, to);
    if (after === before) throw new Error(`${name} has no ${String(what)}`);
    writeFileSync(this.at(name), after);
  }

  /** The content of a good third bundle; `parts` replaces its keys. */
  content(parts: Partial<Content> = {}): Content {
    const files = [{ name: "patrol-unit.yaml", text: configOf(this.port, 10) }];
    return contentWith({ for: "zrenjanin/*", version: 3, files, ...parts });
  }
  /** A good third bundle; `parts` replaces what is in it. */
  sealed(parts: Partial<Content> = {}, key = KEYS.hq.key): Promise<Buffer> {
    return seal(this.content(parts), key);
  }
  /** A sound bundle with `more` appended to its configuration, and with `files` added. */
  sealedWith(more: string, files: Content["files"] = []): Promise<Buffer> {
    return this.sealed({
      files: [{ name: "patrol-unit.yaml", text: configOf(this.port, 10, more) }, ...files],
    });
  }
  /** A bundle with a right signature over what `bundle` would never make. */
  async forged(payload: object | Buffer, header: object = {}): Promise<Buffer> {
    const bytes = Buffer.isBuffer(payload) ? payload : gzipSync(JSON.stringify(payload));
    const kid = await thumbprint(KEYS.hq.key);
    const signing = new CompactSign(bytes);
    signing.setProtectedHeader({ alg: "EdDSA", typ: "patrol-unit-bundle", kid, ...header });
    return Buffer.from(await signing.sign(KEYS.hq.key));
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

const newFolder = (): string => {
  const dir = mkdtempSync(join(tmpdir(), "mistake-"));
  // A mistake may be made by somebody who is not root.
  chmodSync(dir, 0o755);
  return dir;
};

/** The second bundle has passed its trial. */
const reachDispatch = async (car: Car): Promise<void> => {
  const store = storeOf(car);
  await store.writeState(pass(await store.disk(), await store.state()));
};

/** The configurations of a car. */
export const storeOf = (car: Car): Store => new Store(rootAt(car.at("root")), openFiles(car.at("root")));

/** Makes a car by the commands of a technician who makes no mistakes. */
export const makeCar = async (port: number, ca: Authority): Promise<Car> => {
  const car = new Car(newFolder(), port, ca);
  for (const name of ["hq", "config", "stick"]) mkdirSync(car.at(name));
  car.write("hq/hq.pem", KEYS.hq.privatePem, 0o600);
  car.write("hq/hq.pub.pem", KEYS.hq.publicPem);
  car.write("hq/phrase", `${PASSPHRASE}\n`, 0o600);
  await bundle.run(["keygen", "--out", car.at("hq/locked.pem"), "--passphrase-file", car.at("hq/phrase")]);
  const devices = ["--gps", "/dev/ttyACM0", "--panic", "none", "--can", "none", "--unit", UNIT];
  const trust = ["--trust", car.at("hq/hq.pub.pem"), "--brokers", "mqtts://dispatch-a:8883"];
  await init.run([...car.root, ...devices, ...trust]);
  car.write("root/local.yaml", LOCAL, 0o600);
  await enrol.run(["request", ...car.root, "--out", car.at("stick/unit.csr")]);
  const signed = ca.sign(car.at("stick/unit.csr"), "unit");
  cpSync(signed, car.at("stick/unit.pem"));
  await enrol.run(["install", car.at("stick/unit.pem"), ...car.root, "--ca", ca.at("ca.pem")]);
  for (const version of [1, 2]) {
    car.write("config/patrol-unit.yaml", configOf(port, 4 + version));
    const to = ["--for", "zrenjanin/*", "--version", `${version}`, "--key", car.at("hq/hq.pem")];
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await bundle.run([car.at("config"), ...to, "--out", car.at(`stick/${version}.patrol`)]);
    // oxlint-disable-next-line no-await-in-loop
    await flash.run(["config", car.at(`stick/${version}.patrol`), ...car.root]);
  }
  await reachDispatch(car);
  car.write("stick/car.patrol", await car.sealed());
  return car;
};

/** The same car in a folder of its own. */
export const copyOf = (car: Car): Car => {
  const copy = new Car(newFolder(), car.port, car.ca);
  cpSync(car.dir, copy.dir, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  return copy;
};

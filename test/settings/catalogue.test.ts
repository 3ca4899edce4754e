import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CATALOGUE } from "../../src/domain/faults.ts";
import { ConfigurationError } from "../../src/settings/fault.ts";
import { inForce, loadConfiguration, type ConfigSource } from "../../src/settings/load.ts";
import { rootAt } from "../../src/settings/root.ts";

const UNIT = "unit: { directorate: zrenjanin, id: zr-117 }\n";
const GPS = "gps: { port: /dev/ttyACM0 }\n";
const DISPATCH = 'dispatch: { brokers: ["mqtts://a:8883"] }\n';
const PANIC = "panic: none\n";
const BASE = UNIT + GPS + DISPATCH + PANIC;
const CAR = "can: { interface: can0, database: car.dbc, signals: { Vehicle.Speed: { from: A.B } } }\n";
const PROFILE = "can: { interface: can0, profile: profile.yaml }\n";

/** Files beside the configuration. */
const FILES = {
  "broken.yaml": "signals: {",
  "twice.yaml": "database: car.dbc\ndatabase: car.dbc\nsignals: { Vehicle.Speed: { from: A.B } }\n",
};

/** A configuration for each row that is about the configuration. */
const FAULTY: Readonly<Record<string, string>> = {
  "config yaml": "unit: {",
  "config invalid": "- a list",
  "config unknown-key": `${BASE}pannic: none\n`,
  "config duplicate-key": `${BASE}status: {}\nstatus: {}\n`,
  "identity invalid": `unit: { directorate: Zr, id: zr-117 }\n${GPS}${DISPATCH}${PANIC}`,
  "identity unknown-key": `unit: { directorate: zr, id: zr-117, nick: x }\n${GPS}${DISPATCH}${PANIC}`,
  "gps invalid": `${UNIT}gps: { port: /dev/ttyACM0, baud: fast }\n${DISPATCH}${PANIC}`,
  "gps unknown-key": `${UNIT}gps: { port: /dev/ttyACM0, bauds: 9600 }\n${DISPATCH}${PANIC}`,
  "gps conflict": `${UNIT}${GPS}${DISPATCH}panic: { port: /dev/ttyACM0, buttons: { dash: { loop: 0 } } }\n`,
  "can yaml": BASE + PROFILE.replace("profile.yaml", "broken.yaml"),
  "can invalid": `${BASE}can: { interface: 5 }\n`,
  "can unknown-key": BASE + CAR.replace("interface", "bus: 1, interface"),
  "can duplicate-key": BASE + PROFILE.replace("profile.yaml", "twice.yaml"),
  "can conflict": `${BASE}can: { interface: can0 }\n`,
  "can missing-file": BASE + CAR,
  "can unreadable-file": BASE + PROFILE,
  "panic-board invalid": `${UNIT}${GPS}${DISPATCH}panic: { port: 5, buttons: { dash: { loop: 0 } } }\n`,
  "panic-board unknown-key": `${UNIT}${GPS}${DISPATCH}panic: { port: /dev/x, lamp: 1, buttons: { dash: { loop: 0 } } }\n`,
  "panic-board conflict": `${UNIT}${GPS}${DISPATCH}panic: { port: /dev/x, buttons: { a: { loop: 0 }, b: { loop: 0 } } }\n`,
  "link invalid": `${UNIT}${GPS}dispatch: { brokers: [5] }\n${PANIC}`,
  "link unknown-key": `${UNIT}${GPS}dispatch: { brokers: ["mqtts://a"], tls: 1 }\n${PANIC}`,
  "link conflict": `${UNIT}${GPS}dispatch: { brokers: ["mqtt://a"] }\n${PANIC}`,
  "outbox invalid": `${BASE}outbox: { maxMiB: 1 }\n`,
  "outbox unknown-key": `${BASE}outbox: { max: 1 }\n`,
  "status invalid": `${BASE}status: { listen: here }\n`,
  "status unknown-key": `${BASE}status: { port: 1 }\n`,
  "status no-pin": `${BASE}status: { listen: "0.0.0.0:8080" }\n`,
  "power invalid": `${BASE}power: { offAfterS: soon }\n`,
  "power unknown-key": `${BASE}power: { offAfterS: 600, x: 1 }\n`,
  "power no-ignition": `${BASE}power: { offAfterS: 600 }\n`,
  "update invalid": `${BASE}flash: { trialS: 1 }\n`,
  "update unknown-key": `${BASE}flash: { trial: 1 }\n`,
};

/** Faults of the identity folder of a root: its files are none of the configuration's. */
const IDENTITY: Readonly<Record<string, (identity: string) => void>> = {
  "identity unreadable-file": (identity) => writeFileSync(join(identity, "unit.key"), "no key"),
  "identity exposed": (identity) => chmodSync(join(identity, "unit.key"), 0o644),
  "identity foreign": (identity) => makeCertificate(identity, "zrenjanin\\/zr-1"),
  "identity expired": () => undefined,
};
const LONG_AFTER = Date.UTC(2100, 0, 1);

const makeCertificate = (folder: string, name: string): void => {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "unit.key");
  openssl(
    "req",
    "-x509",
    "-new",
    "-key",
    "unit.key",
    "-days",
    "2",
    "-subj",
    `/CN=${name}`,
    "-out",
    "unit.pem",
  );
  chmodSync(join(folder, "unit.key"), 0o600);
};

const faultsOf = (file: string | ConfigSource): string[] => {
  const named = (faults: readonly { part: string; code: string }[]) =>
    faults.map(({ part, code }) => `${part} ${code}`);
  try {
    return named(loadConfiguration(file).faults);
  } catch (cause) {
    if (cause instanceof ConfigurationError) return named(cause.faults);
    throw cause;
  }
};

const ROWS = CATALOGUE.filter(({ about }) => about === "configuration").map(
  ({ part, code }) => `${part} ${code}`,
);

test.each(Object.entries(FAULTY))("a configuration can be faulty with %s", (name, text) => {
  const folder = mkdtempSync(join(tmpdir(), "catalogue-"));
  for (const [file, content] of Object.entries(FILES)) writeFileSync(join(folder, file), content);
  const file = join(folder, "patrol-unit.yaml");
  writeFileSync(file, text);
  const found = faultsOf(file);
  expect(found).toContain(name);
  expect(ROWS).toEqual(expect.arrayContaining(found));
});

test.each(Object.entries(IDENTITY))("a root can be faulty with %s", (name, damage) => {
  const root = rootAt(mkdtempSync(join(tmpdir(), "catalogue-")));
  for (const folder of [root.identity, join(root.configs, "1")]) mkdirSync(folder, { recursive: true });
  symlinkSync("configs/1", root.current);
  writeFileSync(join(root.configs, "1/patrol-unit.yaml"), BASE);
  makeCertificate(root.identity, "zrenjanin\\/zr-117");
  damage(root.identity);
  expect(faultsOf(inForce(root, name === "identity expired" ? LONG_AFTER : undefined))).toEqual([name]);
});

test("a file that cannot be read is a fault of the configuration", () => {
  expect(faultsOf("/nonexistent/patrol-unit.yaml")).toEqual(["config unreadable-file"]);
});

test("every row about the configuration has a configuration above", () => {
  expect([...Object.keys(FAULTY), ...Object.keys(IDENTITY), "config unreadable-file"].toSorted()).toEqual(
    ROWS.toSorted(),
  );
});

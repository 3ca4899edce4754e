import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConfigurationError, faultText } from "../../src/settings/fault.ts";
import { inForce, loadConfiguration, loadSettings } from "../../src/settings/load.ts";
import { rootAt } from "../../src/settings/root.ts";
import { DBC } from "./configuration.ts";

const CONFIG = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
panic: { buttons: { dash: { loop: 0 } } }
dispatch: { brokers: ["mqtts://dispatch-a:8883"], ca: ca.pem }
outbox: { path: outbox }
`;
const LOCAL = `gps: { port: /dev/ttyACM7 }
panic: { port: /dev/ttyUSB3 }
dispatch: { password: secret }
`;

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true });
});

/** A root with these files; `configs/3` is in force. */
const rootWith = (files: Readonly<Record<string, string | Buffer>>) => {
  const dir = mkdtempSync(join(tmpdir(), "root-"));
  made.push(dir);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text, { mode: 0o600 });
  }
  symlinkSync("configs/3", join(dir, "current"));
  return rootAt(dir);
};
const faultsIn = (files: Readonly<Record<string, string | Buffer>>): string[] => {
  const root = rootWith(files);
  try {
    return loadConfiguration(inForce(root)).faults.map((fault) => faultText(fault).replace(root.dir, "DIR"));
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.replaceAll(root.dir, "DIR").split("\n");
  }
};

describe("a configuration below a root", () => {
  test("is that to which current points, with local.yaml laid over it key by key", () => {
    const root = rootWith({ "configs/3/patrol-unit.yaml": CONFIG, "local.yaml": LOCAL });
    const { settings, faults } = loadSettings(inForce(root));
    expect(faults).toEqual([]);
    expect(settings).toMatchObject({
      gps: { port: "/dev/ttyACM7" },
      panic: { port: "/dev/ttyUSB3", buttons: { dash: { loop: 0 } } },
      dispatch: { brokers: ["mqtts://dispatch-a:8883"], password: "secret" },
    });
  });

  test("replaces a list of the configuration by that of local.yaml", () => {
    const local = LOCAL.replace("password: secret", 'brokers: ["mqtts://own:8883"]');
    const root = rootWith({ "configs/3/patrol-unit.yaml": CONFIG, "local.yaml": local });
    expect(loadSettings(inForce(root)).settings.dispatch.brokers).toEqual(["mqtts://own:8883"]);
  });

  test("needs no local.yaml", () => {
    const whole = CONFIG.replace("panic: {", "panic: { port: /dev/ttyUSB0,");
    expect(faultsIn({ "configs/3/patrol-unit.yaml": whole })).toEqual([]);
  });

  test("has the same outbox in each version, and its other files beside it", () => {
    const root = rootWith({ "configs/3/patrol-unit.yaml": CONFIG, "local.yaml": LOCAL });
    const { settings } = loadSettings(inForce(root));
    expect(settings.outbox.path).toBe(join(root.dir, "outbox"));
    expect(settings.dispatch.ca).toBe(join(root.dir, "configs/3/ca.pem"));
  });

  test("reads a database that local.yaml names beside local.yaml", () => {
    const can = "can: { interface: can0, signals: { Vehicle.Speed: { from: Drive.Speed } } }\n";
    const root = rootWith({
      "configs/3/patrol-unit.yaml": CONFIG + can,
      "local.yaml": `${LOCAL}can: { database: own.dbc }\n`,
      "own.dbc": DBC,
    });
    const { faults, mapping } = loadConfiguration(inForce(root));
    expect(faults).toEqual([]);
    expect(mapping?.signals.map(({ path }) => path)).toEqual(["Vehicle.Speed"]);
  });
});

describe("a fault names the file that has it", () => {
  test("local.yaml, for a value that it gives", () => {
    const local = LOCAL.replace("/dev/ttyUSB3", "ttyUSB3");
    expect(faultsIn({ "configs/3/patrol-unit.yaml": CONFIG, "local.yaml": local })).toEqual([
      'DIR/local.yaml:2:16: panic.port: expected a tty such as /dev/ttyUSB0, found "ttyUSB3"',
    ]);
  });

  test("the configuration, for a value that local.yaml does not give", () => {
    const config = CONFIG.replace("outbox: {", "outbox: { maxMiB: 1,");
    expect(faultsIn({ "configs/3/patrol-unit.yaml": config, "local.yaml": LOCAL })).toEqual([
      "DIR/configs/3/patrol-unit.yaml:5:19: outbox.maxMiB: expected a whole number from 8 to 16777216, found 1",
    ]);
  });

  test("the configuration, for a key that nobody gives", () => {
    const [fault, ...others] = faultsIn({ "configs/3/patrol-unit.yaml": CONFIG });
    expect(fault).toMatch(/^DIR\/configs\/3\/patrol-unit.yaml:3:\d+: panic.port: .*found nothing; add it$/);
    expect(others).toEqual([]);
  });

  test("local.yaml, for an unknown key in it", () => {
    expect(
      faultsIn({ "configs/3/patrol-unit.yaml": CONFIG, "local.yaml": `${LOCAL}gpss: { baud: 1 }\n` }),
    ).toEqual([
      'DIR/local.yaml:4:1: gpss: expected a known block, found the unknown block "gpss"; did you mean "gps"?',
    ]);
  });

  test("both, if both are not YAML, and nothing that follows from that", () => {
    const faults = faultsIn({
      "configs/3/patrol-unit.yaml": `${CONFIG}status: {\n`,
      "local.yaml": `${LOCAL}can: {\n`,
    });
    expect(faults.map((fault) => fault.split(":")[0])).toEqual([
      "DIR/configs/3/patrol-unit.yaml",
      "DIR/local.yaml",
    ]);
  });

  test("local.yaml that is a list, and the configuration counts alone", () => {
    const whole = CONFIG.replace("panic: {", "panic: { port: /dev/ttyUSB0,");
    expect(faultsIn({ "configs/3/patrol-unit.yaml": whole, "local.yaml": "- a\n" })).toEqual([
      "DIR/local.yaml:1:1: expected blocks such as unit, gps, each with its keys, found a list",
    ]);
  });
});

test("local.yaml that others can read is a warning", () => {
  const root = rootWith({ "configs/3/patrol-unit.yaml": CONFIG, "local.yaml": LOCAL });
  const warningsNow = () =>
    loadSettings(inForce(root)).warnings.filter((line) => line.includes("local.yaml"));
  expect(warningsNow()).toEqual([]);
  chmodSync(root.local, 0o640);
  expect(warningsNow()).toEqual([`${root.local} can be read by others (mode 0640): chmod 600 ${root.local}`]);
});

test("a root without a configuration says which file is missing", () => {
  const root = rootWith({});
  expect(() => loadSettings(inForce(root))).toThrow(
    `${root.dir}/configs/3/patrol-unit.yaml:1:1: expected a configuration file that can be read, found no such file`,
  );
});

describe("the identity of a root", () => {
  let pki: string;
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: pki, stdio: "pipe" });
  beforeAll(() => {
    pki = mkdtempSync(join(tmpdir(), "pki-"));
    for (const name of ["unit", "other"]) {
      openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
      const subject = name === "unit" ? "/CN=zrenjanin\\/zr-117" : "/CN=zrenjanin\\/zr-1";
      const args = [
        "req",
        "-x509",
        "-new",
        "-key",
        `${name}.key`,
        "-days",
        "2",
        "-subj",
        subject,
        "-out",
        `${name}.pem`,
      ];
      openssl(...args);
    }
    return () => rmSync(pki, { recursive: true });
  });

  const WHOLE = CONFIG.replace("panic: {", "panic: { port: /dev/ttyUSB0,");
  const withIdentity = (key: string, certificate: string, config = WHOLE) => {
    const root = rootWith({ "configs/3/patrol-unit.yaml": config });
    mkdirSync(root.identity);
    for (const [name, file] of [
      ["unit.key", key],
      ["unit.pem", certificate],
    ] as const)
      writeFileSync(join(root.identity, name), readFileSync(join(pki, file)), { mode: 0o600 });
    return root;
  };
  const identityFaults = (root: ReturnType<typeof rootAt>, now?: number): string[] =>
    loadConfiguration(inForce(root, now)).faults.map(({ part, code }) => `${part} ${code}`);

  test("is used if the configuration names no certificate", () => {
    const root = withIdentity("unit.key", "unit.pem");
    expect(loadSettings(inForce(root))).toMatchObject({
      faults: [],
      settings: {
        dispatch: { cert: join(root.identity, "unit.pem"), key: join(root.identity, "unit.key") },
      },
    });
  });

  test("is not used if the configuration names another one", () => {
    const root = withIdentity("unit.key", "unit.pem", WHOLE.replace("ca: ca.pem", "cert: a.pem, key: a.key"));
    expect(loadSettings(inForce(root)).settings.dispatch.cert).toBe(join(root.dir, "configs/3/a.pem"));
  });

  test.each([
    [
      "whose key others can read",
      "exposed",
      (root: ReturnType<typeof rootAt>) => {
        chmodSync(join(root.identity, "unit.key"), 0o640);
      },
    ],
    [
      "whose key is none",
      "unreadable-file",
      (root: ReturnType<typeof rootAt>) => {
        writeFileSync(join(root.identity, "unit.key"), "no key");
      },
    ],
    [
      "whose certificate is none",
      "unreadable-file",
      (root: ReturnType<typeof rootAt>) => {
        writeFileSync(join(root.identity, "unit.pem"), "no certificate");
      },
    ],
  ] as const)("%s is a fault, and the unit runs", (_, code, damage) => {
    const root = withIdentity("unit.key", "unit.pem");
    damage(root);
    expect(identityFaults(root)).toEqual([`identity ${code}`]);
  });

  test("with the key of another certificate is a fault", () => {
    expect(identityFaults(withIdentity("other.key", "unit.pem"))).toEqual(["identity foreign"]);
  });

  test("of another unit is a fault that names it", () => {
    const [fault] = loadConfiguration(inForce(withIdentity("other.key", "other.pem"))).faults;
    expect(fault).toMatchObject({
      code: "foreign",
      expected: "a certificate for zrenjanin/zr-117",
      found: "one for zrenjanin/zr-1",
    });
  });

  test("that has expired is a fault, once the time is known", () => {
    const root = withIdentity("unit.key", "unit.pem");
    expect(identityFaults(root)).toEqual([]);
    expect(identityFaults(root, Date.now())).toEqual([]);
    expect(identityFaults(root, Date.now() + 3 * 86_400_000)).toEqual(["identity expired"]);
  });
});

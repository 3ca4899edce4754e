import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { faultText, inOrder, type SettingsFault } from "../../src/settings/fault.ts";
import { loadConfiguration, loadSettings } from "../../src/settings/load.ts";
import { DBC, dispatchOf, folderWith, minimal } from "./configuration.ts";

describe("a vehicle", () => {
  const ignition = `Vehicle.LowVoltageSystemState: { from: Drive.Kl15, map: { "0": OFF, "1": "ON" } }`;

  test("faults of profile, map and database are reported with those of the configuration", () => {
    const at = folderWith({
      "unit.yaml": `${minimal}can: { interface: can0, profile: car.yaml, signals: { Vehicle.Sped: { from: Drive.Speed } } }
status: { listen: x }
`,
      "car.yaml": `database: car.dbc
signals:
  Vehicle.Speed: { from: Drive.Sped }
  Vehicle.Mass: { form: Drive.Speed }
colour: blue
`,
      "car.dbc": DBC,
    });
    const { faults, settings, mapping } = loadConfiguration(at("unit.yaml"));
    expect(faults.map(faultText)).toEqual([
      `${at("car.yaml")}:4:17: signals.Vehicle.Mass.from: expected MESSAGE.SIGNAL of the database, found nothing; add it`,
      `${at("car.yaml")}:4:19: signals.Vehicle.Mass.form: expected a known key, found the unknown key "form"; did you mean "from"?`,
      `${at("car.yaml")}:5:1: colour: expected one of the keys database, signals, found the unknown key "colour"; remove it`,
      `${at("unit.yaml")}:5:19: status.listen: expected address:port in quotes, for example "127.0.0.1:8080", found "x"`,
      `${at("unit.yaml")}:4:55: can.signals.Vehicle.Sped: expected a VSS path; there is no VSS signal "Vehicle.Sped"; did you mean "Vehicle.Speed"?`,
      `${at("car.yaml")}:3:3: signals.Vehicle.Speed: expected a mapping that fits the database; there is no signal in Drive "Sped"; did you mean "Speed"?`,
      `${at("car.yaml")}:4:3: signals.Vehicle.Mass: expected a VSS path; there is no VSS signal "Vehicle.Mass"`,
    ]);
    expect(mapping).toBeUndefined();
    expect(settings).not.toHaveProperty("can");
  });

  test("a profile or a database that is a pipe is not waited for", () => {
    const at = folderWith({
      "unit.yaml": `${minimal}can: { interface: can0, database: pipe, signals: { ${ignition} } }\n`,
      "other.yaml": `${minimal}can: { interface: can0, profile: pipe }\n`,
    });
    execFileSync("mkfifo", [at("pipe")]);
    for (const name of ["unit.yaml", "other.yaml"])
      expect(loadConfiguration(at(name)).faults.map(({ found }) => found)).toEqual([
        `${at("pipe")}: a pipe or a device`,
      ]);
  });

  test("a profile with bytes that are not UTF-8 is a fault of the bus", () => {
    const at = folderWith({
      "unit.yaml": `${minimal}can: { interface: can0, profile: car.yaml }\n`,
      "car.yaml": Buffer.from(
        "# caf\u00e9\ndatabase: car.dbc\nsignals: { Vehicle.Speed: { from: Drive.Speed } }\n",
        "latin1",
      ),
      "car.dbc": DBC,
    });
    const { faults, mapping } = loadConfiguration(at("unit.yaml"));
    expect(faults.map(({ part, line, column }) => [part, line, column])).toEqual([["can", 1, 6]]);
    expect(mapping?.signals).toHaveLength(1);
  });

  test.each([
    [
      "a line with an unknown key is checked all the same",
      DBC,
      "interface: can0, database: car.dbc, signals: { Foo: { from: Drive.Sped, factor: 3 } }",
      [
        'can.signals.Foo: expected a VSS path; there is no VSS signal "Foo"',
        'can.signals.Foo: expected a mapping that fits the database; there is no signal in Drive "Sped"; did you mean "Speed"?',
        'can.signals.Foo.factor: expected one of the keys from, map, deadband, minIntervalMs, unit, staleS, triable, found the unknown key "factor"; remove it',
      ],
    ],
    [
      "a database with faults does not hide those that need no database",
      `${DBC}BO_ x Broken: 8 X\nBO_ y Broken: 8 X\n`,
      "interface: can0, database: car.dbc, signals: { Foo: { from: Drive.Sped } }",
      [
        'expected a message id, found "x"',
        'expected a message id, found "y"',
        'can.signals.Foo: expected a VSS path; there is no VSS signal "Foo"',
      ],
    ],
    [
      "a database that is missing does not hide them either",
      DBC,
      "interface: can0, database: none.dbc, signals: { Foo: { from: Drive.Sped } }",
      [
        expect.stringMatching(/^can.database: expected a DBC file that can be read, found .*no such file$/),
        'can.signals.Foo: expected a VSS path; there is no VSS signal "Foo"',
      ],
    ],
    [
      "a bus without a usable interface has its map and database checked",
      DBC,
      "interface: a/b, database: car.dbc, signals: { Vehicle.Speed: { from: Drive.Sped } }",
      [
        'can.interface: expected the name of a CAN interface such as can0, found "a/b"',
        'can.signals.Vehicle.Speed: expected a mapping that fits the database; there is no signal in Drive "Sped"; did you mean "Speed"?',
      ],
    ],
    [
      "a map without a database has its paths checked",
      DBC,
      "interface: can0, signals: { Foo: { from: Drive.Speed } }",
      [
        "can: expected a profile, or a database with signals, found neither",
        'can.signals.Foo: expected a VSS path; there is no VSS signal "Foo"',
      ],
    ],
    [
      "the map beside a profile that is missing has its paths checked",
      DBC,
      "interface: can0, profile: none.yaml, signals: { Foo: { from: Drive.Speed } }",
      [
        expect.stringMatching(/^can.profile: expected a profile that can be read, found .*no such file$/),
        'can.signals.Foo: expected a VSS path; there is no VSS signal "Foo"',
      ],
    ],
  ])("%s", (_, dbc, can, expected) => {
    const at = folderWith({ "unit.yaml": `${minimal}can: { ${can} }\n`, "car.dbc": dbc });
    const { faults } = loadConfiguration(at("unit.yaml"));
    const texts = inOrder(faults).map((fault) => faultText(fault).replace(/^\S+:\d+:\d+: /, ""));
    expect(texts).toHaveLength(expected.length);
    expect(texts).toEqual(expect.arrayContaining(expected));
  });

  test("one faulty signal leaves the others, and takes the power-off with it if it is the ignition", () => {
    const at = folderWith({
      "unit.yaml": `${minimal}can:
  interface: can0
  database: car.dbc
  signals:
    Vehicle.Speed: { from: Drive.Speed }
    ${ignition.replace("Drive.Kl15", "Drive.Kl30")}
power: { offAfterS: 600 }
`,
      "car.dbc": DBC,
    });
    const { faults, settings, mapping } = loadConfiguration(at("unit.yaml"));
    expect(faults.map(({ part, path }) => [part, path])).toEqual([
      ["can", "can.signals.Vehicle.LowVoltageSystemState"],
    ]);
    expect(mapping?.signals.map(({ path }) => path)).toEqual(["Vehicle.Speed"]);
    expect(settings.power).toBeUndefined();
  });

  test("faults of several files are sorted file by file", () => {
    const fault = (file: string, line: number): SettingsFault => ({
      file,
      line,
      column: 1,
      path: "",
      code: "invalid",
      expected: "x",
      part: "can",
      fatal: false,
    });
    const mixed = [fault("a", 9), fault("b", 2), fault("a", 1), fault("b", 1), fault("a", 5)];
    expect(inOrder(mixed).map(({ file, line }) => file + line)).toEqual(["a1", "a5", "a9", "b1", "b2"]);
  });

  test("a database with an error stops the bus and names its lines", () => {
    const at = folderWith({
      "unit.yaml": `${minimal}can: { interface: can0, database: car.dbc, signals: { ${ignition} } }\npower: { offAfterS: 600 }\n`,
      "car.dbc": `${DBC}BO_ x Broken: 8 X\n`,
    });
    const { faults, settings } = loadConfiguration(at("unit.yaml"));
    expect(faults.map(({ file, line, part }) => [file, line, part])).toEqual([[at("car.dbc"), 4, "can"]]);
    expect(settings.can).toBeUndefined();
    expect(settings.power).toBeUndefined();
  });

  test.each([
    ["statements", "rubbish\n", 'expected a DBC statement, found "rubbish"'],
    ["a signal's layout", 'BO_ 1 A: 8 X\n SG_ S : 0|99@1+ (1,0) [0|0] "" X\n', /^expected .*, found [^,]*$/],
    [
      "a file of another kind",
      "",
      "expected a DBC statement without a fault, found a faulty one: no message: is it a DBC file?",
    ],
  ])("a fault of a database says once what was expected: %s", (_, dbc, words) => {
    const at = folderWith({
      "unit.yaml": `${minimal}can: { interface: can0, database: car.dbc, signals: { ${ignition} } }\n`,
      "car.dbc": dbc,
    });
    const [first] = loadConfiguration(at("unit.yaml")).faults.map((fault) =>
      faultText(fault).replace(/^\S+:\d+:\d+: /, ""),
    );
    expect(first).toMatch(words);
    expect(first?.match(/expected/g)).toHaveLength(1);
  });

  test.each([
    ["a package's description", JSON.stringify({ name: "x", version: "1", scripts: { test: "y" } })],
    ["text", "Hello.\n"],
    ["a list", "- database: car.dbc\n"],
    ["nothing", ""],
  ])("a file that is no vehicle profile is one fault, of can.profile: %s", (_, text) => {
    const at = folderWith({
      "unit.yaml": `${minimal}can: { interface: can0, profile: other.json }\n`,
      "other.json": text,
    });
    expect(loadConfiguration(at("unit.yaml")).faults.map(faultText)).toEqual([
      `${at("unit.yaml")}:4:34: can.profile: expected a file with database and signals, found ${at("other.json")}, which is not a vehicle profile`,
    ]);
  });

  test("a configuration of more than 1 MiB is not read", () => {
    const at = folderWith({ "unit.yaml": `${minimal}${"# a comment\n".repeat(100_000)}` });
    expect(() => loadSettings(at("unit.yaml"))).toThrow(
      /:1:1: expected a configuration file that can be read, found a file of 2 MiB, more than 1 MiB$/,
    );
  });

  test("a configuration that is a folder is found to be one", () => {
    expect(() => loadSettings(folderWith({})("."))).toThrow(
      /:1:1: expected a configuration file that can be read, found a folder$/,
    );
  });

  test("a profile that is not YAML stops the bus, not the unit", () => {
    const at = folderWith({
      "unit.yaml": `${minimal}can: { interface: can0, profile: car.yaml }\n`,
      "car.yaml": "database: [",
    });
    const { faults, settings } = loadSettings(at("unit.yaml"));
    expect(faults.map(({ part, fatal, code }) => [part, fatal, code])).toEqual([["can", false, "yaml"]]);
    expect(settings.unit.id).toBe("zr-117");
  });

  test("files are found beside the file that names them", () => {
    const at = folderWith({
      "unit.yaml": `${dispatchOf('{ brokers: ["mqtts://a"], ca: ca.pem }')}can: { interface: can0, profile: car.yaml }\noutbox: { path: out }\n`,
      "car.yaml": `database: car.dbc\nsignals: { ${ignition} }\n`,
      "car.dbc": DBC,
    });
    const { settings, warnings, faults } = loadConfiguration(at("unit.yaml"));
    expect(faults).toEqual([]);
    expect(settings.dispatch.ca).toBe(at("ca.pem"));
    expect(settings.outbox.path).toBe(at("out"));
    expect(settings.can?.database).toBe(at("car.dbc"));
    expect(warnings).toEqual([
      `${at("unit.yaml")}:3:41: dispatch.ca: ${at("ca.pem")} cannot be read (it must be there before the unit runs)`,
    ]);
  });
});

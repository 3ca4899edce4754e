import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { suggest } from "../../src/domain/suggest.ts";
import { readDocument } from "../../src/settings/document.ts";
import {
  configFaults,
  ConfigurationError,
  faultText,
  inOrder,
  type SettingsFault,
} from "../../src/settings/fault.ts";
import { loadConfiguration, loadSettings, parseSettings, settingsOf } from "../../src/settings/load.ts";

const faultsOf = (text: string): string[] => {
  try {
    return settingsOf(readDocument(text, "car.yaml")).faults.map(faultText);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.split("\n");
  }
};
/** Without their places. */
const problemsOf = (text: string): string[] =>
  faultsOf(text).map((fault) => fault.replace(/^car.yaml:\d+:\d+: /, ""));

const minimal = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
dispatch: { brokers: ["mqtts://dispatch-a:8883"] }
`;
const settingsWith = (extra: string, base = minimal) =>
  settingsOf(readDocument(`${base}${extra}\n`, "car.yaml"));
const dispatchOf = (block: string) => minimal.replace(/dispatch: .*/, `dispatch: ${block}`);

describe("a configuration without a fault", () => {
  test("needs three keys; the rest has defaults", () => {
    expect(parseSettings(minimal, "car.yaml")).toMatchObject({
      gps: { baud: 9600 },
      report: { movingS: 5, distanceM: 150, headingDeg: 20, standingS: 300, emergencyS: 1 },
      dispatch: {
        prefix: "patrol/v1",
        keepaliveS: 20,
        allowPlaintext: false,
        custody: "auto",
        noSubscribers: "retry",
      },
      outbox: { maxMiB: 512 },
      status: { listen: "127.0.0.1:8080" },
      flash: { trialS: 300 },
    });
  });

  test("the example is one, and has buttons", () => {
    const example = readFileSync("config/patrol-unit.yaml", "utf8");
    expect(faultsOf(example)).toEqual([]);
    expect(parseSettings(example, "patrol-unit.yaml").panic).toMatchObject({
      buttons: { dash: { loop: 0 }, boot: { loop: 1 } },
    });
  });

  test("the keys of contract 1.1 are read", () => {
    const text = `${dispatchOf(`{ brokers: ["mqtts://a"], custody: dispatch, noSubscribers: settle }`)}
can: { interface: can0, listenOnly: declared, database: a.dbc, signals: { Vehicle.Speed: { from: A.B } } }
status: { listen: "0.0.0.0:8080", pin: "4711" }
flash: { trialS: 120 }
`;
    expect(parseSettings(text, "car.yaml")).toMatchObject({
      can: { listenOnly: "declared" },
      dispatch: { custody: "dispatch", noSubscribers: "settle" },
      status: { pin: "4711" },
      flash: { trialS: 120 },
    });
  });
});

describe("faults", () => {
  test("are all reported in one go, each with its place, what was expected and what was found", () => {
    expect(
      faultsOf(`unit: { directorate: Zrenjanin, id: zr-117 }
gps:
  prt: /dev/ttyACM0
  baud: fast
dispatch:
  brokers: [ "mqtt://a:1883" ]
  keepAliveS: 3
reports: {}
`),
    ).toEqual([
      'car.yaml:1:22: unit.directorate: expected 1 to 32 of a-z, 0-9 and -, not beginning with -, found "Zrenjanin"',
      "car.yaml:3:3: gps.port: expected a tty such as /dev/ttyACM0 or tcp://host:port, found nothing; add it",
      'car.yaml:3:3: gps.prt: expected a known key, found the unknown key "prt"; did you mean "port"?',
      'car.yaml:4:9: gps.baud: expected a whole number from 300 to 4000000, found "fast"',
      "car.yaml:6:14: dispatch.brokers[0]: expected mqtts://host:port, found mqtt://, which is not encrypted; use mqtts://, or set dispatch.allowPlaintext: true",
      'car.yaml:7:3: dispatch.keepAliveS: expected a known key, found the unknown key "keepAliveS"; did you mean "keepaliveS"?',
      'car.yaml:8:1: reports: expected a known block, found the unknown block "reports"; did you mean "report"?',
    ]);
  });

  test.each([
    ["broken YAML", "unit: [", /valid YAML/],
    ["an empty file", "", /unit: expected a block of directorate, id, found nothing/],
    ["a list", "- a", /expected blocks such as unit, gps, .*found a list/],
    [
      "an alias bomb",
      `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]`,
      /valid YAML|unknown block/,
    ],
    ["a port that cannot be", minimal.replace("/dev/ttyACM0", "tcp://a:70000"), /gps.port: expected/],
    [
      "a key without its certificate",
      dispatchOf('{ brokers: ["mqtts://a"], key: a.pem }'),
      /set both or neither/,
    ],
  ])("%s is a readable fault", (_, text, expected) => {
    expect(faultsOf(text).join("\n")).toMatch(expected);
  });

  test.each([
    ["a password", dispatchOf('{ brokers: ["mqtts://a"], password: 12345 }'), "12345"],
    ["a PIN", `${minimal}status: { pin: 4711 }`, "4711"],
    ["a PIN that is too short", `${minimal}status: { pin: "47" }`, '"47"'],
    ["a password in a broker's address", dispatchOf('{ brokers: ["mqtts://u:secret@a"] }'), "secret"],
    ["text in place of a block", `${minimal.replace(/dispatch: .*/, "")}dispatch: password secret`, "secret"],
  ])("never show %s", (_, text, secret) => {
    expect(faultsOf(text).join("\n")).not.toContain(secret);
    expect(faultsOf(text)).not.toEqual([]);
  });

  test("as events are at most 17, each of at most 400 characters", () => {
    const keys = Array.from({ length: 40 }, (_, n) => `key${n}: ${"x".repeat(600)}`).join("\n");
    const events = configFaults(settingsWith(keys).faults);
    expect(events).toHaveLength(17);
    expect(events.at(-1)?.detail).toMatch(/^24 more faults/);
    expect(Math.max(...events.map(({ detail }) => detail.length))).toBeLessThanOrEqual(400);
  });

  test("a suggestion is near or not made", () => {
    expect(suggest("brd", ["baud", "port"])).toBeUndefined();
    expect(suggest("buad", ["baud", "port"])).toBe("baud");
    expect(suggest("xyz", ["baud", "port"])).toBeUndefined();
  });
});

describe("a unit cannot do its duty", () => {
  test.each([
    ["without an identity", minimal.replace(/unit: .*/, "")],
    ["with an identity that is none", minimal.replace("zr-117", "ZR 117")],
    ["with its identity written twice", `${minimal}unit: { directorate: zrenjanin, id: zr-118 }`],
    ["without a broker", minimal.replace(/dispatch: .*/, "")],
    ["with a plaintext broker alone that is not allowed", minimal.replace("mqtts", "mqtt")],
    ["with an empty list of brokers", dispatchOf("{ brokers: [] }")],
  ])("%s", (_, text) => {
    const { faults } = settingsOf(readDocument(text, "car.yaml"));
    expect(faults.some(({ fatal }) => fatal)).toBe(true);
  });
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** Every key: what is wrong with it, what the unit runs with then, and which part reports the fault. */
describe("a unit runs with what is valid", () => {
  test.each([
    ["unknown keys of its identity", minimal.replace("zr-117", "zr-117, name: x"), {}, "identity"],
    ["a receiver's port that is none", minimal.replace("/dev/ttyACM0", "7"), { gps: undefined }, "gps"],
    ["no receiver", minimal.replace(/gps: .*/, ""), { gps: undefined }, "gps"],
    [
      "a baud rate that is none",
      minimal.replace("ttyACM0", "ttyACM0, baud: 1"),
      { gps: { baud: 9600 } },
      "gps",
    ],
    [
      "one broker of two that is none",
      dispatchOf('{ brokers: ["dispatch-a", "mqtts://b"] }'),
      { dispatch: { brokers: ["mqtts://b"] } },
      "link",
    ],
    [
      "more than eight brokers",
      dispatchOf(`{ brokers: [${Array.from({ length: 9 }, (_, n) => `"mqtts://a${n}"`).join(", ")}] }`),
      { dispatch: { brokers: Array.from({ length: 8 }, (_, n) => `mqtts://a${n}`) } },
      "link",
    ],
    [
      "a keepalive that is none",
      dispatchOf('{ brokers: ["mqtts://a"], keepaliveS: 0 }'),
      { dispatch: { keepaliveS: 20 } },
      "link",
    ],
    [
      "a password that is a number",
      dispatchOf('{ brokers: ["mqtts://a"], username: x, password: 1 }'),
      { dispatch: { username: "x" } },
      "link",
    ],
    [
      "a certificate without its key",
      dispatchOf('{ brokers: ["mqtts://a"], cert: a.pem }'),
      { dispatch: { brokers: ["mqtts://a"] } },
      "link",
    ],
    [
      "a custody that is none",
      dispatchOf('{ brokers: ["mqtts://a"], custody: mine }'),
      { dispatch: { custody: "auto" } },
      "link",
    ],
    ["a negative interval", `${minimal}report: { movingS: -1 }`, { report: { movingS: 5 } }, "config"],
    ["an empty report block", `${minimal}report:`, { report: { movingS: 5 } }, "config"],
    ["an unknown block", `${minimal}lights: { blue: true }`, {}, "config"],
    [
      "a block written twice",
      `${minimal}gps: { port: /dev/ttyS9 }`,
      { gps: { port: "/dev/ttyS9" } },
      "config",
    ],
    ["an outbox without a size", `${minimal}outbox: { maxMiB: lots }`, { outbox: { maxMiB: 512 } }, "outbox"],
    ["an outbox without a path", `${minimal}outbox: { path: 5 }`, { outbox: { maxMiB: 512 } }, "outbox"],
    ["a power-off that is none", `${minimal}power: { offAfterS: 1 }`, { power: undefined }, "power"],
    ["a power-off without a bus", `${minimal}power: { offAfterS: 600 }`, { power: undefined }, "power"],
    [
      "a status address that is a number",
      `${minimal}status: { listen: 8080 }`,
      { status: { listen: "127.0.0.1:8080" } },
      "status",
    ],
    [
      "a status address that everyone could read",
      `${minimal}status: { listen: "0.0.0.0:8080" }`,
      { "status.listen": undefined },
      "status",
    ],
    [
      "a health interval that is none",
      `${minimal}health: { intervalS: 0 }`,
      { health: { intervalS: 60 } },
      "config",
    ],
    ["a trial that is none", `${minimal}flash: { trialS: never }`, { flash: { trialS: 300 } }, "update"],
    ["a bus that is none", `${minimal}can: { interface: can0 }`, { can: undefined }, "can"],
    [
      "a profile that is not there",
      `${minimal}can: { interface: can0, profile: none.yaml }`,
      { can: undefined },
      "can",
    ],
    [
      "one signal of two that is none",
      `${minimal}can: { interface: can0, database: a.dbc, signals: { Vehicle.Speed: { from: A.B }, X: { from: 5 } } }`,
      { "can.signals": { "Vehicle.Speed": { from: "A.B" } } },
      "can",
    ],
    [
      "an adapter that declares something else",
      `${minimal}can: { interface: can0, listenOnly: true, database: a.dbc, signals: { Vehicle.Speed: { from: A.B } } }`,
      { can: { interface: "can0" } },
      "can",
    ],
    ["a panic block that is none", `${minimal}panic: non`, { panic: undefined }, "panic-board"],
    [
      "a panic board on the receiver's port",
      `${minimal}panic: { port: /dev/ttyACM0, buttons: { dash: { loop: 0 } } }`,
      { gps: undefined, panic: { port: "/dev/ttyACM0" } },
      "gps",
    ],
  ])("despite %s", (_, text, expected, part) => {
    const { settings, faults } = settingsOf(readDocument(text, "car.yaml"));
    for (const [block, value] of Object.entries<unknown>(expected))
      if (value === undefined) expect(settings).not.toHaveProperty(block);
      else expect(settings).toHaveProperty(block, isRecord(value) ? expect.objectContaining(value) : value);
    expect(faults.map((fault) => [fault.part, fault.fatal])).toEqual([[part, false]]);
  });

  test("a profile and a database are a fault beside those of the profile", () => {
    const { settings, faults } = settingsWith(
      "can: { interface: can0, profile: none.yaml, database: b.dbc }",
    );
    expect(settings).not.toHaveProperty("can");
    expect(faults.map(({ part, code, fatal }) => [part, code, fatal])).toEqual([
      ["can", "unreadable-file", false],
      ["can", "conflict", false],
    ]);
  });

  test("a broker that is listed again is removed, however it is spelled", () => {
    const list = '["mqtts://h:8883", "mqtts://h:8884", "mqtts://H:08883", "mqtts://h"]';
    const { settings, faults } = settingsWith("", dispatchOf(`{ brokers: ${list} }`));
    expect(settings?.dispatch.brokers).toEqual(["mqtts://h:8883", "mqtts://h:8884"]);
    expect(faults.map(({ path, found }) => [path, found])).toEqual([
      ["dispatch.brokers[2]", "that of brokers[0] again"],
      ["dispatch.brokers[3]", "that of brokers[0] again"],
    ]);
  });

  test.each([
    [dispatchOf("{ brokers: [] }"), "dispatch.brokers: expected a list of 1 to 8, found an empty list"],
    [
      `${minimal}status: { pin: "" }`,
      "status.pin: expected 4 to 64 characters in quotes, found an empty text",
    ],
    [`${minimal}outbox: { path: "" }`, "outbox.path: expected the name of a folder, found an empty text"],
    [
      `${minimal}report: { emergencyS: .nan }`,
      "report.emergencyS: expected a number from 0 to 86400, found no number",
    ],
    [
      `${minimal}report: { emergencyS: -.inf }`,
      "report.emergencyS: expected a number from 0 to 86400, found -Infinity",
    ],
  ])("the words for what was found: %#", (text, words) => {
    expect(problemsOf(text)).toEqual([words]);
  });

  test("an error of YAML is reported with the faults of the blocks before it, and with no others", () => {
    expect(
      faultsOf(`unit: { directorate: ZR, id: zr-117 }
dispatch: { brokers: ["mqtt://a"] }
power: { offAfterS: 600 }
health: { intervalS: 60 }
report: { movingS: -1
status: { listen: 5 }
`),
    ).toEqual([
      'car.yaml:1:22: unit.directorate: expected 1 to 32 of a-z, 0-9 and -, not beginning with -, found "ZR"',
      expect.stringMatching(/^car.yaml:2:23: dispatch.brokers\[0\]: expected mqtts/),
      expect.stringMatching(/^car.yaml:6:\d+: expected valid YAML, found an error: /),
    ]);
  });

  test.each([
    ["an open quote", 'gps: { port: "/dev/x }\n'],
    ["a tab", "gps:\n\tport: x\n"],
    ["a second document", "gps: { port: /dev/x }\n---\na: b\n"],
  ])("an error of YAML is fatal, however much could be read: %s", (_, text) => {
    const { faults } = settingsOf(
      readDocument(`unit: { id: A, directorate: b }\nflash: {}\n${text}`, "a.yaml"),
    );
    expect(faults.map(({ code, path, fatal }) => [code, path, fatal])).toEqual([
      ["invalid", "unit.id", true],
      ["yaml", "", true],
    ]);
  });

  test("an error of YAML in a profile leaves the lines before it to be checked", () => {
    const at = folderWith({
      "unit.yaml": `${minimal}can: { interface: can0, profile: car.yaml }\n`,
      "car.yaml": "database: car.dbc\nsignals: { Foo: { from: Drive.Sped } }\nx: 1\ny: [\n",
      "car.dbc": DBC,
    });
    const { faults, mapping } = loadConfiguration(at("unit.yaml"));
    expect(faults.map(({ line, code, fatal }) => [line, code, fatal])).toEqual([
      [5, "yaml", false],
      [2, "invalid", false],
      [2, "invalid", false],
    ]);
    expect(mapping).toBeUndefined();
  });

  test("a wrong listenOnly does not count as declared", () => {
    const { settings } = settingsWith(
      "can: { interface: can0, listenOnly: yes, database: a.dbc, signals: { Vehicle.Speed: { from: A.B } } }",
    );
    expect(settings?.can).not.toHaveProperty("listenOnly");
  });

  test("power-off is off unless the ignition is mapped", () => {
    const can = (path: string) =>
      `can: { interface: can0, database: a.dbc, signals: { ${path}: { from: A.B } } }\npower: { offAfterS: 600 }`;
    expect(settingsWith(can("Vehicle.LowVoltageSystemState")).settings?.power).toEqual({ offAfterS: 600 });
    expect(settingsWith(can("Vehicle.Speed")).settings).not.toHaveProperty("power");
    expect(problemsOf(`${minimal}${can("Vehicle.Speed")}`)).toEqual([
      "power: expected a can block that maps the ignition (Vehicle.LowVoltageSystemState), found no such signal; map it; until then the computer is never switched off",
    ]);
  });
});

describe("a faulty panic block", () => {
  const panicOf = (text: string) => settingsWith(`panic: { port: /dev/ttyUSB0, buttons: ${text} }`);
  const buttonsOf = (text: string) => {
    const panic = panicOf(text).settings?.panic;
    return typeof panic === "object" ? panic.buttons : undefined;
  };

  test("a button whose switch is not true or false is covert: a sound could cost a life", () => {
    expect(buttonsOf("{ boot: { loop: 1, silent: yes } }")).toEqual({
      boot: { loop: 1, silent: true, dark: false },
    });
  });

  test("a button with an unknown key, which may be that switch, is covert", () => {
    expect(buttonsOf("{ boot: { loop: 1, slient: true, dark: false } }")).toEqual({
      boot: { loop: 1, silent: true, dark: false },
    });
  });

  test("a button whose name is none keeps its loop", () => {
    expect(buttonsOf("{ Dash: { loop: 2 } }")).toEqual({ "loop-2": { loop: 2, silent: false, dark: false } });
  });

  test.each(["{}", "5", "{ dash: { loop: 7 } }", "{ dash: {} }"])(
    "every loop is watched if it is not known which are wired: %s",
    (text) => {
      expect(Object.values(buttonsOf(text) ?? {})).toEqual(
        [0, 1, 2, 3].map((loop) => ({ loop, silent: true, dark: true })),
      );
      expect(panicOf(text).faults.map(({ part }) => part)).toEqual(["panic-board"]);
    },
  );

  test("a made-up name never hides a button that has it", () => {
    expect(Object.values(buttonsOf("{ loop-1: { loop: 0 }, dash: {} }") ?? {})).toHaveLength(4);
  });

  test("two buttons on one loop are the first, and covert if either is", () => {
    expect(buttonsOf("{ a: { loop: 1 }, b: { loop: 1, silent: true } }")).toEqual({
      a: { loop: 1, silent: true, dark: false },
    });
    expect(
      problemsOf(`${minimal}panic: { port: /dev/ttyUSB0, buttons: { a: { loop: 1 }, b: { loop: 1 } } }`),
    ).toEqual(["panic.buttons.b.loop: expected a loop of its own, found 1, the loop of a"]);
  });

  test("a baud rate that is none is the board's default", () => {
    const { settings } = settingsWith(
      "panic: { port: /dev/ttyUSB0, baud: 1, buttons: { dash: { loop: 0 } } }",
    );
    expect(settings?.panic).toEqual({
      port: "/dev/ttyUSB0",
      baud: 57_600,
      buttons: { dash: { loop: 0, silent: false, dark: false } },
    });
  });
});

const DBC = `BO_ 256 Drive: 8 X
 SG_ Speed : 0|16@1+ (0.1,0) [0|250] "km/h" X
 SG_ Kl15 : 16|1@1+ (1,0) [0|1] "" X
`;
const folderWith = (files: Readonly<Record<string, string | Buffer>>): ((name: string) => string) => {
  const folder = mkdtempSync(join(tmpdir(), "settings-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return (name) => join(folder, name);
};

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
        `${at("pipe")}: it is not a regular file`,
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
        'can.signals.Foo.factor: expected one of the keys from, map, deadband, minIntervalMs, unit, staleS, found the unknown key "factor"; remove it',
      ],
    ],
    [
      "a database with faults does not hide those that need no database",
      `${DBC}BO_ x Broken: 8 X\nBO_ y Broken: 8 X\n`,
      "interface: can0, database: car.dbc, signals: { Foo: { from: Drive.Sped } }",
      [
        expect.stringMatching(/^expected a DBC statement/),
        expect.stringMatching(/^expected a DBC statement/),
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
      `dispatch.ca: ${at("ca.pem")} cannot be read (it must be there before the unit runs)`,
    ]);
  });
});

import { describe, expect, test } from "vitest";
import { readDocument } from "../../src/settings/document.ts";
import { loadConfiguration, settingsOf } from "../../src/settings/load.ts";
import { DBC, dispatchOf, faultsOf, folderWith, minimal, problemsOf, settingsWith } from "./configuration.ts";

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

  const PLAINTEXT = '{ brokers: ["mqtt://a"], allowPlaintext:';
  test.each([
    [dispatchOf(`${PLAINTEXT} yes }`), '"yes"; write true'],
    [dispatchOf(`${PLAINTEXT} Off }`), '"Off"; write false'],
    [dispatchOf(`${PLAINTEXT} "true" }`), '"true"; remove the quotes'],
    [dispatchOf(`${PLAINTEXT} maybe }`), '"maybe"'],
    [dispatchOf(`${PLAINTEXT} 1 }`), "1"],
  ])(
    "a flag that is neither true nor false is one fault, with advice only if it is right: %#",
    (text, end) => {
      expect(problemsOf(text)).toEqual([`dispatch.allowPlaintext: expected true or false, found ${end}`]);
      const { settings, faults } = settingsOf(readDocument(text, "car.yaml"));
      // The broker without TLS is not used.
      expect(settings).toBeUndefined();
      expect(faults).toMatchObject([{ fatal: true }]);
    },
  );

  test.each([
    [minimal.replace("/dev/ttyACM0", "3"), /^gps\.port: .*, found 3$/],
    [`${minimal}status: { listen: 8080 }`, /^status\.listen: .*, found 8080$/],
    [`${minimal}status: { pin: 47 }`, /^status\.pin: .*, found a number$/],
    [`${minimal}status: { pin: 4711 }`, /^status\.pin: .*, found a number; put it in quotes$/],
    [`${minimal}outbox: { path: 5 }`, /^outbox\.path: .*, found 5; put it in quotes$/],
    [minimal.replace("zr-117", "117"), /^unit\.id: .*, found 117; put it in quotes$/],
  ])("quotes are advised only if the text would be valid: %#", (text, words) => {
    expect(problemsOf(text)).toEqual([expect.stringMatching(words)]);
  });

  test.each([
    "mqtt://",
    "mqtts://a b",
    "mqtts://u:p@a",
    "mqtts://::1:8883",
    "mqtts://[1::2::3]",
    "mqtts://[a]",
  ])("a broker's address that is not valid is one fault: %s", (url) => {
    for (const list of [[url], [url, "mqtts://b", url]])
      expect(
        settingsWith("", dispatchOf(`{ brokers: ${JSON.stringify(list)} }`)).faults.map(({ path }) => path),
      ).toEqual(list.flatMap((one, n) => (one === url ? [`dispatch.brokers[${n}]`] : [])));
  });

  test("a list that is too long is reported with what is wrong in it, and does not keep that", () => {
    const right = Array.from({ length: 8 }, (_, n) => `mqtts://a${n}`);
    const list = JSON.stringify(["mqtt//a", ...right.slice(0, 7), 5, right[7]]);
    const keys = JSON.stringify(Array.from({ length: 17 }, () => "no key"));
    const text = dispatchOf(`{ brokers: ${list}, requireSigned: ${keys} }`);
    expect(settingsWith("", text).settings?.dispatch.brokers).toEqual(right);
    const problems = problemsOf(text);
    expect(problems.slice(0, 3)).toEqual([
      "dispatch.brokers: expected a list of 1 to 8, found 10",
      expect.stringMatching(/^dispatch\.brokers\[0\]: expected mqtts.*, found "mqtt\/\/a"$/),
      expect.stringMatching(/^dispatch\.brokers\[8\]: expected mqtts.*, found 5$/),
    ]);
    expect(problems[3]).toBe("dispatch.requireSigned: expected a list of 1 to 16, found 17");
    expect(problems).toHaveLength(4 + 17);
  });

  test("a broker without TLS that is listed again is one fault each", () => {
    expect(problemsOf(dispatchOf('{ brokers: ["mqtt://a", "mqtt://a"] }'))).toEqual([
      expect.stringMatching(/^dispatch\.brokers\[0\]: .* not encrypted/),
      expect.stringMatching(/^dispatch\.brokers\[1\]: .* again/),
    ]);
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

  test("the values of a button whose name is none are checked too", () => {
    const buttons = "{ Dash: { loop: 0, silent: maybe, colour: red }, Boot: 5, Knee: { loop: 9 } }";
    const faults = problemsOf(`${minimal}panic: { port: /dev/ttyUSB0, buttons: ${buttons} }`);
    expect(faults.map((fault) => fault.replace(/, found.*/, ""))).toEqual([
      "panic.buttons.Dash: expected a name of a-z, 0-9, - and _",
      "panic.buttons.Dash.silent: expected true or false",
      "panic.buttons.Dash.colour: expected one of the keys loop, silent, dark",
      "panic.buttons.Boot: expected a name of a-z, 0-9, - and _",
      "panic.buttons.Boot: expected a block of loop, silent, dark",
      "panic.buttons.Knee: expected a name of a-z, 0-9, - and _",
      "panic.buttons.Knee.loop: expected a whole number from 0 to 3",
    ]);
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

  test("a baud rate that is none is left out: the board is looked for; a time between tests is the default", () => {
    const { settings } = settingsWith(
      "panic: { port: /dev/ttyUSB0, baud: 1, testEveryDays: 0, image: a.hex, buttons: { dash: { loop: 0 } } }",
    );
    expect(settings?.panic).toEqual({
      port: "/dev/ttyUSB0",
      lampSense: false,
      testEveryDays: 90,
      image: expect.stringMatching(/^(\/.*\/)?a\.hex$/),
      buttons: { dash: { loop: 0, silent: false, dark: false } },
    });
  });
});

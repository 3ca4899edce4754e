import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { suggest } from "../../src/domain/suggest.ts";
import { readDocument } from "../../src/settings/document.ts";
import { configFaults } from "../../src/settings/fault.ts";
import { parseSettings, settingsOf } from "../../src/settings/load.ts";
import { faultsOf, minimal, settingsWith, dispatchOf } from "./configuration.ts";

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

test("a key that is a list or a map is a fault like others, and the library says nothing about it", async () => {
  const warnings: string[] = [];
  const hear = (warning: Error) => void warnings.push(warning.message);
  process.on("warning", hear);
  for (const key of ["? { a: 1 }\n: 2\n", "? [ a ]\n: 2\n"])
    expect(faultsOf(`${minimal}\n${key}`).length).toBeGreaterThan(0);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", hear);
  expect(warnings).toEqual([]);
});

describe("dispatch.requireSigned", () => {
  const KEY = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
  const keysOf = (keys: string) => dispatchOf(`{ brokers: ["mqtts://a"], requireSigned: ${keys} }`);

  test("a key that is none is reported and left out: a typing error must not keep dispatch's answers from a car", () => {
    const given = keysOf(`[${KEY}, ${KEY.slice(1)}]`);
    expect(faultsOf(given)).toHaveLength(1);
    expect(settingsOf(readDocument(given, "car.yaml")).settings?.dispatch.requireSigned).toEqual([KEY]);
    for (const none of ["[]", `[${KEY.slice(1)}]`, KEY]) {
      const { settings, faults } = settingsOf(readDocument(keysOf(none), "car.yaml"));
      expect(faults.length).toBeGreaterThan(0);
      expect(settings?.dispatch).toBeDefined();
      expect(settings?.dispatch.requireSigned).toBeUndefined();
    }
  });
});

describe("an IPv6 address", () => {
  test("is one in brackets", () => {
    const text = dispatchOf(`{ brokers: ["mqtts://[2001:db8::1]:8883", "mqtts://[::1]"] }`).replace(
      /^gps:.*$/m,
      'gps: { port: "tcp://[::1]:2947" }',
    );
    expect(parseSettings(text, "car.yaml")).toMatchObject({
      gps: { port: "tcp://[::1]:2947" },
      dispatch: { brokers: ["mqtts://[2001:db8::1]:8883", "mqtts://[::1]"] },
    });
  });

  test("of a broker without TLS is refused for that, and is the same however it is written", () => {
    expect(faultsOf(dispatchOf(`{ brokers: ["mqtt://[::1]:1883"] }`))).toEqual([
      expect.stringMatching(
        /expected mqtts:\/\/host:port, found mqtt:\/\/, which is not encrypted; use mqtts/,
      ),
    ]);
    expect(faultsOf(dispatchOf(`{ brokers: ["mqtts://[::1]", "mqtts://[0:0:0::1]:8883"] }`))).toEqual([
      expect.stringContaining("found that of brokers[0] again"),
    ]);
  });

  test("without brackets is refused, with how to write it", () => {
    expect(faultsOf(dispatchOf(`{ brokers: ["mqtts://::1:8883"] }`))).toEqual([
      expect.stringContaining("expected mqtts://host:port or mqtts://[IPv6]:port"),
    ]);
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
    [
      "a path with U+0000",
      `${minimal}\noutbox: { path: "a\\0b" }`,
      /outbox.path: expected text without U\+0000/,
    ],
    [
      "a prefix that is the broker's own",
      dispatchOf(`{ brokers: ["mqtts://a"], prefix: $SYS }`),
      /dispatch.prefix: expected topic levels without wildcards that do not begin with \$/,
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

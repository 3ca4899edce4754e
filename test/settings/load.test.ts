import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ConfigurationError, parseSettings } from "../../src/settings/load.ts";
import { suggest } from "../../src/domain/suggest.ts";

const faultsOf = (text: string): string[] => {
  try {
    parseSettings(text, "car.yaml");
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.split("\n");
  }
};

const minimal = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
dispatch: { brokers: ["mqtts://dispatch-a:8883"] }
`;

describe("configuration", () => {
  test("three keys are enough; the rest has defaults", () => {
    expect(parseSettings(minimal, "car.yaml")).toMatchObject({
      gps: { baud: 9600 },
      report: { movingS: 5, distanceM: 150, headingDeg: 20, standingS: 300, emergencyS: 1 },
      dispatch: { prefix: "patrol/v1", keepaliveS: 20, allowPlaintext: false },
      outbox: { maxMiB: 512 },
      status: { listen: "127.0.0.1:8080" },
    });
  });

  test("what one block cannot see of another is told as well", () => {
    const panic = (text: string) =>
      faultsOf(`${minimal}panic: ${text}\n`).map((fault) => fault.replace(/^car.yaml:\d+:\d+: /, ""));
    expect(panic("{ port: /dev/ttyACM0, buttons: {} }")).toEqual([
      "panic.port: the same device as gps.port",
      "panic.buttons: no button: name those that are wired",
    ]);
    expect(panic("{ port: /dev/ttyUSB0, buttons: { a: { loop: 1 }, b: { loop: 1 } } }")).toEqual([
      "panic.buttons.b.loop: loop 1 is that of a already",
    ]);
    expect(panic("{ port: /dev/ttyUSB0, buttons: { Dash: { loop: 1 } } }")).toHaveLength(1);
  });

  test("the example is valid", () => {
    expect(faultsOf(readFileSync("config/patrol-unit.yaml", "utf8"))).toEqual([]);
  });

  test("every fault is told in one go, each in its place", () => {
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
      "car.yaml:1:22: unit.directorate: expected 1 to 32 of a-z, 0-9 and -, not beginning with -",
      "car.yaml:3:3: gps.port: expected string, but it is missing",
      'car.yaml:3:3: gps.prt: unknown key; did you mean "port"?',
      "car.yaml:4:9: gps.baud: expected number, received string",
      "car.yaml:6:14: dispatch.brokers[0]: mqtt:// is not encrypted: use mqtts://, or set dispatch.allowPlaintext: true",
      'car.yaml:7:3: dispatch.keepAliveS: unknown key; did you mean "keepaliveS"?',
      'car.yaml:8:1: reports: unknown key; did you mean "report"?',
    ]);
  });

  test.each([
    ["broken YAML", "unit: [", /not YAML/],
    ["a key written twice", `${minimal}gps: { port: /dev/x }`, /not YAML: Map keys must be unique/],
    ["an empty file", "", /unit: expected object/],
    ["a list", "- a", /expected object/],
    [
      "an alias bomb",
      `a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]`,
      /not YAML|unknown key/,
    ],
    ["a password in the broker's address", minimal.replace("mqtts://", "mqtts://u:p@"), /brokers\[0\]/],
    [
      "a certificate without its key",
      minimal.replace("dispatch: {", "dispatch: { cert: a.pem,"),
      /belong together/,
    ],
  ])("%s is a readable fault", (_, text, expected) => {
    expect(faultsOf(text).join("\n")).toMatch(expected);
  });

  test("a suggestion is near or not made", () => {
    expect(suggest("brd", ["baud", "port"])).toBeUndefined();
    expect(suggest("buad", ["baud", "port"])).toBe("baud");
    expect(suggest("xyz", ["baud", "port"])).toBeUndefined();
  });
});

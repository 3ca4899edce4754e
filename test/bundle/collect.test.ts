import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { collect } from "../../src/bundle/collect.ts";
import { generateKeys } from "../../src/bundle/keys.ts";
import { ConfigurationError } from "../../src/settings/fault.ts";
import { DBC } from "../settings/configuration.ts";
import { CONFIG } from "./signed.ts";

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true });
});
const folderOf = (files: Readonly<Record<string, string>>): string => {
  const dir = mkdtempSync(join(tmpdir(), "collect-"));
  made.push(dir);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
};
const ONE = "zrenjanin/zr-117";
const collected = (files: Readonly<Record<string, string>>, recipient = ONE): string[] => {
  const dir = folderOf(files);
  try {
    return collect(dir, recipient).map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.split("\n").map((line) => line.replace(`${dir}/patrol-unit.yaml:`, ""));
  }
};
const withDispatch = (keys: string) => CONFIG.replace('8883"] }', `8883"], ${keys} }`);
const CAN =
  "can: { interface: can0, database: vehicles/car.dbc, signals: { Vehicle.Speed: { from: Drive.Speed } } }\n";
const GROUP =
  'gps: { baud: 9600 }\npanic: { buttons: { dash: { loop: 0 } } }\ndispatch: { brokers: ["mqtts://a:8883"] }\n';

describe("a bundle holds", () => {
  test("the configuration and each file that it names, once", () => {
    const profile = "database: car.dbc\nsignals: { Vehicle.Speed: { from: Drive.Speed } }\n";
    expect(
      collected({
        "patrol-unit.yaml": `${withDispatch("ca: tls/ca.pem")}can: { interface: can0, profile: vehicles/car.yaml }\n`,
        "tls/ca.pem": "a CA",
        "vehicles/car.yaml": profile,
        "vehicles/car.dbc": DBC,
        "notes.txt": "not named",
      }),
    ).toEqual(["patrol-unit.yaml", "tls/ca.pem", "vehicles/car.yaml", "vehicles/car.dbc"]);
  });

  test("the firmware of the panic board", () => {
    expect(
      collected({
        "patrol-unit.yaml": CONFIG.replace(
          /^panic: .*$/m,
          "panic: { port: /dev/ttyUSB0, image: board.hex, buttons: { dash: { loop: 0 } } }",
        ),
        "board.hex": ":00000001FF",
      }),
    ).toEqual(["patrol-unit.yaml", "board.hex"]);
  });

  test("the configuration of a group, without what each car has of its own", () => {
    expect(collected({ "patrol-unit.yaml": GROUP }, "zrenjanin/*")).toEqual(["patrol-unit.yaml"]);
    expect(collected({ "patrol-unit.yaml": GROUP }, "*")).toEqual(["patrol-unit.yaml"]);
  });

  test("a status address that needs a PIN, which each car has", () => {
    expect(collected({ "patrol-unit.yaml": `${CONFIG}status: { listen: "0.0.0.0:8080" }\n` })).toEqual([
      "patrol-unit.yaml",
    ]);
  });
});

describe("a bundle is refused", () => {
  test.each([
    [
      "a password",
      withDispatch('password: "x"'),
      /^4:\d+: dispatch.password: expected no password in a bundle, found one; put it into local.yaml of each car$/,
    ],
    ["a PIN", `${CONFIG}status: { pin: "4711" }\n`, /^5:\d+: status.pin: expected no PIN in a bundle/],
    [
      "a private key",
      withDispatch("cert: a.pem, key: a.key"),
      /dispatch.key: expected no private key in a bundle/,
    ],
    [
      "a file that is not there",
      withDispatch("ca: none.pem"),
      /dispatch.ca: expected a file that can go into the bundle, found none.pem: no such file/,
    ],
    ["a database that is not there", CONFIG + CAN, /can.database: expected a DBC file that can be read/],
    [
      "a file beside its folder",
      withDispatch("ca: ../ca.pem"),
      /dispatch.ca: expected a file below the folder of the bundle, found one outside of it/,
    ],
    [
      "an absolute path",
      withDispatch("ca: /etc/ssl/ca.pem"),
      /dispatch.ca: expected a file below the folder/,
    ],
    ["a hidden file", withDispatch("ca: .ca.pem"), /dispatch.ca: .*found the name ".ca.pem"; rename it/],
    [
      "another unit's name",
      CONFIG.replace("zr-117", "zr-118"),
      /unit.id: expected the unit zrenjanin\/zr-117, .*found zrenjanin\/zr-118/,
    ],
    ["no gps", CONFIG.replace(/gps: .*\n/, ""), /gps: expected a block/],
  ])("with %s", (_, text, line) => {
    const lines = collected({ "patrol-unit.yaml": text });
    expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(line)]));
  });

  test("with a DBC that has a syntax error, which is named with its line", () => {
    const lines = collected({ "patrol-unit.yaml": CONFIG + CAN, "vehicles/car.dbc": `${DBC}BO_ nonsense\n` });
    expect(lines).toEqual([expect.stringMatching(/vehicles\/car.dbc:4:\d+: expected/)]);
  });

  test("with a private key in a file that it names", () => {
    const { privatePem } = generateKeys(undefined);
    expect(collected({ "patrol-unit.yaml": withDispatch("ca: ca.pem"), "ca.pem": privatePem })).toEqual([
      expect.stringMatching(/dispatch.ca: expected no private key in a bundle, found one in ca.pem/),
    ]);
  });

  test("with a symbolic link, also as a folder", () => {
    const dir = folderOf({ "patrol-unit.yaml": withDispatch("ca: tls/ca.pem"), "real/ca.pem": "a CA" });
    symlinkSync("real", join(dir, "tls"));
    expect(() => collect(dir, ONE)).toThrow("found tls, which is a symbolic link; copy the file");
  });

  test("with the name of one car, if it is for a group", () => {
    expect(
      collected({ "patrol-unit.yaml": `unit: { directorate: zrenjanin, id: zr-1 }\n${GROUP}` }, "*"),
    ).toEqual([
      "1:37: unit.id: expected no name of one car in a bundle for a group, found the id zr-1; put it into local.yaml of each car",
    ]);
    expect(
      collected({ "patrol-unit.yaml": `unit: { directorate: pancevo }\n${GROUP}` }, "zrenjanin/*"),
    ).toEqual([
      "1:22: unit.directorate: expected the directorate zrenjanin, for which the bundle is, found pancevo; correct one of them",
    ]);
  });

  test("without a configuration, or with one that is a link", () => {
    expect(collected({})).toEqual([expect.stringMatching(/found patrol-unit.yaml: no such file/)]);
    const dir = folderOf({ "other.yaml": CONFIG });
    symlinkSync("other.yaml", join(dir, "patrol-unit.yaml"));
    expect(() => collect(dir, ONE)).toThrow("found patrol-unit.yaml, which is a symbolic link");
  });
});

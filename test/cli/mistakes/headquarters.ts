import { mkdirSync, symlinkSync } from "node:fs";
import { configOf, type Car } from "./car.ts";
import type { Mistake, Typed } from "./mistake.ts";

/** Mistakes at headquarters: `bundle` and `bundle keygen`. */

const optionsOf = (car: Car, given: Readonly<Record<string, string | undefined>>): readonly string[] =>
  Object.entries({
    "--key": car.at("hq/hq.pem"),
    "--for": "zrenjanin/*",
    "--version": "3",
    "--out": car.at("new.patrol"),
    ...given,
  }).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
const sign = (car: Car, given: Readonly<Record<string, string | undefined>> = {}): Typed["line"] => [
  "bundle",
  car.at("config"),
  ...optionsOf(car, given),
];
const PATROL = "config/patrol-unit.yaml";

export const HEADQUARTERS: readonly Mistake[] = [
  {
    kind: "the public key, or something else, is given to sign with",
    times: 3,
    make: (car, pick) => ({
      line: sign(car, { "--key": car.at(pick.one(["hq/hq.pub.pem", "stick/unit.pem", "stick/car.patrol"])) }),
      exit: 1,
      says: /cannot be used: it is not a private key in PEM$/,
    }),
  },
  {
    kind: "the key of a car is given to sign with",
    times: 1,
    make: (car) => ({
      line: sign(car, { "--key": car.inRoot("identity/unit.key") }),
      exit: 1,
      says: /unit\.key cannot be used: it is not an Ed25519 key$/,
    }),
  },
  {
    kind: "a folder or nothing is given to sign with",
    times: 2,
    make: (car, pick) => ({
      line: sign(car, { "--key": car.at(pick.one(["hq", "hq/hg.pem"])) }),
      exit: 74,
      says: /cannot be read: (it is a folder|there is no such file)$/,
    }),
  },
  {
    kind: "the passphrase is wrong, or cannot be asked for",
    times: 4,
    make(car, pick) {
      const wrong = car.write("hq/wrong", pick.one(["kitchen\n", "\n", " kitchen-9-phrase\n"]), 0o600);
      return pick.one<Typed>([
        {
          line: sign(car, { "--key": car.at("hq/locked.pem"), "--passphrase-file": wrong }),
          exit: 1,
          says: /locked\.pem cannot be used: the passphrase is wrong$/,
        },
        {
          line: sign(car, { "--key": car.at("hq/locked.pem") }),
          exit: 64,
          says: /^--passphrase-file is missing, and there is no terminal to ask/,
        },
      ]);
    },
  },
  {
    kind: "a private key would be added to the trusted ones",
    times: 1,
    make: (car) => ({
      line: sign(car, { "--add-trust": car.at("hq/hq.pem") }),
      exit: 1,
      says: /hq\.pem cannot be used: it is a private key: a unit must hold only the public one$/,
    }),
  },
  {
    kind: "something else would be added to the trusted keys",
    times: 3,
    make(car, pick) {
      const [name, says, exit] = pick.one<[string, RegExp, 1 | 74]>([
        ["stick/unit.csr", /unit\.csr cannot be used: it is not a public key in PEM$/, 1],
        ["stick/unit.pem", /unit\.pem cannot be used: it is not an Ed25519 key$/, 1],
        ["hq", /hq cannot be read: it is a folder$/, 74],
      ]);
      return { line: sign(car, { "--add-trust": car.at(name) }), exit, says };
    },
  },
  {
    kind: "the bundle is written over another file",
    times: 4,
    make: (car, pick) => ({
      line: sign(car, {
        "--out": car.at(pick.one(["hq/hq.pem", "hq/hq.pub.pem", PATROL, "stick/unit.pem"])),
      }),
      exit: 74,
      says: /cannot be written: another file is there, which is no bundle: choose another name$/,
    }),
  },
  {
    kind: "the bundle is written where nothing can be written",
    times: 2,
    make(car, pick) {
      const [out, says] = pick.one<[string, RegExp]>([
        ["stick", /stick cannot be written: it is a folder$/],
        ["none/x.patrol", /x\.patrol cannot be written: there is no such folder$/],
      ]);
      return { line: sign(car, { "--out": car.at(out) }), exit: 74, says };
    },
  },
  {
    kind: "a folder without a configuration is given",
    times: 3,
    make: (car, pick) => ({
      line: ["bundle", car.at(pick.one(["stick", "none", "root"])), ...optionsOf(car, {})],
      exit: 78,
      says: /patrol-unit\.yaml:1:1: expected a file that can go into the bundle, found .*(no such file|a folder)/,
    }),
  },
  {
    kind: "the configuration itself is given for its folder",
    times: 1,
    make: (car) => ({
      line: ["bundle", car.at(PATROL), ...optionsOf(car, {})],
      exit: 74,
      says: /patrol-unit\.yaml: a part of this path is a file, and a folder is expected$/,
    }),
  },
  {
    kind: "a secret is in the configuration",
    times: 3,
    make(car, pick) {
      const [what, to, says] = pick.one<[string, string, RegExp]>([
        [
          "dispatch: {",
          "dispatch: { username: a, password: garage-7-pass,",
          /dispatch\.password: expected no password/,
        ],
        ["status: {", 'status: { pin: "80417",', /status\.pin: expected no PIN/],
        [
          "dispatch: {",
          "dispatch: { ca: ca.pem,",
          /dispatch\.ca: expected no private key in a bundle, found one in ca\.pem/,
        ],
      ]);
      car.write("config/ca.pem", car.read("root/identity/unit.key"));
      car.edit(PATROL, what, to);
      return { line: sign(car), exit: 78, says };
    },
  },
  {
    kind: "the configuration names a file outside of its folder, by a link, or that is not there",
    times: 5,
    make(car, pick) {
      symlinkSync(car.ca.at("ca.pem"), car.at("config/link.pem"));
      mkdirSync(car.at("config/folder.pem"));
      const ca = pick.one(["../stick/unit.pem", "/etc/hostname", "link.pem", "none.pem", "folder.pem"]);
      car.edit(PATROL, "dispatch: {", `dispatch: { ca: ${ca},`);
      return {
        line: sign(car),
        exit: 78,
        says: /patrol-unit\.yaml:\d+:\d+: dispatch\.ca: expected .*, found /,
      };
    },
  },
  {
    kind: "the configuration is for another car or directorate",
    times: 3,
    make(car, pick) {
      const [unit, to] = pick.one<[string, string]>([
        ["directorate: zrenjanin, id: zr-117", "zrenjanin/*"],
        ["directorate: pancevo", "zrenjanin/*"],
        ["directorate: zrenjanin, id: zr-118", "zrenjanin/zr-117"],
      ]);
      const more = `unit: { ${unit} }\n${to.endsWith("7") ? "gps: { port: /dev/ttyACM0 }\n" : ""}`;
      car.write(
        PATROL,
        configOf(car.port, 5, more).replace(
          "panic:",
          to.endsWith("7") ? "panic:\n  port: /dev/ttyUSB0" : "panic:",
        ),
      );
      return { line: sign(car, { "--for": to }), exit: 78, says: /unit\.(id|directorate): expected / };
    },
  },
  {
    kind: "the configuration has a fault",
    times: 4,
    make(car, pick) {
      const [what, to] = pick.one<[string, string]>([
        ["movingS: 6", "movingS: six"],
        ["report:", "raport:"],
        ["mqtts://", "mqtt://"],
        ["loop: 0", "loop: 12"],
      ]);
      car.edit(PATROL, what, to);
      return { line: sign(car), exit: 78, says: /patrol-unit\.yaml:\d+:\d+: \S+: expected / };
    },
  },
  {
    kind: "an option of bundle is wrong",
    times: 11,
    make(car, pick) {
      const [name, value, says] = pick.one<[string, string, RegExp]>([
        ["--for", "zrenjanin", /^--for zrenjanin: expected DIRECTORATE\/UNIT, DIRECTORATE\/\* or \*$/],
        ["--for", "zrenjanin/zr-1*", /^--for /],
        ["--for", "Zrenjanin/*", /^--for /],
        ["--version", "3.1", /^--version 3\.1: expected a whole number/],
        ["--version", "-3", /^--version -3: expected a whole number/],
        ["--version", "v3", /^--version v3: expected a whole number/],
        ["--version", "1000000000", /^--version 1000000000: expected a whole number/],
        ["--expires", "31.12.2026", /^--expires 31\.12\.2026: expected a date/],
        ["--not-before", "2026-13-01", /^--not-before 2026-13-01: expected a date/],
        ["--not-before", "2026-02-30", /^--not-before 2026-02-30: expected a date/],
        ["--retire-trust", "../hq", /^a trusted key has a name of/],
      ]);
      return { line: sign(car, { [name]: value }), exit: 64, says };
    },
  },
  {
    kind: "an option of bundle is missing, misspelt or given twice",
    times: 5,
    make(car, pick) {
      const name = pick.one(["--key", "--for", "--version", "--out"]);
      return pick.one<Typed>([
        { line: sign(car, { [name]: undefined }), exit: 64, says: new RegExp(`^${name} is missing; --help`) },
        { line: [...sign(car), name, "x"], exit: 64, says: new RegExp(`^${name} is given twice; --help`) },
        {
          line: [...sign(car), "--expire", "x"],
          exit: 64,
          says: /^there is no option --expire: is it --expires\?/,
        },
      ]);
    },
  },
  {
    kind: "keygen would replace a key, or cannot write one",
    times: 4,
    make(car, pick) {
      const [out, exit, says] = pick.one<[string, 64 | 74, RegExp]>([
        ["hq/hq.pem", 74, /hq\.pem is there already: choose another name$/],
        ["hq/hq", 74, /hq\.pub\.pem is there already: choose another name$/],
        ["none/hq.pem", 74, /hq\.pem cannot be written: there is no such folder$/],
        ["hq", 74, /hq is there already: choose another name$/],
      ]);
      return { line: ["bundle", "keygen", "--out", car.at(out)], exit, says };
    },
  },
  {
    kind: "keygen with an empty passphrase, or a file that is not there",
    times: 2,
    make(car, pick) {
      car.write("hq/empty", "\n");
      const [name, exit, says] = pick.one<[string, 64 | 74, RegExp]>([
        ["hq/empty", 64, /^--passphrase-file: its first line is empty$/],
        ["hq/none", 74, /none cannot be read: there is no such file$/],
      ]);
      return {
        line: ["bundle", "keygen", "--out", car.at("hq/new.pem"), "--passphrase-file", car.at(name)],
        exit,
        says,
      };
    },
  },
];

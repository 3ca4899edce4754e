import { mkdirSync } from "node:fs";
import { UNIT, type Car } from "./car.ts";
import type { Mistake, Typed } from "./mistake.ts";

/** Mistakes with a new car and with its board: `init`, `flash firmware`, and words that are no commands. */

/** `init` of a new car; a value that is undefined leaves the option out. */
const init = (car: Car, given: Readonly<Record<string, string | undefined>> = {}): Typed["line"] => {
  const all = {
    "--root": car.at("new"),
    "--unit": UNIT,
    "--brokers": "mqtts://dispatch-a:8883",
    "--gps": "/dev/ttyACM0",
    "--panic": "none",
    "--can": "none",
    "--trust": car.at("hq/hq.pub.pem"),
    ...given,
  };
  return [
    "init",
    ...Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [name, value])),
  ];
};

export const GARAGE: readonly Mistake[] = [
  {
    kind: "init of a car that is laid out",
    times: 2,
    make: (car, pick) => ({
      line: init(car, { "--root": car.at("root"), "--unit": pick.one([UNIT, "zrenjanin/zr-118"]) }),
      exit: 1,
      says: /root is laid out already: change it with `flash config`$/,
    }),
  },
  {
    kind: "init with a root that is a file, or below one",
    times: 2,
    make: (car, pick) => ({
      line: init(car, { "--root": car.at(pick.one(["stick/car.patrol", "stick/car.patrol/root"])) }),
      exit: 74,
      says: /: a part of this path is a file; choose another folder for the root, or try again with sudo$| is not a folder: choose another name for the root$/,
    }),
  },
  {
    kind: "init trusts the private key",
    times: 1,
    make: (car) => ({
      line: init(car, { "--trust": car.at("hq/hq.pem") }),
      exit: 1,
      says: /^--trust \S+hq\.pem: it is a private key: a unit must hold only the public one$/,
    }),
  },
  {
    kind: "init trusts what is no key, or has a name that is none",
    times: 5,
    make(car, pick) {
      const [name, exit, says] = pick.one<[string, 1 | 74, RegExp]>([
        ["stick/unit.csr", 1, /^--trust \S+unit\.csr: it is not a public key in PEM$/],
        ["stick/unit.pem", 1, /^--trust \S+unit\.pem: it is not an Ed25519 key$/],
        ["hq", 74, /hq cannot be read: it is a folder$/],
        ["hq/none.pem", 74, /none\.pem cannot be read: there is no such file$/],
        [
          "hq/key of hq.pem",
          1,
          /^--trust .*key of hq\.pem: expected a name of letters, digits, dot, - and _: rename it$/,
        ],
      ]);
      car.write("hq/key of hq.pem", car.read("hq/hq.pub.pem"));
      return { line: init(car, { "--trust": car.at(name) }), exit, says };
    },
  },
  {
    kind: "init with a wrong answer",
    times: 12,
    make(car, pick) {
      const [name, value, says] = pick.one<[string, string, RegExp]>([
        ["--unit", "zrenjanin/ZR 117", /^--unit ZR 117: expected 1 to 32 of a-z, 0-9 and -/],
        ["--unit", "zrenjanin/zr/117", /^--unit /],
        ["--directorate", "pancevo", /^--unit zrenjanin\/zr-117: expected a unit of pancevo$/],
        ["--brokers", "dispatch-a", /^--brokers dispatch-a: expected mqtts:\/\/host:port/],
        ["--brokers", "mqtts://a:8883;mqtts://b:8883", /^--brokers /],
        ["--brokers", "https://a", /^--brokers /],
        ["--brokers", "mqtts://a:99999", /^--brokers /],
        ["--gps", "COM3", /^--gps COM3: expected a tty such as/],
        ["--gps", "ttyACM0", /^--gps ttyACM0: expected a tty such as/],
        ["--baud", "fast", /^--baud fast: expected a whole number/],
        ["--panic", "ttyUSB0", /^--panic ttyUSB0: expected a tty/],
        ["--can", "can0, x", /^--can can0, x: expected the name of an interface/],
      ]);
      const profile = name === "--can" ? { "--profile": "config/vehicles/toyota-rav4.yaml" } : {};
      return { line: init(car, { [name]: value, ...profile }), exit: 64, says };
    },
  },
  {
    kind: "init without an answer, and without a terminal",
    times: 4,
    make(car, pick) {
      mkdirSync(car.at("devices"));
      const name = pick.one(["--unit", "--brokers", "--gps", "--panic"]);
      const missing = name === "--unit" ? "--directorate" : name;
      return {
        line: init(car, { "--devices": car.at("devices"), [name]: undefined }),
        exit: 64,
        says: new RegExp(`^${missing} is missing, and there is no terminal to ask; --help`),
      };
    },
  },
  {
    kind: "init with a CA that is none",
    times: 5,
    make(car, pick) {
      const [name, exit, says] = pick.one<[string, 1 | 74, RegExp]>([
        ["root/identity/unit.key", 1, /^--ca \S+unit\.key: expected the certificate of a CA in PEM/],
        ["hq/hq.pub.pem", 1, /^--ca \S+hq\.pub\.pem: expected the certificate of a CA in PEM/],
        ["stick/unit.csr", 1, /^--ca \S+unit\.csr: expected the certificate of a CA in PEM/],
        ["stick", 74, /stick cannot be read: it is a folder$/],
        ["none.pem", 74, /none\.pem cannot be read: there is no such file$/],
      ]);
      return { line: init(car, { "--ca": car.at(name) }), exit, says };
    },
  },
  {
    kind: "init with a vehicle profile that cannot be used",
    times: 5,
    make(car, pick) {
      const db = (name: string) => `database: ${name}\nsignals: { Vehicle.Speed: { from: Drive.Speed } }\n`;
      car.write("stick/away.yaml", db("none.dbc"));
      car.write("stick/out.yaml", db("../config/patrol-unit.yaml"));
      car.write("stick/broken.yaml", "database: [\n");
      car.write("stick/my car.yaml", db("none.dbc"));
      const [name, exit, says] = pick.one<[string, 1 | 74 | 78, RegExp]>([
        ["away.yaml", 74, /stick\/none\.dbc cannot be read: there is no such file$/],
        ["out.yaml", 78, /out\.yaml:1:\d+: database: expected a file beside the profile/],
        ["broken.yaml", 78, /broken\.yaml:\d+:\d+: expected valid YAML/],
        ["none.yaml", 74, /none\.yaml cannot be read: there is no such file$/],
        ["car.patrol", 78, /car\.patrol:1:1: expected /],
      ]);
      return { line: init(car, { "--can": "can0", "--profile": car.at("stick", name) }), exit, says };
    },
  },
  {
    kind: "firmware for a board that is not there",
    times: 3,
    make(car, pick) {
      const port = pick.one([undefined, "/dev/patrol-other", car.at("none")]);
      return {
        line: ["flash", "firmware", ...car.root, ...(port === undefined ? [] : ["--port", port])],
        exit: 69,
        says: /(patrol-no-such-board|patrol-other|none)\b/,
        showsProgress: true,
      };
    },
  },
  {
    kind: "firmware from what is no image",
    times: 4,
    make(car, pick) {
      const [name, exit, says] = pick.one<[string, 1 | 74, RegExp]>([
        ["stick/car.patrol", 1, /car\.patrol is no firmware image for the panic board: /],
        ["stick/unit.pem", 1, /unit\.pem is no firmware image for the panic board: /],
        ["stick", 74, /stick cannot be read: it is a folder$/],
        ["none.hex", 74, /none\.hex cannot be read: there is no such file$/],
      ]);
      return { line: ["flash", "firmware", ...car.root, "--image", car.at(name)], exit, says };
    },
  },
  {
    kind: "a word that is none",
    times: 7,
    make: (car, pick) =>
      pick.one<Typed>([
        {
          line: ["flash", "confg", car.at("stick/car.patrol")],
          exit: 64,
          says: /^expected config, release, firmware, back, status after flash$/,
        },
        { line: ["flash"], exit: 64, says: /^expected config, release, firmware/ },
        { line: ["enrol", "instal"], exit: 64, says: /^expected request or install after enrol$/ },
        { line: ["flash", "status", "now", ...car.root], exit: 64, says: /^"now" is not expected here/ },
        { line: ["flash", "back", "1", ...car.root], exit: 64, says: /^"1" is not expected here/ },
        {
          line: ["check", car.at("root")],
          exit: 64,
          says: /is not expected here|--config or --root is missing/,
        },
        { line: ["flash", "back", "-root", car.at("root")], exit: 64, says: /^there is no option / },
      ]),
  },
];

import { rmSync, writeFileSync } from "node:fs";
import { KEYS, UNIT } from "./car.ts";
import type { Mistake, Typed } from "./mistake.ts";

/** Mistakes with the identity of the car: `enrol`. */

export const IDENTITY: readonly Mistake[] = [
  {
    kind: "the certificate of another car is installed",
    times: 1,
    make(car, pick) {
      const name = `zrenjanin/zr-${118 + pick.int(9)}`;
      const file = car.ca.sign(car.ca.request("other", name), "other");
      return {
        line: ["enrol", "install", file, ...car.root, "--ca", car.ca.at("ca.pem")],
        exit: 1,
        says: /other\.pem is refused: it belongs to another key: was it made from this unit's request\?$/,
      };
    },
  },
  {
    kind: "another file is given for the certificate",
    times: 5,
    make(car, pick) {
      const file = pick.one([
        "root/identity/unit.key",
        "stick/unit.csr",
        "hq/hq.pub.pem",
        "stick/car.patrol",
        "root/local.yaml",
      ]);
      return {
        line: ["enrol", "install", car.at(file), ...car.root],
        exit: 1,
        says: /is refused: it does not hold a certificate in PEM$/,
      };
    },
  },
  {
    kind: "the CA is installed as the car's certificate",
    times: 1,
    make: (car) => ({
      line: ["enrol", "install", car.ca.at("ca.pem"), ...car.root],
      exit: 1,
      says: /ca\.pem is refused: it is the certificate of a CA, not of a unit$/,
    }),
  },
  {
    kind: "the certificate is damaged or cut",
    times: 4,
    make(car, pick) {
      const text = car.read("stick/unit.pem");
      const at = 60 + pick.int(text.length - 120);
      const bad = pick.one([
        text.slice(0, at),
        `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`,
        `${text.slice(0, at)}!!!!${text.slice(at)}`,
      ]);
      return {
        line: ["enrol", "install", car.write("stick/bad.pem", bad), ...car.root, "--ca", car.ca.at("ca.pem")],
        exit: 1,
        says: /bad\.pem is refused: it /,
      };
    },
  },
  {
    kind: "a folder, nothing or a device is given for the certificate",
    times: 3,
    make(car, pick) {
      const [file, says] = pick.one<[string, RegExp]>([
        [car.at("stick"), /stick cannot be read: it is a folder$/],
        [car.at("none.pem"), /none\.pem cannot be read: there is no such file$/],
        ["/dev/zero", /\/dev\/zero cannot be read: it is not a regular file$/],
      ]);
      return { line: ["enrol", "install", file, ...car.root], exit: 74, says };
    },
  },
  {
    kind: "the wrong file is given for the CA",
    times: 3,
    make(car, pick) {
      const file = pick.one(["root/identity/unit.key", "stick/unit.csr", "hq/hq.pub.pem"]);
      return {
        line: ["enrol", "install", car.at("stick/unit.pem"), ...car.root, "--ca", car.at(file)],
        exit: 1,
        says: /is refused: it does not hold a certificate in PEM$/,
      };
    },
  },
  {
    kind: "the car's own certificate is given for the CA",
    times: 1,
    make: (car) => ({
      line: ["enrol", "install", car.at("stick/unit.pem"), ...car.root, "--ca", car.at("stick/unit.pem")],
      exit: 1,
      says: /unit\.pem is refused: it is not from the CA/,
    }),
  },
  {
    kind: "enrol install before enrol request",
    times: 1,
    make(car) {
      rmSync(car.inRoot("identity"), { recursive: true });
      return {
        line: ["enrol", "install", car.at("stick/unit.pem"), ...car.root],
        exit: 1,
        says: /unit\.key is not there: `enrol request` makes the key of this unit$/,
      };
    },
  },
  {
    kind: "enrol before init",
    times: 2,
    make: (car, pick) =>
      pick.one<Typed>([
        {
          line: ["enrol", "request", "--root", car.at("new"), "--unit", UNIT, "--out", car.at("x.csr")],
          exit: 74,
          says: /new is not a folder: `patrol-unit init --root \S+` makes a root$/,
        },
        {
          line: ["enrol", "request", "--root", car.at("stick"), "--out", car.at("x.csr")],
          exit: 64,
          says: /--unit is missing/,
        },
      ]),
  },
  {
    kind: "a request for another unit, or for a name that is none",
    times: 5,
    make(car, pick) {
      const [unit, exit, says] = pick.one<[string, 1 | 64, RegExp]>([
        ["zrenjanin/zr-118", 1, /--unit zrenjanin\/zr-118: \S+ is configured for zrenjanin\/zr-117$/],
        ["zr-117", 64, /--unit zr-117: expected DIRECTORATE\/UNIT, such as zrenjanin\/zr-117$/],
        ["Zrenjanin/ZR-117", 64, /: expected DIRECTORATE\/UNIT, such as/],
        ["zrenjanin/zr-117/x", 64, /: expected DIRECTORATE\/UNIT, such as/],
        ["зрењанин/зр-117", 64, /: expected DIRECTORATE\/UNIT, such as/],
      ]);
      return {
        line: ["enrol", "request", ...car.root, "--out", car.at("x.csr"), "--unit", unit],
        exit,
        says,
      };
    },
  },
  {
    kind: "the request is written over another file",
    times: 4,
    make(car, pick) {
      const name = pick.one([
        "root/identity/unit.key",
        "root/local.yaml",
        "stick/unit.pem",
        "stick/car.patrol",
      ]);
      return {
        line: ["enrol", "request", ...car.root, "--out", car.at(name)],
        exit: 74,
        says: /cannot be written: another file is there, which is no request: choose another name$/,
      };
    },
  },
  {
    kind: "the request is written where nothing can be written, and the car has no key yet",
    times: 3,
    make(car, pick) {
      rmSync(car.inRoot("identity"), { recursive: true });
      const [out, says] = pick.one<[string, RegExp]>([
        [car.at("stick"), /stick cannot be written: it is a folder$/],
        [car.at("none/unit.csr"), /unit\.csr cannot be written: there is no such folder$/],
        [car.at("stick/unit.pem/unit.csr"), /unit\.csr cannot be written: there is no such folder$/],
      ]);
      return { line: ["enrol", "request", ...car.root, "--out", out], exit: 74, says };
    },
  },
  {
    kind: "the car's key was replaced by something else",
    times: 3,
    make(car, pick) {
      writeFileSync(
        car.inRoot("identity/unit.key"),
        pick.one(["notes", KEYS.hq.privatePem, car.read("stick/unit.pem")]),
      );
      return {
        line: ["enrol", "request", ...car.root, "--out", car.at("x.csr")],
        exit: 1,
        says: /unit\.key is (no private|not a P-256) key: remove it to have a new one made$/,
      };
    },
  },
];

import { chmodSync, cpSync, mkdirSync, rmSync } from "node:fs";
import { LOCAL, type Car, type Pick } from "./car.ts";
import type { Mistake, Typed } from "./mistake.ts";

/** Mistakes with the root: its files edited, moved or taken away, another folder, the wrong order. */

const BAD_LOCALS: readonly [string, ...string[]] = [
  LOCAL.replace("unit: {", "unit {"),
  LOCAL.replace("/dev/ttyACM0 }", "/dev/ttyACM0"),
  LOCAL.replace("gps:", "\tgps:"),
  LOCAL.replace("gps:", "gsp:"),
  LOCAL.replace("id: zr-117", "id: ZR 117"),
  LOCAL.replace("id: zr-117", "name: zr-117"),
  LOCAL.replace("port: /dev/ttyACM0", "baud: fast"),
  LOCAL.replace('pin: "80417"', 'pin: "80417'),
  LOCAL.replace("password: ", "password: ["),
  `${LOCAL}unit: { directorate: zrenjanin, id: zr-118 }\n`,
  LOCAL.replace("/dev/ttyACM0", "COM3"),
];
const badLocal = (car: Car, pick: Pick): void =>
  void car.write("root/local.yaml", pick.one(BAD_LOCALS), 0o600);

const onCar = (car: Car, pick: Pick): Typed["line"] =>
  pick.one<Typed["line"]>([
    ["flash", "config", car.at("stick/car.patrol")],
    ["flash", "back"],
    ["flash", "status"],
    ["enrol", "request", "--out", car.at("stick/new.csr")],
    ["enrol", "install", car.at("stick/unit.pem"), "--ca", car.ca.at("ca.pem")],
  ]);

export const ROOTS: readonly Mistake[] = [
  {
    kind: "local.yaml was edited wrongly, and a bundle is installed",
    times: 11,
    make(car, pick) {
      badLocal(car, pick);
      return {
        line: ["flash", "config", car.at("stick/car.patrol"), ...car.root],
        exit: 78,
        says: /is refused: .*local\.yaml:\d+:\d+: .*expected /,
      };
    },
  },
  {
    kind: "local.yaml was edited wrongly, and is checked",
    times: 11,
    make(car, pick) {
      badLocal(car, pick);
      return {
        line: ["check", ...car.root],
        exit: 78,
        says: /^\S+local\.yaml:\d+:\d+: .*expected /,
        isList: true,
      };
    },
  },
  {
    kind: "--root is a folder that is not there, or a file",
    times: 4,
    make(car, pick) {
      const dir = car.at(pick.one(["rot", "root/current/patrol-unit.yaml", "stick/car.patrol", "root/x/y"]));
      return {
        line: [...onCar(car, pick), "--root", dir],
        exit: 74,
        says: /is not a folder: `patrol-unit init --root \S+` makes a root$/,
      };
    },
  },
  {
    kind: "--root is another folder",
    times: 4,
    make(car, pick) {
      const dir = car.at(pick.one(["stick", "config", "root/configs", "root/identity"]));
      return pick.one<Typed>([
        {
          line: ["flash", "config", car.at("stick/car.patrol"), "--root", dir],
          exit: 1,
          says: /this unit does not trust/,
        },
        { line: ["flash", "back", "--root", dir], exit: 1, says: /there is no previous configuration/ },
        {
          line: ["enrol", "request", "--out", car.at("x.csr"), "--root", dir],
          exit: 64,
          says: /--unit is missing/,
        },
      ]);
    },
  },
  {
    kind: "--root is left out, or given twice",
    times: 2,
    make: (car, pick) =>
      pick.one<Typed>([
        { line: [...onCar(car, pick)], exit: 64, says: /^--root is missing; --help/ },
        {
          line: [...onCar(car, pick), ...car.root, ...car.root],
          exit: 64,
          says: /^--root is given twice; --help/,
        },
      ]),
  },
  {
    kind: "the technician forgot sudo",
    times: 4,
    make(car, pick) {
      chmodSync(car.inRoot("identity"), 0o700);
      return pick.one<Typed>([
        {
          line: ["flash", "config", car.at("stick/car.patrol"), ...car.root],
          exit: 74,
          says: /root.* may not .*sudo/,
          asNobody: true,
        },
        { line: ["flash", "back", ...car.root], exit: 74, says: /root.* may not .*sudo/, asNobody: true },
        {
          line: ["enrol", "request", "--out", "/tmp/never.csr", ...car.root],
          exit: 74,
          says: /root.* may not .*sudo/,
          asNobody: true,
        },
        {
          line: ["enrol", "install", car.at("stick/unit.pem"), ...car.root],
          exit: 74,
          says: /root.* may not .*sudo/,
          asNobody: true,
        },
      ]);
    },
  },
  {
    kind: "the root was copied without its links",
    times: 2,
    make(car, pick) {
      rmSync(car.inRoot("current"));
      cpSync(car.inRoot("configs/2"), car.inRoot("current"), { recursive: true });
      return pick.one<Typed>([
        {
          line: ["flash", "config", car.at("stick/car.patrol"), ...car.root],
          exit: 74,
          says: /root\/current is not a link/,
        },
        { line: ["flash", "back", ...car.root], exit: 74, says: /root\/current is not a link/ },
      ]);
    },
  },
  {
    kind: "flash back, when there is nothing to go back to",
    times: 2,
    make(car, pick) {
      if (pick.int(2) === 0) rmSync(car.inRoot("configs/1"), { recursive: true });
      rmSync(car.inRoot("previous"));
      rmSync(car.inRoot("state.json"));
      return {
        line: ["flash", "back", ...car.root],
        exit: 1,
        says: /^there is no previous configuration to go back to$/,
      };
    },
  },
  {
    kind: "flash on a root without a trusted key",
    times: 1,
    make(car) {
      rmSync(car.inRoot("trust"), { recursive: true });
      return {
        line: ["flash", "config", car.at("stick/car.patrol"), ...car.root],
        exit: 1,
        says: /which this unit does not trust/,
      };
    },
  },
  {
    kind: "check of a folder that is no root, or of what is no configuration",
    times: 6,
    make(car, pick) {
      const [option, name] = pick.one<[string, string]>([
        ["--root", "stick"],
        ["--root", "none"],
        ["--config", "stick/car.patrol"],
        ["--config", "stick"],
        ["--config", "none.yaml"],
        ["--config", "hq/hq.pem"],
      ]);
      return { line: ["check", option, car.at(name)], exit: 78, says: /^\S+:1:1: expected / };
    },
  },
  {
    kind: "a file of the configuration in force was edited by hand",
    times: 3,
    make(car, pick) {
      car.edit(
        "root/configs/2/patrol-unit.yaml",
        "movingS: 6",
        pick.one(["movingS: six", "movngS: 6", "movingS: -6"]),
      );
      return {
        line: ["check", ...car.root],
        exit: 78,
        says: /configs\/2\/patrol-unit\.yaml:\d+:\d+: report\.mov\w+: expected/,
      };
    },
  },
  {
    kind: "the disk has a folder where a file belongs",
    times: 3,
    make(car, pick) {
      const name = pick.one(["local.yaml", "state.json", "identity/unit.key"]);
      rmSync(car.inRoot(name));
      mkdirSync(car.inRoot(name));
      const line = pick.one<Typed["line"]>([["flash", "config", car.at("stick/car.patrol"), ...car.root]]);
      if (name === "identity/unit.key")
        return {
          line: ["enrol", "request", ...car.root, "--out", car.at("x.csr")],
          exit: 74,
          says: /unit\.key: it is a folder, and a file is expected$/,
        };
      return name === "local.yaml"
        ? { line, exit: 78, says: /local\.yaml:1:1: expected .*found a folder/ }
        : { line, exit: 74, says: /state\.json: it is a folder, and a file is expected$/ };
    },
  },
];

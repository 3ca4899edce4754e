import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Content } from "../../../src/bundle/format.ts";
import { DBC } from "../../settings/configuration.ts";
import { configOf, KEYS, type Car, type Pick } from "./car.ts";
import type { Mistake, Typed } from "./mistake.ts";

/** Mistakes with bundles: `flash config FILE`. */

type Bytes = (car: Car, pick: Pick) => Buffer | Promise<Buffer>;
type Expecting = Partial<Ending> & { readonly says: RegExp };
type Ending = Omit<Typed, "line" | "says">;

/** A bundle on the stick that is refused. */
const refused = (kind: string, times: number, bytes: Bytes, { says, ...rest }: Expecting): Mistake => ({
  kind: `a bundle ${kind}`,
  times,
  async make(car, pick) {
    const file = car.write("stick/bad.patrol", await bytes(car, pick));
    const line = new RegExp(`^${file} is refused: .*(?:${says.source})`);
    return { exit: 1, ...rest, line: ["flash", "config", file, ...car.root], says: line };
  },
});
/** A bundle whose files are not valid. */
const invalid = (
  kind: string,
  times: number,
  parts: (car: Car, pick: Pick) => Promise<Buffer>,
  says: RegExp,
) => refused(kind, times, parts, { exit: 78, says });

const NOT_A_BUNDLE = /it is not a bundle, or it is damaged or cut/;
const DAMAGED =
  /it is not a bundle, or it is damaged or cut|its signature is wrong|which this unit does not trust/;
const file = (name: string, text = "x"): Content["files"][number] => ({ name, text });
const CAN =
  "can: { interface: can0, database: car.dbc, signals: { Vehicle.Speed: { from: Drive.Speed } } }\n";
const [PAST, FUTURE] = ["2020-01-01T00:00:00Z", "2199-01-01T00:00:00Z"];

const yamlBomb = (fan: number): string => {
  const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
  const levels = names.map((name, n) =>
    n === 0 ? `a: &a [${"1,".repeat(fan)}]` : `${name}: &${name} [${`*${names[n - 1]},`.repeat(fan)}]`,
  );
  return `${levels.join("\n")}\n`;
};

const TAMPERED: readonly Mistake[] = [
  refused(
    "with one bit changed",
    12,
    async (car, pick) => {
      const bytes = await car.sealed();
      const at = pick.int(bytes.length);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << pick.int(8));
      return bytes;
    },
    { says: DAMAGED },
  ),
  refused(
    "that is cut",
    12,
    async (car, pick) => {
      const bytes = await car.sealed();
      return bytes.subarray(0, pick.int(bytes.length));
    },
    { says: NOT_A_BUNDLE },
  ),
  refused(
    "with something after it",
    6,
    async (car, pick) =>
      Buffer.concat([await car.sealed(), Buffer.from(pick.one(["\n", "\r\n", " ", "\0", "A", "AAAA"]))]),
    { says: DAMAGED },
  ),
  refused(
    "that an editor has saved",
    3,
    async (car, pick) => {
      const text = (await car.sealed()).toString("latin1");
      return pick.one([
        Buffer.from(`\uFEFF${text}`),
        Buffer.from(text, "utf16le"),
        Buffer.from(text.replaceAll(/.{76}/g, "$&\r\n")),
      ]);
    },
    { says: NOT_A_BUNDLE },
  ),
  refused(
    "with the signature of another one",
    2,
    async (car) => {
      const [good, other] = [await car.sealed(), await car.sealed({ version: 9 })].map(String);
      return Buffer.from(`${good?.slice(0, good.lastIndexOf("."))}${other?.slice(other.lastIndexOf("."))}`);
    },
    { says: /its signature is wrong/ },
  ),
  refused("of some larger size", 2, (_, pick) => Buffer.alloc(513 * 1024 + pick.int(4096), "A"), {
    says: /it has \d+ bytes, more than 524288/,
  }),
  refused(
    "with a gzip bomb",
    2,
    (car, pick) => car.forged(gzipSync(Buffer.alloc((5 + pick.int(20)) << 20))),
    {
      says: /its content cannot be unpacked to at most 4194304 bytes/,
    },
  ),
  refused("that is signed, and is no gzip", 2, (car, pick) => car.forged(Buffer.alloc(64, pick.int(256))), {
    says: /its content cannot be unpacked/,
  }),
  refused(
    "of a later format",
    3,
    (car, pick) =>
      car.forged({
        ...car.content(),
        ...pick.one<object>([{ v: 2 }, { type: "firmware" }, { reboot: true }]),
      }),
    { says: /its content has another format than this release reads/ },
  ),
];

const JUDGED: readonly Mistake[] = [
  refused("signed by an unknown key", 2, (car) => car.sealed({}, KEYS.stranger.key), {
    says: /signed by the key \S{12}, which this unit does not trust/,
  }),
  refused("signed by a retired key", 2, (car) => car.sealed({}, KEYS.retired.key), {
    says: /signed by the key \S{12}, which this unit does not trust/,
  }),
  refused("for another unit", 2, (car, pick) => car.sealed({ for: `zrenjanin/zr-${118 + pick.int(99)}` }), {
    says: /it is for zrenjanin\/zr-\d+, and this unit is zrenjanin\/zr-117/,
  }),
  refused(
    "for another directorate",
    3,
    (car, pick) => car.sealed({ for: pick.one(["pancevo/*", "beograd/zr-117", "zrenjanin-2/*"]) }),
    { says: /it is for \S+, and this unit is zrenjanin\/zr-117/ },
  ),
  refused(
    "of the version in force, or a lower one",
    3,
    (car, pick) => car.sealed({ version: 1 + pick.int(2) }),
    {
      says: /version \d is not above version 2, which is in force/,
    },
  ),
  refused("that has expired", 2, (car) => car.sealed({ expires: PAST }), {
    time: "known",
    says: /it expired at 2020-01-01T00:00:00Z/,
  }),
  refused("that is not valid yet", 2, (car) => car.sealed({ notBefore: FUTURE }), {
    time: "known",
    says: /it is valid from 2199-01-01T00:00:00Z on/,
  }),
  refused(
    "with a date, when the clock was never set",
    3,
    (car, pick) =>
      car.sealed(
        pick.one<Partial<Content>>([
          { expires: FUTURE },
          { notBefore: PAST },
          { notBefore: PAST, expires: FUTURE },
        ]),
      ),
    { says: /it has a date, and the time is not known yet: try again when the receiver has a fix/ },
  ),
  refused(
    "that retires the key that signs it",
    2,
    (car, pick) =>
      car.sealed({
        trust: pick.one([
          { add: [], retire: ["hq"] },
          { add: [{ name: "hq", pem: KEYS.stranger.publicPem }], retire: [] },
        ]),
      }),
    { says: /it (retires|replaces) the key hq, which signed it/ },
  ),
];

const CONTENTS: readonly Mistake[] = [
  refused(
    "with a name that leads out of it",
    8,
    (car, pick) =>
      car.forged({
        ...car.content(),
        files: [
          ...car.content().files,
          file(
            pick.one(["../x", "a/../../x", "/etc/x", "a/./x", ".hidden", "a\\..\\x", "a//x", "C:\\x/\\y"]),
          ),
        ],
      }),
    { says: /names of files below the bundle/ },
  ),
  refused(
    "with one file twice",
    2,
    (car, pick) =>
      car.forged({
        ...car.content(),
        files: [
          ...car.content().files,
          ...pick.one([
            [file("a"), file("a")],
            [file("a"), file("a/b")],
          ]),
        ],
      }),
    { says: /each file once/ },
  ),
  invalid(
    "with a YAML bomb",
    2,
    (car, pick) => car.sealed({ files: [file("patrol-unit.yaml", yamlBomb(8 + pick.int(8)))] }),
    /patrol-unit\.yaml:1:1: expected valid YAML/,
  ),
  invalid(
    "with YAML that has an error",
    6,
    (car, pick) =>
      car.sealedWith(pick.one(["can: {\n", 'x: "\n', "\tx: 1\n", "- x\n", "a: b: c\n", "x: [1, 2\n"])),
    /patrol-unit\.yaml:\d+:\d+: expected valid YAML/,
  ),
  invalid(
    "with a DBC that has an error",
    3,
    (car, pick) =>
      car.sealedWith(CAN, [
        file("car.dbc", pick.one([`${DBC}BO_ oops\n`, DBC.replace("16@1", "16@7"), `${DBC} SG_ X 1\n`])),
      ]),
    /car\.dbc:\d+:\d+: expected/,
  ),
  invalid(
    "without a file that it names",
    2,
    (car, pick) => car.sealedWith(pick.one([CAN, "can: { interface: can0, profile: vehicles/car.yaml }\n"])),
    /patrol-unit\.yaml:\d+:\d+: can\.(database|profile): expected .*: no such file/,
  ),
  invalid(
    "with a wrong value",
    5,
    (car, pick) =>
      car.sealed({
        files: [
          file(
            "patrol-unit.yaml",
            pick.one([
              configOf(car.port, -1 - pick.int(9)),
              configOf(car.port, 5).replace("movingS: 5", "movingS: fast"),
              configOf(car.port, 5).replace("mqtts:", "http:"),
              configOf(car.port, 5).replace("movingS", "movigS"),
              configOf(car.port, 5).replace("loop: 0", "loop: 99"),
            ]),
          ),
        ],
      }),
    /patrol-unit\.yaml:\d+:\d+: \S+: expected /,
  ),
  invalid(
    "without a broker",
    1,
    (car) =>
      car.sealed({ files: [file("patrol-unit.yaml", configOf(car.port, 5).replace(/dispatch:.*\n/, ""))] }),
    /dispatch/,
  ),
  invalid(
    "without a configuration",
    1,
    (car) => car.sealed({ files: [file("notes.txt")] }),
    /patrol-unit\.yaml:1:1: expected a configuration file/,
  ),
];

/** What is given instead of a bundle. */
const OTHER_FILES: readonly Mistake[] = [
  {
    kind: "another file of the stick is given for the bundle",
    times: 5,
    make(car, pick) {
      const name = pick.one([
        "stick/unit.csr",
        "stick/unit.pem",
        "hq/hq.pub.pem",
        "config/patrol-unit.yaml",
        "hq/hq.pem",
      ]);
      return {
        line: ["flash", "config", car.at(name), ...car.root],
        exit: 1,
        says: /is refused: it is not a bundle, or it is damaged or cut$/,
      };
    },
  },
  {
    kind: "a bundle was renamed",
    times: 3,
    make(car, pick) {
      renameSync(
        car.at("stick/car.patrol"),
        car.at(pick.one(["stick/car.patrol.txt", "stick/CAR.PAT", "stick/car (1).patrol"])),
      );
      return {
        line: ["flash", "config", car.at("stick/car.patrol"), ...car.root],
        exit: 74,
        says: /car\.patrol cannot be read: there is no such file$/,
      };
    },
  },
  {
    kind: "a folder is given for the bundle",
    times: 2,
    make: (car, pick) => ({
      line: ["flash", "config", car.at(pick.one(["stick", "config"])), ...car.root],
      exit: 74,
      says: /cannot be read: it is a folder$/,
    }),
  },
  {
    kind: "a link that leads nowhere or to itself is given for the bundle",
    times: 2,
    make(car, pick) {
      symlinkSync(pick.one(["nothing", "loop.patrol"]), car.at("stick/loop.patrol"));
      return {
        line: ["flash", "config", car.at("stick/loop.patrol"), ...car.root],
        exit: 74,
        says: /loop\.patrol cannot be read: (there is no such file|its links lead in a circle)$/,
      };
    },
  },
  {
    kind: "a device is given for the bundle",
    times: 2,
    make: (car, pick) => ({
      line: ["flash", "config", pick.one(["/dev/zero", "/dev/null"]), ...car.root],
      exit: 74,
      says: /cannot be read: it is not a regular file$/,
    }),
  },
  {
    kind: "an image of a whole disk is given for the bundle",
    times: 2,
    make(car, pick) {
      const image = car.write("stick/disk.img", "");
      truncateSync(image, (3 + pick.int(60)) * 2 ** 20);
      return {
        line: ["flash", "config", image, ...car.root],
        exit: 1,
        says: /is refused: it has \d+ bytes, more than 524288$/,
      };
    },
  },
  {
    kind: "the file is not given, or two are",
    times: 3,
    make(car, pick) {
      const files = pick.one([[], [""], [car.at("stick/1.patrol"), car.at("stick/car.patrol")]]);
      return {
        line: ["flash", "config", ...files, ...car.root],
        exit: 64,
        says: /the bundle FILE is missing; --help|car\.patrol" is not expected here; --help/,
      };
    },
  },
  {
    kind: "the key of headquarters is not in the trust folder, or is not one that can be used",
    times: 4,
    make(car, pick) {
      rmSync(car.inRoot("trust/hq.pem"));
      const wrong = pick.one(["nothing", "private", "certificate", "folder"] as const);
      const why = {
        nothing: /\/trust has no key: copy headquarters' public key there$/,
        private:
          /\/trust\/hq\.pem cannot be used: it is a private key: a unit must hold only the public one$/,
        certificate: /\/trust\/hq\.pem cannot be used: it is not an Ed25519 key$/,
        folder: /\/trust\/hq\.pem is a folder$/,
      }[wrong];
      if (wrong === "private") car.write("root/trust/hq.pem", KEYS.hq.privatePem);
      if (wrong === "certificate") car.write("root/trust/hq.pem", car.read("stick/unit.pem"));
      if (wrong === "folder") mkdirSync(car.inRoot("trust/hq.pem"));
      return {
        line: ["flash", "config", car.at("stick/car.patrol"), ...car.root],
        exit: 1,
        says: new RegExp(`signed by the key \\S{12}, which this unit does not trust; .*${why.source}`),
      };
    },
  },
];

export const BUNDLES: readonly Mistake[] = [...TAMPERED, ...JUDGED, ...CONTENTS, ...OTHER_FILES];

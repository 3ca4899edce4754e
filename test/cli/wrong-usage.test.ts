import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { board } from "../../src/cli/board.ts";
import { check } from "../../src/cli/check.ts";
import { decode } from "../../src/cli/decode.ts";
import { demo } from "../../src/cli/demo.ts";
import { doctor } from "../../src/cli/doctor.ts";
import { dispatch } from "../../src/cli/dispatch.ts";
import { CommandError, type Command } from "../../src/cli/lib/command.ts";
import { outbox } from "../../src/cli/outbox.ts";
import { record } from "../../src/cli/record.ts";
import { replay } from "../../src/cli/replay.ts";
import { run } from "../../src/cli/run.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wrong-usage-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a command says of its arguments, and its exit code. */
const said = async (line: readonly string[]): Promise<object> => {
  const [name = "", ...args] = line;
  try {
    return { exit: await COMMANDS[name]?.run(args) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { exit: error.exit, line: error.message };
  }
};

const COMMANDS: Readonly<Record<string, Command>> = {
  board,
  check,
  decode,
  demo,
  dispatch,
  doctor,
  outbox,
  record,
  replay,
  run,
};
const BROKER = ["dispatch", "--broker", "mqtts://127.0.0.1:1"];
const PREFIX = "expected topic levels without wildcards, such as patrol/v1";
const TARGET = "expected sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE";
const NAME = "expected letters a-z, digits and -, at most 32";
const INSTANT = "expected an instant such as 2026-11-24T08:00:00Z";
const SPEED = "expected a number above 0, or max";

describe("wrong usage exits 64 with one line, before anything is opened", () => {
  test.each([
    ["run", "--config or --root is missing; --help lists the options"],
    ["check --config a --root b", "--config and --root: give one of them"],
    ["outbox stats --path a --root b", "expected --config FILE, --root DIR or --path FOLDER"],
    ["run --config a --config b", "--config is given twice; --help lists the options"],
    ["check --config a --json --json", "--json is given twice; --help lists the options"],
    ["replay --config a --nmea b --speed 1e400", `--speed 1e400: ${SPEED}`],
    ["replay --config a --nmea b --speed 0x10", `--speed 0x10: ${SPEED}`],
    ["replay --config a --nmea b --speed Infinity", `--speed Infinity: ${SPEED}`],
    ["demo --speed 0.0", "--speed 0.0: expected a number above 0"],
    ["demo --speed max", "--speed max: expected a number above 0"],
    ["demo --speed 5", "--speed needs --terminal: on the page everything has its own pace"],
    ["board", "expected show or calibrate after board"],
    ["board calibrate --config a", "expected --mv with the supply in millivolts, or --forget"],
    ["board calibrate --config a --mv 5.02", "--mv 5.02: expected 4300 to 5500 millivolts: is it 5020?"],
    ["board calibrate --config a --mv 5", "--mv 5: expected 4300 to 5500 millivolts: is it 5000?"],
    ["board calibrate --config a --mv 4299", "--mv 4299: expected 4300 to 5500 millivolts"],
    ["board calibrate --config a --mv 12000", "--mv 12000: expected 4300 to 5500 millivolts"],
    ["board calibrate --config a --mv 5000 --forget", "--mv and --forget: choose one"],
    ["board show --config a --mv 5000", "--mv and --forget are options of calibrate"],
    ["outbox stats --path=", "--path needs a value; --help lists the options"],
    ["outbox stats --path a --format gpx", "--format is an option of export"],
    ["outbox verify --path a --format ndjson", "--format is an option of export"],
    ["outbox export --path a --format gpx --json", "--json and --format gpx: choose one"],
    ["decode --nmea a --database b", "--database is an option of --can"],
    ["decode --nmea a --raw", "--raw is an option of --can"],
    ["decode --nmea a --labels", "--labels is an option of --can"],
    ["record --into sqlite:a", "--broker is missing; --help lists the options"],
    ["record --broker mqtt://a", "--into is missing; --help lists the options"],
    [
      "record --broker http://a --into sqlite:a",
      "--broker http://a: expected mqtt://host:port or mqtts://host:port",
    ],
    ["record --broker mqtt://a --into a.db", `--into a.db: ${TARGET}`],
    ["record --broker mqtt://a --into sqlite:", `--into sqlite:: ${TARGET}`],
    [
      "record --broker mqtt://a --into sqlite:a --units #",
      "--units #: expected *, zrenjanin/* or zrenjanin/zr-117",
    ],
    ["record --broker mqtt://a --into sqlite:a --name A", `--name A: ${NAME}`],
    ["record --broker mqtt://a --into sqlite:a --key k", "--cert and --key: give both or neither"],
    ["record track --into sqlite:a", "--unit is missing; --help lists the options"],
    ["record track --into sqlite:a --unit a/b --from x", `--from x: ${INSTANT}`],
    ["record track --into sqlite:a --unit a/b --format kml", "--format kml: expected ndjson or gpx"],
    [
      "record track --into sqlite:a --unit a/b --episode e --to 2026-01-01",
      "--episode and --from, --to: choose one",
    ],
    ["record import --into sqlite:a", "expected the file of `outbox export`; --help lists the options"],
    ["record migrate --into sqlite:a", "--into: expected postgres://…; a SQLite file needs no preparation"],
  ])("%s", async (args, line) => {
    expect(await said(args.split(" "))).toEqual({ exit: 64, line });
  });

  test.each([
    [["--prefix", "#"], `--prefix #: ${PREFIX}`],
    [["--prefix", "a/+"], `--prefix a/+: ${PREFIX}`],
    [["--prefix", "a/"], `--prefix a/: ${PREFIX}`],
    [["--prefix", ""], "--prefix needs a value; --help lists the options"],
    [["--cert", "a"], "--cert and --key: give both or neither"],
    [["--key", "a"], "--cert and --key: give both or neither"],
    [["--password", "a"], "--password needs --username"],
  ])("dispatch %j", async (args, line) => {
    expect(await said([...BROKER, ...args])).toEqual({ exit: 64, line });
  });
});

test("a folder with the files of other programs is no outbox", async () => {
  const foreign = join(folder, "logs");
  mkdirSync(foreign);
  for (const name of ["system.log", "LOG", "notes.ldb.txt"]) writeFileSync(join(foreign, name), "foreign");
  await expect(said(["outbox", "stats", "--path", foreign])).rejects.toMatchObject({
    code: "STORE",
    message: `${foreign} is no outbox: nothing of a LevelDB is in it, and no ${foreign}.vital beside it`,
  });
});

test.each(["run", "check", "doctor", "replay --nmea a", "outbox stats"])(
  "%s does not wait for a configuration that is a pipe",
  async (line) => {
    const pipe = join(folder, `${line.replaceAll(" ", "-")}.yaml`);
    execFileSync("mkfifo", [pipe]);
    expect(await said([...line.split(" "), "--config", pipe])).toEqual({
      exit: 74,
      line: `${pipe} cannot be read: it is not a regular file`,
    });
  },
);

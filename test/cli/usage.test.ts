import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { board } from "../../src/cli/board.ts";
import { bundle } from "../../src/cli/bundle.ts";
import { check } from "../../src/cli/check.ts";
import { commission } from "../../src/cli/commission.ts";
import { decode } from "../../src/cli/decode.ts";
import { enrol } from "../../src/cli/enrol.ts";
import { flash } from "../../src/cli/flash.ts";
import { demo } from "../../src/cli/demo.ts";
import { dispatch } from "../../src/cli/dispatch.ts";
import { doctor } from "../../src/cli/doctor.ts";
import { drill } from "../../src/cli/drill.ts";
import { init } from "../../src/cli/init.ts";
import { outbox } from "../../src/cli/outbox.ts";
import { record } from "../../src/cli/record.ts";
import { replay } from "../../src/cli/replay.ts";
import { run } from "../../src/cli/run.ts";
import { status } from "../../src/cli/status.ts";
import { usageFault, withNegatives } from "../../src/runtime/usage.ts";

const CONFIG = { config: { type: "string" }, speed: { type: "string" }, json: { type: "boolean" } } as const;

test.each([
  [["--confg", "x"], "there is no option --confg: is it --config?; --help lists the options"],
  [["--frobnicate"], "there is no option --frobnicate; --help lists the options"],
  [["-j"], "there is no option -j; --help lists the options"],
  [["--config"], "--config needs a value; --help lists the options"],
  [["--config", "--json"], "--config needs a value; --help lists the options"],
  [["--json=yes"], "--json takes no value; --help lists the options"],
  [["car.yaml"], '"car.yaml" is not expected here; --help lists the options'],
])("%j: %s", (args, words) => {
  expect(usageFault(args, CONFIG)).toBe(words);
});

test("values that begin with a dash are values: a number below 0, the standard input", () => {
  expect(withNegatives(["--speed", "-1", "--json"], CONFIG)).toEqual(["--speed=-1", "--json"]);
  for (const args of [["--speed=-1"], ["--config", "-"], ["--config", "a", "--json"]])
    expect(usageFault(args, CONFIG)).toBeUndefined();
});

test.each([
  board,
  bundle,
  check,
  commission,
  decode,
  demo,
  dispatch,
  doctor,
  drill,
  enrol,
  flash,
  init,
  outbox,
  record,
  replay,
  run,
  status,
])("the help of a command fits 100 columns: $summary", ({ usage }) => {
  expect(usage.split("\n").filter((line) => line.length > 100)).toEqual([]);
});

describe("the command line", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "usage-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };
  const program = (...args: string[]): Promise<Ended> =>
    new Promise((resolve) => {
      execFile(process.execPath, ["src/main.ts", ...args], (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });

  test("-h is --help, of the program and of a command", async () => {
    const whole = await program("-h");
    expect(whole.code).toBe(0);
    expect(whole.stdout).toContain("Usage: patrol-unit");
    const command = await program("status", "-h");
    expect(command.code).toBe(0);
    expect(command.stdout).toContain("patrol-unit status");
  });

  test("an unknown command names the nearest one", async () => {
    expect(await program("stauts")).toEqual({
      code: 64,
      stdout: "",
      stderr: 'there is no command "stauts": is it status?; --help lists them\n',
    });
  });

  test("a speed below 0 is refused with what is expected", async () => {
    const { code, stderr } = await program("demo", "--speed", "-1");
    expect(stderr).toBe("--speed -1: expected a number above 0\n");
    expect(code).toBe(64);
  });

  test("a missing file is named without the words of the system", async () => {
    const file = join(folder, "none.nmea");
    expect(await program("decode", "--nmea", file)).toEqual({
      code: 74,
      stdout: "",
      stderr: `${file} cannot be read: there is no such file\n`,
    });
    const config = await program("check", "--config", file);
    expect(config.stderr).not.toContain("ENOENT");
    expect(config.code).toBe(78);
  });

  test("decode accepts --json, and prints the same as without", async () => {
    const nmea = join(folder, "car.nmea");
    writeFileSync(nmea, "$GPRMC,085823.12,A,4512.000,N,01937.000,E,0.0,,221126,,,A*7D\r\n");
    const dbc = join(folder, "car.dbc");
    writeFileSync(dbc, 'BO_ 256 Drive: 8 A\n SG_ Speed : 0|16@1+ (0.01,0) [0|0] "km/h" A\n');
    const log = join(folder, "bus.log");
    writeFileSync(log, "(1.0) can0 100#E803000000000000\n");
    for (const args of [
      ["--nmea", nmea],
      ["--can", log, "--database", dbc],
    ]) {
      const plain = await program("decode", ...args);
      expect(plain.code, plain.stderr).toBe(0);
      expect(JSON.parse(plain.stdout)).toEqual(expect.any(Object));
      expect(await program("decode", ...args, "--json")).toEqual(plain);
    }
  });

  test("decode says if a file has no NMEA", async () => {
    const file = join(folder, "car.log");
    writeFileSync(file, "(1.0) can0 100#00\n");
    const { code, stdout, stderr } = await program("decode", "--nmea", file);
    expect(stderr).toContain(`${file} has no NMEA sentence: is it a recording?`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  });

  test("check --json prints the faults as one line of JSON, and exits as without", async () => {
    const file = join(folder, "car.yaml");
    writeFileSync(file, "unit: { directorate: zrenjanin, id: zr-117 }\ngps: { prt: /dev/null }\n");
    const { code, stdout, stderr } = await program("check", "--config", file, "--json");
    expect({ code, stderr }).toEqual({ code: 78, stderr: "" });
    const said = JSON.parse(stdout) as { valid: boolean; faults: { path: string }[] };
    expect(said.valid).toBe(false);
    expect(said.faults).toContainEqual(
      expect.objectContaining({ file, line: 2, path: "gps.prt", code: "unknown-key" }),
    );
  });
});

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { epoch, waitFor } from "./car.ts";
import { openDispatch } from "./dispatch.ts";
import { startMosquitto } from "./mosquitto.ts";

type Ended = { code: number | null; stdout: string; stderr: string };
/** Runs a command to its end; one that would not end is asked to with SIGINT after `ms`. */
const run = (args: readonly string[], program = "src/main.ts", ms = 30_000): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], (_, stdout, stderr) => {
      clearTimeout(timer);
      resolve({ code: child.exitCode, stdout, stderr });
    });
    const timer = setTimeout(() => child.kill("SIGINT"), ms);
  });

const folder = mkdtempSync(join(tmpdir(), "commands-"));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

describe.each(["src/main.ts", "dist/patrol-unit.mjs"])("%s", (program) => {
  test.each([
    [["--help"], 0],
    [["--version"], 0],
    [["run", "--help"], 0],
    [[], 64],
    [["fly"], 64],
    [["check"], 64],
    [["check", "--confg", "x"], 64],
    [["decode", "--nmea", "/does/not/exist"], 74],
    [["check", "--config", "/does/not/exist"], 78],
    [["status", "--address", "127.0.0.1:1"], 69],
    [["dispatch", "--broker", "mqtt://127.0.0.1:1"], 69],
  ])("%j exits with %i and one readable line", async (args, code) => {
    const ended = await run(args, program);
    expect(ended.code, ended.stderr).toBe(code);
    if (code >= 64 && args.length > 0) {
      expect(ended.stderr.trim().split("\n")).toHaveLength(1);
      expect(ended.stderr).not.toMatch(/\n\s+at /);
    }
  });

  test("decode prints every fix, and the counts last on stderr", async () => {
    const nmea = file("two.nmea", `${epoch(0)}${epoch(1)}$GPRMC,broken*00\r\n`);
    const { stdout, stderr, code } = await run(["decode", "--nmea", nmea], program);
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { at: string }).at),
    ).toEqual(["2026-11-24T08:00:00.000Z", "2026-11-24T08:00:00.100Z"]);
    expect(JSON.parse(stderr)).toEqual({ sentences: 4, fixes: 2, rejected: { checksum: 1 } });
  });
});

describe("check and run on a faulty configuration", () => {
  const valid = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/none }
panic: none
dispatch: { brokers: ["mqtts://a:8883"] }
`;

  test("check prints every fault, those of profile and signal map too, and exits with 78", async () => {
    file("van.dbc", 'BO_ 256 Drive: 8 X\n SG_ Speed : 0|16@1+ (0.1,0) [0|250] "km/h" X\n');
    file("van.yaml", "database: van.dbc\nsignals: { Vehicle.Speed: { from: Drive.Sped } }\n");
    const config = file(
      "faulty.yaml",
      `${valid}report: { movingS: -1 }\ncan: { interface: can0, profile: van.yaml }\n`,
    );
    const { code, stderr, stdout } = await run(["check", "--config", config]);
    expect(code).toBe(78);
    expect(stdout).toBe("");
    expect(stderr.trim().split("\n")).toEqual([
      expect.stringMatching(/faulty.yaml:5:20: report.movingS: expected .*, found -1$/) as string,
      expect.stringMatching(
        /van.yaml:2:12: signals.Vehicle.Speed: expected .*did you mean "Speed"\?$/,
      ) as string,
    ]);
  });

  test("check only warns of a database that is not there yet", async () => {
    const signals = "signals: { Vehicle.Speed: { from: Drive.Speed } }";
    const config = file("later.yaml", `${valid}can: { interface: can0, database: later.dbc, ${signals} }\n`);
    const { code, stderr } = await run(["check", "--config", config]);
    expect(stderr).toMatch(/^warning: .*later.yaml:5:35: can.database: expected .*no such file\n$/);
    expect(code).toBe(0);
  });

  test.each([
    [
      "left out",
      valid.replace("panic: none\n", ""),
      /^warning: panic: no button of this car works: add a panic block, or write panic: none\n$/,
    ],
    ["none", valid, /^$/],
  ])("check warns if no button works and nobody has said so: panic %s", async (name, text, words) => {
    const { code, stdout, stderr } = await run(["check", "--config", file(`panic-${name}.yaml`, text)]);
    expect(stderr).toMatch(words);
    expect(stdout).toMatch(/: valid\n$/);
    expect(code).toBe(0);
  });

  test.each([
    ["no identity", valid.replace(/unit: .*/, "")],
    ["no broker", valid.replace("mqtts", "mqtt")],
    ["no YAML", "unit: ["],
  ])("run with %s exits with 78 and says why", async (_, text) => {
    const { code, stderr } = await run(["run", "--config", file("fatal.yaml", text)]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/^\S+fatal.yaml:\d+:\d+: .*expected/);
  });
});

test("replay delivers a recording and ends by itself", async () => {
  await using broker = await startMosquitto();
  await broker.start();
  await using dispatch = await openDispatch(broker.url);
  const nmea = file("drive.nmea", Array.from({ length: 300 }, (_, n) => epoch(n)).join(""));
  const config = file(
    "replay.yaml",
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/none }
panic: none
report: { movingS: 0 }
dispatch: { brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true }
outbox: { path: ${join(folder, "replay-outbox")} }
status: { listen: "127.0.0.1:0" }
`,
  );
  const begun = performance.now();
  const { code, stderr } = await run(["replay", "--config", config, "--nmea", nmea, "--speed", "10"]);
  expect(code, stderr).toBe(0);
  // 300 epochs at 10 Hz, ten times as fast.
  expect(performance.now() - begun).toBeGreaterThan(2900);
  expect(dispatch.positions()).toHaveLength(300);
  expect(dispatch.missing()).toEqual([]);
});

describe("replay of what is no recording ends with 1 before anything is sent", () => {
  const CAR = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/none }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1:1"], allowPlaintext: true }
can: { interface: can0, database: bus.dbc, signals: { Vehicle.Speed: { from: Drive.Speed } } }
`;
  test.each([
    ["--nmea", "NMEA sentence"],
    ["--can", "candump line"],
  ])("%s", async (option, what) => {
    file("bus.dbc", 'BO_ 256 Drive: 8 X\n SG_ Speed : 0|16@1+ (0.1,0) [0|250] "km/h" X\n');
    const text = file("text.md", "# A car\n\nIts software.\n");
    const outbox = join(folder, `no-recording${option}`);
    const config = file("no-recording.yaml", `${CAR}outbox: { path: ${outbox} }\n`);
    const { code, stdout, stderr } = await run(["replay", "--config", config, option, text]);
    expect(stderr).toBe(`${text} has no ${what}: is it a recording?\n`);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(existsSync(outbox)).toBe(false);
  });
});

test("replay and decode name a line that is not a candump line in the same words", async () => {
  await using broker = await startMosquitto();
  await broker.start();
  await using dispatch = await openDispatch(broker.url);
  const dbc = file("words.dbc", 'BO_ 256 Drive: 8 X\n SG_ Speed : 0|16@1+ (0.1,0) [0|250] "km/h" X\n');
  const log = file("words.log", "(1.0) can0 100#E803\nrubbish\n(1.1) can0 100#E903\nrubbish\n");
  const config = file(
    "words.yaml",
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/none }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true }
can: { interface: can0, database: words.dbc, signals: { Vehicle.Speed: { from: Drive.Speed } } }
outbox: { path: words-outbox }
status: { listen: "127.0.0.1:0" }
`,
  );
  const words = `${log}:2: expected "(seconds) interface id#data", and 1 more line like it\n`;
  const decoded = await run(["decode", "--can", log, "--database", dbc]);
  expect(decoded.stderr.startsWith(words), decoded.stderr).toBe(true);
  const replayed = await run(["replay", "--config", config, "--can", log, "--speed", "max"]);
  expect(replayed).toMatchObject({ code: 0, stderr: words });
  expect(dispatch.missing()).toEqual([]);
});

test("the demo shows a drive and stops clean", async () => {
  const { stdout, stderr, code } = await run(
    ["demo", "--terminal", "--speed", "100"],
    "dist/patrol-unit.mjs",
    6000,
  );
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/ONLINE/);
  expect(stdout.match(/position/g)!.length).toBeGreaterThan(10);
  expect(stdout).toMatch(/OFFLINE: SIGINT/);
});

test("the demo's keys work as capitals, and an answer to nothing says so", async () => {
  const child = spawn(process.execPath, ["src/main.ts", "demo", "--terminal", "--speed", "20"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  let out = "";
  child.stdout.on("data", (text) => (out += String(text)));
  const ended = once(child, "exit");
  await waitFor("the lamp", () => out.includes("the lamp shows: idle"));
  expect(out).toContain("runs 20 times as fast");
  child.stdin.write("A");
  await waitFor("the answer to nothing", () => out.includes("no emergency is open: press p first"));
  child.stdin.write("P");
  await waitFor("the press", () => out.includes("the lamp shows: sent"));
  child.stdin.write("Q");
  expect(await ended).toEqual([0, null]);
});

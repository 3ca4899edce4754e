import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { startLiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { generateKeys } from "../../src/bundle/keys.ts";
import { check } from "../../src/cli/check.ts";
import { init } from "../../src/cli/init.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { inForce, loadConfiguration } from "../../src/settings/load.ts";
import { rootAt } from "../../src/settings/root.ts";
import { epoch } from "../journeys/car.ts";
import { Authority } from "./authority.ts";
import { inFolder } from "./in-folder.ts";

const folder = inFolder((dir) => {
  mkdirSync(join(dir, "none"));
  writeFileSync(join(dir, "hq.pub.pem"), generateKeys(undefined).publicPem);
});

const root = () => join(folder.dir, "root");
const IDENTITY = ["--directorate", "zrenjanin", "--unit", "zr-117"];
const BROKERS = ["--brokers", "mqtts://dispatch-a:8883, mqtts://dispatch-b:8883"];
const DEVICES = ["--gps", "/dev/ttyACM0", "--panic", "/dev/ttyUSB0"];
const run = (...args: string[]) => {
  const devices = args.includes("--devices") ? [] : ["--devices", join(folder.dir, "none")];
  return folder.run(init, ["--root", root(), ...devices, ...args]);
};

describe("init", () => {
  test("lays out a root by options alone, with a configuration that check accepts", async () => {
    const { exit, line } = await run(
      ...IDENTITY,
      ...BROKERS,
      ...DEVICES,
      "--trust",
      join(folder.dir, "hq.pub.pem"),
    );
    expect(line).toContain(`${root()} is laid out for zrenjanin/zr-117`);
    expect(exit).toBe(0);
    const { settings, faults } = loadConfiguration(inForce(rootAt(root())));
    expect(faults).toEqual([]);
    expect(settings).toMatchObject({
      unit: { directorate: "zrenjanin", id: "zr-117" },
      gps: { port: "/dev/ttyACM0", baud: 9600 },
      panic: { port: "/dev/ttyUSB0", buttons: { dash: { loop: 0 }, boot: { loop: 1 } } },
      dispatch: { brokers: ["mqtts://dispatch-a:8883", "mqtts://dispatch-b:8883"] },
      outbox: { path: join(root(), "outbox") },
    });
    expect(await check.run(["--root", root()])).toBe(0);
  });

  test("keeps what belongs to the car in local.yaml, which only its owner may read", async () => {
    await run(...IDENTITY, ...BROKERS, ...DEVICES, "--baud", "115200");
    expect(statSync(join(root(), "local.yaml")).mode & 0o777).toBe(0o600);
    const local = readFileSync(join(root(), "local.yaml"), "utf8");
    expect(local).toContain('gps: { port: "/dev/ttyACM0", baud: 115200 }');
    expect(local).toContain('unit: { directorate: "zrenjanin", id: "zr-117" }');
    const shared = readFileSync(join(root(), "current/patrol-unit.yaml"), "utf8");
    expect(shared).not.toMatch(/zr-117|ttyACM0|ttyUSB0/);
  });

  test("trusts the key of --trust by the name of its file", async () => {
    await run(...IDENTITY, ...BROKERS, ...DEVICES, "--trust", join(folder.dir, "hq.pub.pem"));
    expect(readdirSync(join(root(), "trust"))).toEqual(["hq.pem"]);
  });

  test("copies the CA, and a vehicle profile with its database", async () => {
    using authority = new Authority();
    const { exit } = await run(
      ...IDENTITY,
      ...BROKERS,
      ...DEVICES,
      "--ca",
      authority.at("ca.pem"),
      "--can",
      "can0",
      "--profile",
      "config/vehicles/toyota-rav4.yaml",
    );
    expect(exit).toBe(0);
    const { settings, mapping } = loadConfiguration(inForce(rootAt(root())));
    expect(settings.can?.database).toBe(join(root(), "configs/0/vehicles/toyota-rav4.dbc"));
    expect(mapping?.signals.length).toBeGreaterThan(0);
    expect(readFileSync(settings.dispatch.ca ?? "")).toEqual(readFileSync(authority.at("ca.pem")));
  });

  test("with a CA that the link could not use is refused, and nothing is written", async () => {
    writeFileSync(join(folder.dir, "ca.pem"), "no PEM");
    expect(await run(...IDENTITY, ...BROKERS, ...DEVICES, "--ca", join(folder.dir, "ca.pem"))).toEqual({
      exit: 1,
      line: `--ca ${join(folder.dir, "ca.pem")}: expected the certificate of a CA in PEM, without a private key`,
    });
    expect(existsSync(root())).toBe(false);
  });

  test("of a root that is laid out is refused, and nothing changes", async () => {
    await run(...IDENTITY, ...BROKERS, ...DEVICES);
    const before = readFileSync(join(root(), "local.yaml"), "utf8");
    expect(await run("--unit", "zrenjanin/zr-1", ...BROKERS, ...DEVICES)).toEqual({
      exit: 1,
      line: `${root()} is laid out already: change it with \`flash config\``,
    });
    expect(readFileSync(join(root(), "local.yaml"), "utf8")).toBe(before);
  });

  test("of a root that is laid out is refused before anything is asked", async () => {
    await run(...IDENTITY, ...BROKERS, ...DEVICES);
    expect(await run()).toMatchObject({
      exit: 1,
      line: `${root()} is laid out already: change it with \`flash config\``,
    });
  });

  test("of a car without a panic board says so in local.yaml, so that a bundle of the fleet fits it", async () => {
    await run(...IDENTITY, ...BROKERS, "--gps", "/dev/ttyACM0", "--panic", "none");
    expect(readFileSync(join(root(), "local.yaml"), "utf8")).toContain("panic: none");
    const { settings, faults } = loadConfiguration(inForce(rootAt(root())));
    expect({ panic: settings.panic, faults }).toEqual({ panic: "none", faults: [] });
  });

  test("accepts a plaintext broker, which is for a bench", async () => {
    await run(...IDENTITY, "--brokers", "mqtt://127.0.0.1:1883", ...DEVICES);
    expect(loadConfiguration(inForce(rootAt(root()))).faults).toEqual([]);
  });

  test("prints what it found and chose as JSON", async () => {
    const { line } = await run(
      ...IDENTITY,
      ...BROKERS,
      "--gps",
      "tcp://10.0.0.1:2947",
      "--panic",
      "none",
      "--json",
    );
    expect(JSON.parse(line)).toEqual({
      root: root(),
      unit: "zrenjanin/zr-117",
      gps: { port: "tcp://10.0.0.1:2947", baud: 9600 },
      panic: "none",
      can: null,
      trust: null,
      devices: [],
      buses: expect.any(Array),
    });
  });
});

describe("without a terminal a missing or wrong answer names its option, and nothing is written:", () => {
  const NO = "is missing, and there is no terminal to ask; --help lists the options";
  test.each<[string, string[], number, string]>([
    ["the directorate", BROKERS, 64, `--directorate ${NO}`],
    ["the unit", ["--directorate", "zrenjanin", ...BROKERS], 64, `--unit ${NO}`],
    ["the brokers", IDENTITY, 64, `--brokers ${NO}`],
    ["the receiver", [...IDENTITY, ...BROKERS, "--panic", "none"], 64, `--gps ${NO}`],
    ["the board", [...IDENTITY, ...BROKERS, "--gps", "/dev/a"], 64, `--panic ${NO}`],
    [
      "a wrong unit",
      ["--unit", "Zr 117", "--directorate", "zrenjanin"],
      64,
      "--unit Zr 117: expected 1 to 32 of a-z, 0-9 and -",
    ],
    [
      "a unit of another directorate",
      ["--unit", "pancevo/pa-1", "--directorate", "zrenjanin"],
      64,
      "--unit pancevo/pa-1: expected a unit of zrenjanin",
    ],
    [
      "a wrong broker",
      [...IDENTITY, "--brokers", "http://a"],
      64,
      "--brokers http://a: expected mqtts://host:port, with commas between several",
    ],
    [
      "a wrong port",
      [...IDENTITY, ...BROKERS, "--gps", "ACM0"],
      64,
      "--gps ACM0: expected a tty such as /dev/ttyACM0 or tcp://host:port",
    ],
    [
      "a bus without a profile",
      [...IDENTITY, ...BROKERS, ...DEVICES, "--can", "can0"],
      64,
      "--profile is missing: the bus needs an interface and a vehicle profile",
    ],
  ])("%s", async (_, args, exit, line) => {
    expect(await run(...args)).toEqual({ exit, line });
    expect(readdirSync(folder.dir)).not.toContain("root");
  });

  test("a key that is none", async () => {
    writeFileSync(join(folder.dir, "hq.pem"), generateKeys(undefined).privatePem);
    const { exit, line } = await run(
      ...IDENTITY,
      ...BROKERS,
      ...DEVICES,
      "--trust",
      join(folder.dir, "hq.pem"),
    );
    expect({ exit, line }).toEqual({
      exit: 1,
      line: `--trust ${join(folder.dir, "hq.pem")}: it is a private key: a unit must hold only the public one`,
    });
  });
});

test("init finds the receiver and the panic board by listening to them", async () => {
  const devices = join(folder.dir, "by-id");
  mkdirSync(devices);
  using gps = openSerialLine(join(devices, "usb-receiver"));
  using _board = startLiveBoard({
    link: join(devices, "usb-board"),
    image: releasedImage(),
    onLight: () => undefined,
  });
  using _silent = openSerialLine(join(devices, "usb-silent"));
  let n = 0;
  const sending = setInterval(() => void gps.write(epoch(10 * n++)), 500);
  const { exit, line } = await run(...IDENTITY, ...BROKERS, "--devices", devices, "--json");
  clearInterval(sending);
  expect(exit).toBe(0);
  expect(JSON.parse(line)).toMatchObject({
    gps: { port: join(devices, "usb-receiver"), baud: 9600 },
    panic: { port: join(devices, "usb-board") },
    devices: [
      {
        path: join(devices, "usb-board"),
        heard: { kind: "board", ours: true, firmware: expect.stringMatching(/^patrol-panic 1\.\d$/) },
      },
      { path: join(devices, "usb-receiver"), heard: { kind: "nmea", talkers: ["GP"], fix: "3d" } },
      { path: join(devices, "usb-silent"), heard: { kind: "silent" } },
    ],
  });
}, 60_000);

import { execFile } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { WireReport } from "../../src/domain/report.ts";
import { signRequest } from "../cli/authority.ts";
import { openArm64Car, type Arm64Car } from "./arm64-car.ts";
import { epoch, epochOf, waitFor } from "./car.ts";
import { openDispatch, type Dispatch } from "./dispatch.ts";
import { makeCertificates, startMosquitto, type Mosquitto } from "./mosquitto.ts";

const RULES = `cafile FOLDER/ca.pem
certfile FOLDER/broker.pem
keyfile FOLDER/broker.key
require_certificate true
use_identity_as_username true
acl_file FOLDER/acl`;
const ACCESS = "user dispatch\ntopic readwrite patrol/v1/#\npattern readwrite patrol/v1/%u/#\n";
/** The last epoch of the drive while the broker hangs, and the last one of all. The first is 1. */
const BEFORE = 40;
const LAST = 80;
/** What takes a tenth of it on a processor of its own kind. */
const SLOW_MS = 60_000;

const numbers = (last: number) => Array.from({ length: last }, (_, n) => n + 1);
const stack = new AsyncDisposableStack();
let car: Arm64Car;
let broker: Mosquitto;
let dispatch: Dispatch;

beforeAll(async () => {
  car = stack.use(await openArm64Car());
  broker = stack.use(await startMosquitto(RULES, true));
  // `unit.pem` is dispatch's here: the car makes its own key and request.
  makeCertificates(broker.folder, "dispatch");
  writeFileSync(join(broker.folder, "acl"), ACCESS);
  await broker.start();
}, 300_000);
afterAll(() => stack.disposeAsync());

const drive = async (first: number, last: number): Promise<void> => {
  for (let n = first; n <= last; n++) await car.gps.write(epoch(n));
};
/** A stored report says all but `live`, which is decided when it is sent. */
const Stored = z.looseObject({});
const places = (reports: readonly WireReport[]): number[] =>
  reports.flatMap((report) => (report.kind === "position" ? [epochOf(report.data)] : []));

/** The epoch whose place the service's page shows. */
const placeShown = async (): Promise<number | undefined> => {
  const { position } = await car.snapshot();
  return position && epochOf(position);
};

/** A command of this machine's own build about the car's outbox. Rejects unless it exits with 0. */
const readNatively = async (command: string): Promise<string> => {
  const args = ["src/main.ts", "outbox", command, "--root", car.root];
  return (await promisify(execFile)(process.execPath, args)).stdout;
};

describe("the package for arm64, in a root with the libraries that it depends on", () => {
  test.each([
    ["classic-level", "classic-level.armv8.node"],
    ["@serialport/bindings-cpp", "@serialport+bindings-cpp.armv8.glibc.node"],
    ["koffi", "koffi.node"],
    ["socketcan", "can.node"],
  ])("loads %s with its compiled part", async (module, file) => {
    const shared = "process.report.getReport().sharedObjects.map((path) => path.split('/').at(-1))";
    const code = `import(${JSON.stringify(module)}).then(() => console.log(JSON.stringify([process.arch, ...${shared}])))`;
    const said: unknown = JSON.parse(await car.evaluate(code));
    expect(said).toEqual(expect.arrayContaining(["arm64", file]));
  });

  test("lays out a car and enrols it", { timeout: 180_000 }, async () => {
    const root = ["--root", car.root];
    const devices = ["--gps", join(car.folder, "gps"), "--panic", join(car.folder, "panic"), "--can", "none"];
    const centre = ["--brokers", broker.url, "--ca", join(broker.folder, "ca.pem")];
    await car.run("init", ...root, "--unit", "zrenjanin/zr-117", ...centre, ...devices);
    const request = join(car.folder, "car.csr");
    await car.run("enrol", "request", ...root, "--out", request);
    await car.run("enrol", "install", signRequest(broker.folder, request, "car"), ...root);
    // Every fix is reported, and no port of the machine is taken.
    appendFileSync(
      join(car.root, "local.yaml"),
      'status: { listen: "127.0.0.1:0" }\nreport: { movingS: 0 }\n',
    );
    await car.run("check", ...root);
  });

  test(
    "decodes a drive into LevelDB while the broker hangs, and stops clean",
    { timeout: 120_000 },
    async () => {
      broker.freeze();
      await car.start();
      await drive(1, BEFORE);
      await expect.poll(placeShown, { timeout: SLOW_MS }).toBe(BEFORE);
      expect(await car.stop()).toBe(0);
      expect(car.told).toEqual(["READY=1", "STOPPING=1"]);
      await readNatively("verify");
      const stored = (await readNatively("export")).trim().split("\n");
      const reports = stored.map((line) =>
        WireReport.parse({ ...Stored.parse(JSON.parse(line)), live: false }),
      );
      expect(places(reports)).toEqual(numbers(BEFORE));
    },
  );

  test("publishes it over mutual TLS, and a press; and stops clean", { timeout: 180_000 }, async () => {
    broker.thaw();
    const [ca, cert, key] = ["ca.pem", "unit.pem", "unit.key"].map((name) =>
      readFileSync(join(broker.folder, name)),
    );
    dispatch = stack.use(await openDispatch(broker.url, { ca: ca!, cert: cert!, key: key! }));
    await car.start();
    await waitFor("the link", () => dispatch.states.length > 0, SLOW_MS);
    await drive(BEFORE + 1, LAST);
    car.press();
    await waitFor("the emergency", () => dispatch.emergencies().length > 0, SLOW_MS);
    expect(dispatch.newestEmergency()).toMatchObject({ state: "active", button: "dash", presses: 1 });
    await waitFor("the lamp", () => car.lamps.at(-1) === "sent", SLOW_MS);
    await waitFor("the drive", () => dispatch.positions().length >= LAST, SLOW_MS);
    expect(await car.stop()).toBe(0);
    await waitFor("the farewell", () => dispatch.states.at(-1)?.state === "offline", SLOW_MS);
    expect(dispatch.states.at(-1)).toMatchObject({ reason: "SIGTERM" });
    expect(places(dispatch.positions())).toEqual(numbers(LAST));
    expect(dispatch.missing()).toEqual([]);
    expect(car.log.filter(({ level }) => level === "error")).toEqual([]);
  });
});

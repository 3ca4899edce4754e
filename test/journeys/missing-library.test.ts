import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCar, waitFor, type Car } from "./car.ts";
import { freePort } from "./mosquitto.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

/** The environment of a process that finds no library of this name, as if npm had left it out. */
const without = (library: string): Record<string, string> => {
  const hook = `import{registerHooks}from"node:module";registerHooks({resolve(name,context,next){if(name==="${library}")throw new Error("Cannot find package '${library}'");return next(name,context)}})`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}` };
};

const DBC = `BO_ 256 Drive: 8 X
 SG_ Speed : 0|16@1+ (0.1,0) [0|250] "km/h" X
`;
const BUS = "can: { interface: can0, database: car.dbc, signals: { Vehicle.Speed: { from: Drive.Speed } } }";

const carWithBus = async (statusPort = 0): Promise<Car> => {
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${await freePort()}"], allowPlaintext: true }`, {
      statusPort,
      extra: BUS,
      env: without("socketcan"),
    }),
  );
  writeFileSync(join(car.folder, "car.dbc"), DBC);
  return car;
};

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };
const command = (car: Car, ...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      ["src/main.ts", ...args, "--config", car.config],
      { env: { ...process.env, ...without("socketcan") } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

const doctorOnCan = async (car: Car): Promise<unknown> => {
  const { stdout } = await command(car, "doctor", "--json");
  const { findings } = JSON.parse(stdout) as { findings: { part: string }[] };
  return findings.find(({ part }) => part === "can");
};
const FINDING = { says: "the library socketcan is not installed", cure: "run `npm run can`" };

describe("a bus is configured and the optional library was left out", () => {
  test("check warns of it and names the command that helps", async () => {
    const { code, stderr } = await command(await carWithBus(), "check");
    expect(stderr).toBe("warning: can: the library socketcan is not installed: run `npm run can`\n");
    expect(code).toBe(0);
  });

  test("run says so and goes on; doctor says so with the service stopped and running", async () => {
    const statusPort = await freePort();
    const car = await carWithBus(statusPort);
    expect(await doctorOnCan(car)).toMatchObject(FINDING);
    await car.start();
    await waitFor("the fault", () => car.log.some(({ part }) => part === "can"));
    expect(car.log.find(({ part }) => part === "can")?.msg).toBe(
      "the library socketcan is not installed: run `npm run can`",
    );
    expect(await doctorOnCan(car)).toMatchObject(FINDING);
    expect(await car.stop()).toBe(0);
  });
});

test("a service under systemd without koffi says once that it cannot notify, and goes on", async () => {
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${await freePort()}"], allowPlaintext: true }`, {
      env: { ...without("koffi"), NOTIFY_SOCKET: "@nobody-listens-here", WATCHDOG_USEC: "100000" },
    }),
  );
  await car.start();
  await waitFor("the line", () => car.log.some(({ msg }) => msg.includes("watchdog")));
  expect(await car.stop()).toBe(0);
  expect(car.log.filter(({ msg }) => /systemd|watchdog/.test(msg)).map(({ msg }) => msg)).toEqual([
    "systemd cannot be notified: the watchdog is not fed",
  ]);
});

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCar, waitFor, type Car } from "./car.ts";
import { freePort } from "./mosquitto.ts";
import { without } from "./without-library.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const DBC = `BO_ 256 Drive: 8 X
 SG_ Speed : 0|16@1+ (0.1,0) [0|250] "km/h" X
`;
type Lack = {
  readonly driver: "native" | "socketcan";
  readonly missing: readonly string[];
  readonly says: string;
  readonly cure: string;
};
const LACKS: readonly Lack[] = [
  {
    driver: "native",
    missing: ["koffi", "socketcan"],
    says: "the library koffi cannot be loaded",
    cure: "install the package again, or run `npm ci` in the checkout",
  },
  {
    driver: "socketcan",
    missing: ["socketcan"],
    says: "the library socketcan is not installed",
    cure: "run `npm run can`",
  },
];

const carWithBus = async ({ driver, missing }: Lack, statusPort = 0): Promise<Car> => {
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${await freePort()}"], allowPlaintext: true }`, {
      statusPort,
      extra: `can: { interface: can0, driver: ${driver}, database: car.dbc, signals: { Vehicle.Speed: { from: Drive.Speed } } }`,
      env: without(...missing),
    }),
  );
  writeFileSync(join(car.folder, "car.dbc"), DBC);
  return car;
};

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };
const command = (car: Car, { missing }: Lack, ...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      ["src/main.ts", ...args, "--config", car.config],
      { env: { ...process.env, ...without(...missing) } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

const doctorOnCan = async (car: Car, lack: Lack): Promise<unknown> => {
  const { stdout } = await command(car, lack, "doctor", "--json");
  const { findings } = JSON.parse(stdout) as { findings: { part: string }[] };
  return findings.find(({ part }) => part === "can");
};

describe.each(LACKS)("a bus is configured with driver $driver and $missing are missing", (lack) => {
  const { says, cure } = lack;

  test("check warns of it and names the command that helps", async () => {
    const { code, stderr } = await command(await carWithBus(lack), lack, "check");
    expect(stderr).toBe(`warning: can: ${says}: ${cure}\n`);
    expect(code).toBe(0);
  });

  test("run says so and goes on; doctor says so with the service stopped and running", async () => {
    const statusPort = await freePort();
    const car = await carWithBus(lack, statusPort);
    expect(await doctorOnCan(car, lack)).toMatchObject({ says, cure });
    await car.start();
    await waitFor("the fault", () => car.log.some(({ part }) => part === "can"));
    expect(car.log.find(({ part }) => part === "can")?.msg).toBe(`${says}: ${cure}`);
    expect(await doctorOnCan(car, lack)).toMatchObject({ says, cure });
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

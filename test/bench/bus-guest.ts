import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { busDatabase, busLog, busSignals } from "../journeys/bus-load.ts";
import type { CanDriverName } from "../../src/sources/can/driver.ts";
import { openCar, waitFor, type Car } from "../journeys/car.ts";
import { openDispatch, type Dispatch } from "../journeys/dispatch.ts";
import { hasSocketcan, tellHost } from "../journeys/guest.ts";
import { startMosquitto } from "../journeys/mosquitto.ts";
import { pressOnce } from "./panic.ts";
import { workMs } from "./work.ts";

/** Inside the guest: what a bus under load costs the unit, and what it costs a press. */
/** Node and its threads settle before anything is measured. */
const SETTLE_MS = 15_000;
const MEASURED_MS = 30_000;
const PRESSES = 40;
/** The simulated board advances in steps here. A button that is released for less than a step was never released. */
const BETWEEN_MS = 500;
const TICKS_A_SECOND = 100;

/** CPU seconds of all threads, and of the main thread alone. */
const cpu = (pid: number) => {
  const seconds = (path: string) => {
    const fields = readFileSync(path, "utf8").split(") ")[1]!.split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  };
  return { all: seconds(`/proc/${pid}/stat`), main: seconds(`/proc/${pid}/task/${pid}/stat`) };
};

const measure = async (what: string, car: Car, dispatch: Dispatch): Promise<void> => {
  const before = cpu(car.pid);
  await sleep(MEASURED_MS);
  const after = cpu(car.pid);
  const percent = (part: keyof typeof after) => ((after[part] - before[part]) / MEASURED_MS) * 100_000;
  const sent: number[] = [];
  for (let n = 0; n < PRESSES; n++) {
    sent.push(...(await pressOnce(car, dispatch)).sent);
    await sleep(BETWEEN_MS);
  }
  tellHost(what, { all: percent("all"), main: percent("main"), sent });
};

execFileSync("sh", ["-c", "ip link add dev vcan0 type vcan && ip link set vcan0 up"]);
writeFileSync(join(tmpdir(), "bus.dbc"), `VERSION ""\n${busDatabase()}`);
const log = join(tmpdir(), "bus.log");
busLog(log, 240);
const broker = await startMosquitto();
await broker.start();
const dispatch = await openDispatch(broker.url);
tellHost("work", workMs());

const withDriver = async (driver: CanDriverName): Promise<void> => {
  await using car = openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, {
    board: true,
    program: "dist/patrol-unit.mjs",
    extra: `can:
  interface: vcan0
  driver: ${driver}
  database: ${join(tmpdir(), "bus.dbc")}
  signals:
${busSignals()}`,
  });
  const births = dispatch.states.length;
  await car.start();
  await waitFor("the link", () => dispatch.states.length > births);
  await waitFor("the board", () => car.lamps.at(-1) === "idle");
  await sleep(SETTLE_MS);
  await measure(`${driver}: quiet`, car, dispatch);
  const player = spawn("canplayer", ["-I", log, "vcan0=vcan0"], { stdio: "ignore" });
  await sleep(2_000);
  await measure(`${driver}: loaded`, car, dispatch);
  player.kill();
  await car.stop();
};
await withDriver("native");
if (hasSocketcan) await withDriver("socketcan");
tellHost("end", true);
process.exit(0);

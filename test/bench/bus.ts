import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busDatabase, busLog, busSignals } from "../journeys/bus-load.ts";
import { openCar, waitFor } from "../journeys/car.ts";
import { openDispatch } from "../journeys/dispatch.ts";
import { startMosquitto } from "../journeys/mosquitto.ts";
import { pressOnce } from "./panic.ts";
import { bootGuest, canBoot, hasSocketcan } from "../journeys/guest.ts";
import type { CanDriverName } from "../../src/sources/can/driver.ts";
import { canCost } from "./can-proxy.ts";
import { workMs } from "./work.ts";

type Measured = {
  readonly all: number;
  readonly main: number;
  readonly sent: readonly number[];
};
const REPLAYED = { presses: 200, seconds: 120 };
/** Of 2,400 frames a second: what the kernel lets through. */
const MAPPED_A_SECOND = 480;

/** On this machine, every frame of the bus through the process: more than the kernel would let through. */
const replayed = async (loaded: boolean): Promise<number[]> => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "bus-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "bus.dbc"), `VERSION ""\n${busDatabase()}`);
  busLog(join(folder, "bus.log"), REPLAYED.seconds);
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  const can = `can: { interface: vcan0, database: ${join(folder, "bus.dbc")}, signals: {\n${busSignals().replaceAll("\n", ",\n")} } }`;
  const car = stack.use(
    openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, {
      board: true,
      program: "dist/patrol-unit.mjs",
      extra: can,
      ...(loaded ? { busLog: join(folder, "bus.log") } : {}),
    }),
  );
  await car.start();
  await waitFor("the link", () => dispatch.states.length > 0);
  await waitFor("the board", () => car.lamps.at(-1) === "idle");
  const sent: number[] = [];
  for (let n = 0; n < REPLAYED.presses; n++) sent.push(...(await pressOnce(car, dispatch)).sent);
  return sent;
};

const DRIVERS: readonly CanDriverName[] = hasSocketcan ? ["native", "socketcan"] : ["native"];

type Print = (what: string, figure: string) => void;
type Quantile = (values: readonly number[], q: number) => number;

/** On this machine, with UDP in place of the kernel's bus: what the unit needs of a processor. */
const proxied = async (print: Print): Promise<void> => {
  for (const driver of DRIVERS) {
    const { silent, loaded, main, frames } = await canCost(driver);
    print(`${driver}: CPU on a silent bus of UDP, percent of a core`, silent.toFixed(2));
    print(
      `${driver}: CPU at 2,400 frames/s, 12 of 60 ids mapped (${frames.toFixed(0)}/s came)`,
      `${loaded.toFixed(2)}, main thread ${main.toFixed(2)}`,
    );
  }
};

const inGuest = (told: ReadonlyMap<string, unknown>, print: Print, quantile: Quantile): void => {
  print(
    "guest: time for the same work in user space, guest over host",
    (Number(told.get("work")) / workMs()).toFixed(2),
  );
  for (const driver of DRIVERS) {
    const quiet = told.get(`${driver}: quiet`) as Measured;
    const loaded = told.get(`${driver}: loaded`) as Measured;
    print(`guest, ${driver}: CPU without frames, percent of a core`, quiet.all.toFixed(2));
    print(`guest, ${driver}: CPU at 2,400 frames/s, 12 of 60 ids mapped, percent`, loaded.all.toFixed(2));
    print(
      `guest, ${driver}: main thread per frame from the kernel, microseconds`,
      (((loaded.main - quiet.main) / 100 / MAPPED_A_SECOND) * 1e6).toFixed(0),
    );
    for (const [name, { sent }] of [
      ["quiet bus", quiet],
      ["full bus", loaded],
    ] as const)
      print(
        `guest, ${driver}: press to lamp sent, ${name}, ms p50 / p99 of ${sent.length}`,
        `${quantile(sent, 0.5).toFixed(0)} / ${quantile(sent, 0.99).toFixed(0)}`,
      );
  }
};

/**
 * A real bus in user-mode Linux, which is a machine several times slower than its host (the first
 * figure) and has one core for the unit, the board, the broker and the bus.
 */
export const bus = async (print: Print, quantile: Quantile): Promise<void> => {
  for (const loaded of [false, true]) {
    const sent = await replayed(loaded);
    print(
      `press to lamp sent, ${loaded ? "2,400 frames/s replayed" : "no frames"}, ms p50 / p99 of ${sent.length}`,
      `${quantile(sent, 0.5).toFixed(0)} / ${quantile(sent, 0.99).toFixed(0)}`,
    );
  }
  await proxied(print);
  if (!canBoot) {
    print("bus", "not measured in a guest: user-mode-linux and can-utils are needed");
    return;
  }
  inGuest(await bootGuest("test/bench/bus-guest.ts", 600_000), print, quantile);
};

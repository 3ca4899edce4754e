import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CanDriverName } from "../../src/sources/can/driver.ts";
import { busDatabase, busSignals } from "../journeys/bus-load.ts";
import { openCar, waitFor } from "../journeys/car.ts";
import { openDispatch } from "../journeys/dispatch.ts";
import { freePort, startMosquitto } from "../journeys/mosquitto.ts";

/** What a driver costs the unit on this machine, with a bus of UDP in place of the kernel's (can-proxy.c). */
export type Cost = {
  /** Percent of a core, without frames and at 2,400 frames/s with 12 of 60 ids mapped. */
  readonly silent: number;
  readonly loaded: number;
  /** Of the main thread alone, while loaded. */
  readonly main: number;
  /** Frames that reached the unit a second, while loaded. */
  readonly frames: number;
};

/** Node and its threads settle before anything is measured. */
const SETTLE_MS = 15_000;
const SECONDS = 60;

/** Nanoseconds on a processor so far: all threads, and the main one. */
const spent = (pid: number) => {
  const of = (thread: string): number => {
    try {
      return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      return 0; // it has ended
    }
  };
  const all = readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + of(thread), 0);
  return { all, main: of(String(pid)) };
};

const percentOver = async (pid: number, seconds: number) => {
  const [before, begun] = [spent(pid), performance.now()];
  await sleep(seconds * 1_000);
  const [after, took] = [spent(pid), (performance.now() - begun) * 1e6];
  return { all: ((after.all - before.all) / took) * 100, main: ((after.main - before.main) / took) * 100 };
};

const compile = (folder: string) => {
  const [library, sender] = [join(folder, "can-proxy.so"), join(folder, "sender")];
  const source = "test/bench/can-proxy.c";
  execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"]);
  execFileSync("cc", ["-O2", "-DSENDER", "-o", sender, source]);
  return { library, sender };
};

export const canCost = async (driver: CanDriverName): Promise<Cost> => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "can-proxy-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { library, sender } = compile(folder);
  writeFileSync(join(folder, "bus.dbc"), `VERSION ""\n${busDatabase()}`);
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  const [port, statusPort] = [String(await freePort()), await freePort()];
  const car = stack.use(
    openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, {
      board: true,
      program: "dist/patrol-unit.mjs",
      statusPort,
      extra: `can:
  interface: lo
  listenOnly: declared
  driver: ${driver}
  database: ${join(folder, "bus.dbc")}
  signals:
${busSignals()}`,
      env: { LD_PRELOAD: library, CAN_PROXY_PORT: port },
    }),
  );
  const frames = async (): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${statusPort}/status.json`);
    const { can } = (await answer.json()) as { can: { frames: number } };
    return can.frames;
  };
  await car.start();
  await waitFor("the link", () => dispatch.states.length > 0);
  await sleep(SETTLE_MS);
  const silent = await percentOver(car.pid, SECONDS);
  const player = spawn(sender, [port, String(SECONDS + 10)], { stdio: "ignore" });
  const over = once(player, "exit");
  await sleep(5_000);
  const before = await frames();
  const loaded = await percentOver(car.pid, SECONDS);
  const came = (await frames()) - before;
  await over;
  await car.stop();
  return { silent: silent.all, loaded: loaded.all, main: loaded.main, frames: came / SECONDS };
};

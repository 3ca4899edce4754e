import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemTime } from "../../src/runtime/time.ts";
import { busSource } from "../../src/sources/can/bus.ts";
import { nativeDriver } from "../../src/sources/can/native.ts";
import { socketcanDriver } from "../../src/sources/can/socketcan.ts";
import { tryCanDriver } from "../contracts/can-driver.ts";
import { hasSocketcan, hasStrace, tellHost } from "./guest.ts";
import { without } from "./without-library.ts";

/** Inside the guest: the contract of a driver, on both. */
const OPENINGS = 20;

const native = nativeDriver(systemTime);
await tryCanDriver(native, (promise, seen) => tellHost(`native: ${promise}`, seen));
if (hasSocketcan)
  await tryCanDriver(socketcanDriver, (promise, seen) => tellHost(`socketcan: ${promise}`, seen));

execFileSync("sh", ["-c", "ip link add dev vcan0 type vcan && ip link set vcan0 up"]);
const descriptors = (): number => readdirSync("/proc/self/fd").length;
const before = descriptors();
for (let n = 0; n < OPENINGS; n++)
  for await (const _ of busSource("vcan0", { driver: native }).listen([], AbortSignal.timeout(1))) continue;
tellHost("descriptors that stay open", descriptors() - before);

/** The system calls that name a socket of the bus, of all threads of a process that reads it. */
const callsOnBus = async (driver: "native" | "socketcan"): Promise<readonly string[]> => {
  const log = join(tmpdir(), `${driver}.calls`);
  const program = [process.execPath, "test/journeys/can-traced.ts", driver];
  const traced = spawn("strace", ["-f", "-yy", "-o", log, ...program], { stdio: "ignore" });
  let isReading = true;
  void once(traced, "exit").then(() => (isReading = false));
  while (isReading) {
    execFileSync("cansend", ["vcan0", "123#01"]);
    // oxlint-disable-next-line no-await-in-loop -- until it has heard enough
    await sleep(200);
  }
  const lines = readFileSync(log, "utf8").split("\n");
  const opened = /socket(?:\(AF_CAN.*| resumed>.*) = \d+<(socket:\[\d+\])>/;
  const sockets = lines.flatMap((line) => opened.exec(line)?.[1] ?? []);
  const named = lines.filter((line) => sockets.some((socket) => line.includes(`<${socket}>`)));
  return [...new Set(named.flatMap((line) => /^\d+ +(?:<\.\.\. )?(\w+)/.exec(line)?.[1] ?? []))];
};
if (hasStrace) tellHost("native: calls", await callsOnBus("native"));
if (hasStrace && hasSocketcan) tellHost("socketcan: calls", await callsOnBus("socketcan"));

if (hasSocketcan) {
  const lines = execFileSync(process.execPath, ["test/journeys/can-without-koffi.ts"], {
    env: { ...process.env, ...without("koffi") },
    encoding: "utf8",
  });
  tellHost("without koffi", lines.trim().split("\n"));
}
tellHost("end", true);
process.exit(0);

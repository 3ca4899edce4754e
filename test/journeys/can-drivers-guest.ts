import { readdirSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { systemTime } from "../../src/runtime/time.ts";
import { busSource } from "../../src/sources/can/bus.ts";
import { nativeDriver } from "../../src/sources/can/native.ts";
import { socketcanDriver } from "../../src/sources/can/socketcan.ts";
import { tryCanDriver } from "../contracts/can-driver.ts";
import { hasSocketcan, tellHost } from "./guest.ts";
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
if (hasSocketcan) {
  const lines = execFileSync(process.execPath, ["test/journeys/can-without-koffi.ts"], {
    env: { ...process.env, ...without("koffi") },
    encoding: "utf8",
  });
  tellHost("without koffi", lines.trim().split("\n"));
}
tellHost("end", true);
process.exit(0);

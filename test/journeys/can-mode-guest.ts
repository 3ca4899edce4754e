import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { SourceError } from "../../src/domain/bytes.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { busSource, type BusOptions } from "../../src/sources/can/bus.ts";
import { nativeDriver } from "../../src/sources/can/native.ts";
import { waitFor } from "./car.ts";
import { tellHost } from "./guest.ts";

/** Inside the guest: which controllers the unit listens to, and which it refuses. */
const LISTEN_MS = 1_500;
/** For a change to be noticed, on a busy host too. */
const NOTICE_MS = 20_000;

/** What becomes of listening to an interface: the fault's code, or "heard" if none comes. */
const listenTo = async (
  name: string,
  options: Omit<BusOptions, "driver"> = {},
  listenMs = LISTEN_MS,
): Promise<string> => {
  const source = busSource(name, { driver: nativeDriver(systemTime), ...options });
  try {
    for await (const _ of source.listen([], AbortSignal.timeout(listenMs))) continue;
    return "heard";
  } catch (cause) {
    return cause instanceof SourceError ? cause.code : String(cause);
  }
};
/** Not synchronous: the adapter's side of the line must be read meanwhile. */
const ip = (...words: readonly string[]) => promisify(execFile)("ip", ["link", ...words]);

// A controller that has a mode: a serial adapter, whose driver has one since Linux 6.0.
execFileSync("sh", ["-c", "busybox insmod /usr/lib/uml/modules/*/kernel/drivers/net/can/slcan/slcan.ko"]);
using adapter = openSerialLine(join(tmpdir(), "adapter"));
const said: string[] = [];
adapter.onData((bytes) => void said.push(Buffer.from(bytes).toString("latin1")));
const slcand = spawn("slcand", ["-F", realpathSync(adapter.path), "slcan0"], { stdio: "ignore" });
await waitFor("the adapter", () => existsSync("/sys/class/net/slcan0"));
await ip("set", "slcan0", "type", "can", "bitrate", "500000");
await ip("set", "slcan0", "up");
tellHost("active", await listenTo("slcan0"));
tellHost("active, declared to listen only", await listenTo("slcan0", { declared: true }));
await ip("set", "slcan0", "down");
tellHost("active and down", await listenTo("slcan0"));
await ip("set", "slcan0", "type", "can", "listen-only", "on");
tellHost("listen-only and down", await listenTo("slcan0"));
await ip("set", "slcan0", "up");
tellHost("listen-only", await listenTo("slcan0"));
// Commands of the slcan protocol: O opens the channel, L opens it in listen-only mode.
tellHost("said to the adapter", said.join(""));
slcand.kill();

await ip("add", "dev", "vcan0", "type", "vcan");
await ip("set", "vcan0", "up");
tellHost("virtual", await listenTo("vcan0"));
// A change of the mode that was too quick to be seen as down and up, as `ip` would report it.
const folder = mkdtempSync(join(tmpdir(), "ip-"));
const calls = join(folder, "calls");
const fakeIp = (ctrlmode: string) => {
  const link = `[{"link_type":"can","linkinfo":{"info_kind":"can","info_data":{"ctrlmode":[${ctrlmode}]}}}]`;
  writeFileSync(join(folder, "next"), `#!/bin/sh\necho >> ${calls}\necho '${link}'\n`, { mode: 0o755 });
  renameSync(join(folder, "next"), join(folder, "ip"));
};
fakeIp('"LISTEN-ONLY"');
const looking = { env: { PATH: `${folder}:/usr/bin:/bin` }, modeLookMs: 100 };
const changing = listenTo("vcan0", looking, NOTICE_MS);
await waitFor(
  "a look at the mode while it is listened to",
  () => existsSync(calls) && statSync(calls).size > 2,
);
fakeIp("");
tellHost("changed", await changing);
tellHost("end", true);
process.exit(0);

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** Whether this machine can boot a Linux with CAN, and the optional library was built. */
export const canBoot = [
  "/usr/bin/linux.uml",
  "/usr/bin/candump",
  "node_modules/socketcan/build/Release/can.node",
].every((path) => existsSync(path));

/** Boots a guest that runs a program of ours; what it told on its console, by name. */
export const bootGuest = async (program: string, limitMs: number): Promise<Map<string, unknown>> => {
  const guest = spawn(
    "linux.uml",
    [
      "rootfstype=hostfs",
      "rootflags=/",
      "ro",
      "mem=1500M",
      `init=${resolve("test/journeys/guest.sh")}`,
      "con=null",
      "con0=fd:0,fd:1",
      "quiet",
      `PATROL_UNIT=${process.cwd()}`,
      `GUEST_PROGRAM=${program}`,
    ],
    { stdio: ["ignore", "pipe", "ignore"], detached: true },
  );
  let console = "";
  guest.stdout.on("data", (text) => (console += String(text)));
  const timer = setTimeout(() => process.kill(-guest.pid!, "SIGKILL"), limitMs);
  await once(guest, "exit");
  clearTimeout(timer);
  const told = new Map<string, unknown>();
  for (const line of console.split(/\r?\n/)) {
    if (line.startsWith("GUEST {")) {
      const { what, value } = JSON.parse(line.slice("GUEST ".length)) as { what: string; value: unknown };
      told.set(what, value);
    }
  }
  if (!told.has("end")) process.stderr.write(`${console}\n`);
  return told;
};

/** Inside the guest: tells the host. */
export const tellHost = (what: string, value: unknown): void =>
  void process.stdout.write(`\nGUEST ${JSON.stringify({ what, value })}\n`);

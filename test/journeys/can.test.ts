import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

/** Whether this machine can boot a Linux with CAN, and the optional library was built. */
const canBoot = [
  "/usr/bin/linux.uml",
  "/usr/bin/candump",
  "node_modules/socketcan/build/Release/can.node",
].every(existsSync);

/** Boots the guest; what it told on its console, by name. */
const bootGuest = async (): Promise<Map<string, unknown>> => {
  const init = resolve("test/journeys/can-guest.sh");
  const guest = spawn(
    "linux.uml",
    [
      "rootfstype=hostfs",
      "rootflags=/",
      "ro",
      "mem=1500M",
      `init=${init}`,
      "con=null",
      "con0=fd:0,fd:1",
      "quiet",
      `PATROL_UNIT=${process.cwd()}`,
    ],
    { stdio: ["ignore", "pipe", "ignore"], detached: true },
  );
  let console = "";
  guest.stdout.on("data", (text) => (console += String(text)));
  const timer = setTimeout(() => process.kill(-guest.pid!, "SIGKILL"), 170_000);
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

test.skipIf(!canBoot)(
  "a real bus in a guest: filters, FD, down and up, deleted and made anew; nothing is sent",
  async () => {
    const told = await bootGuest();
    process.stdout.write(
      `frames on the bus: ${String(told.get("frames on the bus"))}, events: ${JSON.stringify(told.get("events"))}\n`,
    );
    for (const what of [
      "the unit is heard",
      "standard frame",
      "extended frame by its group",
      "FD frame",
      "mapped among the others",
      "down is told",
      "heard again after up",
      "gone is told",
      "heard again after it was made anew",
      "end",
    ]) {
      expect(told.get(what), what).toBe(true);
    }
    expect(told.get("frames that reached the unit")).toBe(1);
    expect(told.get("frames that nobody here sent")).toEqual([]);
  },
  180_000,
);

test("no code writes to the channel", () => {
  const source = readFileSync("src/sources/socketcan.ts", "utf8");
  expect(source).not.toMatch(/\.send\w*\(/);
  expect(source).not.toMatch(/send\w*\??\s*[(:]/);
});

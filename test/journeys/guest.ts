import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import type { Socket } from "node:net";
import { resolve } from "node:path";

/** Whether this machine can boot a Linux. */
export const canBootAny = existsSync("/usr/bin/linux.uml");

/** Whether this machine can boot a Linux with CAN. */
export const canBoot = canBootAny && existsSync("/usr/bin/candump");

/** Whether the optional library for CAN was built. */
export const hasSocketcan = existsSync("node_modules/socketcan/build/Release/can.node");

/** Whether system calls can be watched. */
export const hasStrace = existsSync("/usr/bin/strace");

export type Guest = {
  /** The guest's first serial line, /dev/ttyS0 there. */
  readonly line: Socket;
  /** What it told on its console, by name; the last of each. */
  readonly told: ReadonlyMap<string, unknown>;
  /** All of its console. */
  readonly console: () => string;
  /** Power goes, at once. */
  cut(): Promise<void>;
  readonly off: Promise<unknown>;
};

export type GuestOptions = {
  /** The first process; left out: a shell that runs the program. */
  readonly init?: string;
  /** Disk images: /dev/ubda, /dev/ubdb there. */
  readonly disks?: readonly string[];
  /** Environment of the program. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onTold?: (what: string, value: unknown) => void;
};

/** On processors with AMX a guest only boots with a library loaded before it: uml-xstate.c says why. */
const loadedBefore = (): NodeJS.ProcessEnv => {
  if (!readFileSync("/proc/cpuinfo", "utf8").includes("amx_tile")) return process.env;
  const library = resolve("node_modules/.uml/xstate.so");
  if (!existsSync(library)) {
    mkdirSync(resolve("node_modules/.uml"), { recursive: true });
    // Two tests may build it at the same time: each its own, and the last one is kept.
    const built = `${library}.${process.pid}`;
    execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", built, "test/journeys/uml-xstate.c", "-ldl"]);
    renameSync(built, library);
  }
  return { ...process.env, LD_PRELOAD: library };
};

/** Boots a guest that runs a program of ours. */
export const startGuest = (program: string, options: GuestOptions = {}): Guest => {
  const { disks = [], env = {}, init = "test/journeys/guest.sh" } = options;
  const guest = spawn(
    "linux.uml",
    [
      "rootfstype=hostfs",
      "rootflags=/",
      "ro",
      "mem=1500M",
      `init=${resolve(init)}`,
      "con=null",
      "con0=fd:0,fd:1",
      "ssl0=fd:3,fd:3",
      "quiet",
      ...disks.map((disk, n) => `ubd${"ab"[n]}=${disk}`),
      `PATROL_UNIT=${process.cwd()}`,
      `GUEST_PROGRAM=${program}`,
      ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ],
    { stdio: ["ignore", "pipe", "ignore", "pipe"], detached: true, env: loadedBefore() },
  );
  const told = new Map<string, unknown>();
  const lines: string[] = [];
  let rest = "";
  guest.stdout!.on("data", (text) => {
    const whole = (rest + String(text)).split(/\r?\n/);
    rest = whole.pop() ?? "";
    for (const line of whole) {
      if (!line.startsWith("GUEST {")) {
        lines.push(line);
        continue;
      }
      const { what, value } = JSON.parse(line.slice("GUEST ".length)) as { what: string; value: unknown };
      told.set(what, value);
      options.onTold?.(what, value);
    }
  });
  const off = once(guest, "exit");
  return {
    line: guest.stdio[3] as Socket,
    told,
    console: () => lines.join("\n"),
    off,
    async cut() {
      process.kill(-guest.pid!, "SIGKILL");
      await off;
    },
  };
};

/** Boots a guest and waits for its end; what it told, by name. */
export const bootGuest = async (program: string, limitMs: number): Promise<ReadonlyMap<string, unknown>> => {
  const guest = startGuest(program);
  const timer = setTimeout(() => void guest.cut(), limitMs);
  await guest.off;
  clearTimeout(timer);
  if (!guest.told.has("end")) process.stderr.write(`${guest.console()}\n`);
  return guest.told;
};

/** Inside the guest: tells the host. */
export const tellHost = (what: string, value: unknown): void =>
  void process.stdout.write(`\nGUEST ${JSON.stringify({ what, value })}\n`);

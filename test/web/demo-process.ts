import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** The real demo as a process. */
export type DemoProcess = AsyncDisposable & {
  readonly url: string;
  readonly pid: number;
  /** What it prints on stderr. */
  readonly errors: () => string;
  /** The process of its car; undefined: it does not run. */
  readonly carPid: () => number | undefined;
  /** The folder of its files; undefined: it is gone. */
  readonly folder: () => string | undefined;
  /** Sends a signal and waits for the end. Resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
};

const START_MS = 30_000;

const commandOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // it has just ended
  }
};

/** The cars' command lines name the demo's address. */
const carOf = (url: string): { pid: number; folder: string } | undefined => {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const command = commandOf(pid);
    const folder = /--as-car=(\S+)\/patrol-unit.yaml/.exec(command)?.[1];
    if (folder !== undefined && command.includes(new URL(url).origin)) return { pid: Number(pid), folder };
  }
  return undefined;
};

export const startDemo = async (): Promise<DemoProcess> => {
  const child = spawn(process.execPath, ["src/main.ts", "demo"], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let errors = "";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error(`no address: ${out}${errors}`)), START_MS);
  child.stdout.on("data", (text) => {
    out += String(text);
    const url = /http:\S+/.exec(out)?.[0];
    if (url !== undefined) resolve(url);
  });
  child.stderr.on("data", (text) => (errors += String(text)));
  const ended = once(child, "exit");
  void ended.then(() => reject(new Error(`the demo has ended: ${errors}`)));
  const url = await promise.finally(() => clearTimeout(timer));
  let known: string | undefined;
  const folder = (): string | undefined => {
    known ??= carOf(url)?.folder;
    return known !== undefined && existsSync(known) ? known : undefined;
  };
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
    return child.exitCode;
  };
  return {
    url,
    pid: child.pid ?? 0,
    errors: () => errors,
    carPid: () => carOf(url)?.pid,
    folder,
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
    },
  };
};

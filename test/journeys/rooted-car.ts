import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { startLiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { openFiles } from "../../src/bundle/files.ts";
import { Store } from "../../src/bundle/store.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { rootAt } from "../../src/settings/root.ts";
import { keyPair, sealed } from "../bundle/signed.ts";

/** A car with a root, whose service is a real process, and which a technician can flash. */
export const openRootedCar = async (url: string, { board: hasBoard = false } = {}) => {
  const stack = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "rooted-"));
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
  const hq = await keyPair("hq");
  mkdirSync(join(dir, "trust"));
  writeFileSync(join(dir, "trust/hq.pem"), hq.publicPem);
  const tty = join(dir, "gps");
  stack.use(openSerialLine(tty));
  const local = `unit: { directorate: zrenjanin, id: zr-117 }\ngps: { port: ${tty} }\n`;
  writeFileSync(join(dir, "local.yaml"), local, { mode: 0o600 });
  const lamps: string[] = [];
  const panic = join(dir, "panic");
  const board = hasBoard
    ? startLiveBoard({
        link: panic,
        image: releasedImage(),
        onLight({ lamp }) {
          if (lamp !== lamps.at(-1)) lamps.push(lamp);
        },
      })
    : undefined;
  if (board) stack.use(board);
  const store = new Store(rootAt(dir), openFiles(dir));
  const program = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      execFile(process.execPath, ["src/main.ts", ...args, "--root", dir], (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  /** A bundle with this version and broker. */
  const bundle = (version: number, broker = url): Promise<Buffer> => {
    const text = `panic: ${hasBoard ? `{ port: ${panic}, buttons: { dash: { loop: 0 } } }` : "none"}
dispatch: { brokers: ["${broker}"], allowPlaintext: true }
outbox: { path: outbox }
status: { listen: "127.0.0.1:0" }
flash: { trialS: 10 }
health: { intervalS: ${version} }
`;
    return sealed(hq.key, {
      for: "zrenjanin/*",
      version,
      files: [{ name: "patrol-unit.yaml", text }],
    });
  };
  const log: { msg: string; part?: string; version?: number }[] = [];
  let child: ChildProcess | undefined;
  const car = {
    dir,
    bundle,
    store,
    log,
    /** What the board's lamp has shown, in order. */
    lamps,
    press() {
      board?.catchUp();
      board?.board.press(0, 200);
    },
    program,
    async flash(...what: Parameters<typeof bundle>): ReturnType<typeof program> {
      writeFileSync(join(dir, "new.patrol"), await bundle(...what));
      return program("flash", "config", join(dir, "new.patrol"));
    },
    start() {
      child = spawn(process.execPath, ["src/main.ts", "run", "--root", dir], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let rest = "";
      child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) log.push(JSON.parse(line) as (typeof log)[number]);
      });
      return child;
    },
    async stop(signal: NodeJS.Signals = "SIGTERM") {
      if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
      const gone = once(child, "exit");
      child.kill(signal);
      await gone;
      return child.exitCode;
    },
    count: (msg: string) => log.filter((line) => line.msg === msg).length,
    async [Symbol.asyncDispose]() {
      await car.stop("SIGKILL");
      await stack.disposeAsync();
    },
  };
  return car;
};

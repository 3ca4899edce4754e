import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { startLiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { formatSentence } from "../../src/decode/nmea/sentence.ts";
import { Snapshot } from "../../src/domain/snapshot.ts";
import { VERSION } from "../../src/domain/version.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { openUnixReceiver } from "../runtime/unix-receiver.ts";
import { waitFor } from "./car.ts";

/** Runs each program for arm64 as a process of this machine (QEMU's user mode). */
const EMULATOR = "/usr/bin/qemu-aarch64-static";
/** Debian's libraries for arm64, as its cross compiler has them: this machine's dpkg needs no second architecture. */
const LIBRARIES = "/usr/aarch64-linux-gnu/lib";
/** An emulated Node takes seconds to start, and more if the machine is busy. */
const START_MS = 60_000;

const Line = z.looseObject({ level: z.string(), msg: z.string(), statusPort: z.number().optional() });
type Line = z.infer<typeof Line>;

const expectPrograms = (): void => {
  for (const path of [EMULATOR, join(LIBRARIES, "libstdc++.so.6")])
    if (!existsSync(path)) throw new Error(`${path} is missing: run test/setup-debian.sh`);
};

/** Makes the car's package for arm64 and unpacks it into `root`. Returns the package's file. */
const unpack = async (folder: string, root: string): Promise<string> => {
  const args = "src/tools/package.ts --fast --only patrol-unit --arch arm64 --out".split(" ");
  await promisify(execFile)(process.execPath, [...args, folder]);
  const file = join(folder, `patrol-unit_${VERSION}_arm64.deb`);
  execFileSync("dpkg-deb", ["--extract", file, root]);
  // As the package's postinst does.
  symlinkSync(VERSION, join(root, "opt/patrol-unit/current"));
  mkdirSync(join(root, "var/lib/patrol-unit/root"), { recursive: true });
  return file;
};

/** Puts the libraries into `root` that the package depends on, and no other. */
const addLibraries = (file: string, root: string): void => {
  const depends = execFileSync("dpkg-deb", ["--field", file, "Depends"], { encoding: "utf8" });
  const libraries = [...depends.matchAll(/(?:^|, )(lib[^\s,]+)/g)].map(([, name]) => `${name}-arm64-cross`);
  const files = execFileSync("dpkg-query", ["--listfiles", ...libraries], { encoding: "utf8" });
  mkdirSync(join(root, "lib"));
  for (const path of files.split("\n"))
    if (path.startsWith(`${LIBRARIES}/`) && /\.so(?:\.\d+)*$/.test(path))
      cpSync(path, join(root, "lib", basename(path)), { verbatimSymlinks: true });
};

/** What a line of the packaged service file says, with `root` before each path. */
const inService = (root: string, key: string): string => {
  const file = readFileSync(join(root, "usr/lib/systemd/system/patrol-unit.service"), "utf8");
  const [, value] = new RegExp(`^${key}=(.*)$`, "m").exec(file) ?? [];
  if (value === undefined) throw new Error(`patrol-unit.service has no ${key}`);
  return value.replaceAll(/(?<=^|[\s=])\//g, `${root}/`);
};

/** A receiver, a board with its buttons, and a service manager, for a car in `folder`. */
const openParts = (folder: string) => {
  using opening = new DisposableStack();
  const lamps: string[] = [];
  const gps = opening.use(openSerialLine(join(folder, "gps")));
  const manager = opening.use(openUnixReceiver(join(folder, "notify")));
  const panic = join(folder, "panic");
  const onLight = ({ lamp }: { lamp: string }) => void (lamp !== lamps.at(-1) && lamps.push(lamp));
  const board = opening.use(startLiveBoard({ link: panic, image: releasedImage(), onLight }));
  return { gps, manager, board, lamps, stack: opening.move() };
};

/** The program of the package, and how it is run. */
const openProgram = (root: string) => {
  const env = { PATH: process.env["PATH"], LC_ALL: "C", QEMU_LD_PREFIX: root };
  const service = inService(root, "ExecStart").split(" ");
  const [node = "", ...rest] = service;
  const program = rest.slice(0, rest.indexOf("run"));
  const emulate = async (args: readonly string[]): Promise<string> => {
    const cwd = join(root, "opt/patrol-unit/current/dist");
    return (await promisify(execFile)(EMULATOR, [node, ...args], { env, cwd })).stdout;
  };
  return {
    /** Runs a command. Returns what it prints; rejects if it fails. */
    run: (...args: string[]) => emulate([...program, ...args]),
    /** Runs code in the package's Node. Returns what it prints. */
    evaluate: (code: string) => emulate(["--eval", code]),
    /** Starts the service as the service file says. `socket`: of the service manager. */
    start: (socket: string): ChildProcess => {
      const [name = "", value] = inService(root, "Environment").split("=");
      return spawn(EMULATOR, service, {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...env, [name]: value, NOTIFY_SOCKET: socket },
      });
    },
  };
};

/**
 * A car with the package for arm64 in a root of its own, run by an emulator on a machine of any kind. Its receiver,
 * board and service manager are this process's. Throws if a Debian package is missing.
 */
export const openArm64Car = async () => {
  expectPrograms();
  await using opening = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "arm64-"));
  opening.defer(() => rmSync(folder, { recursive: true, force: true }));
  const root = join(folder, "root");
  addLibraries(await unpack(folder, root), root);
  const { gps, manager, board, lamps, stack: parts } = openParts(folder);
  opening.use(parts);
  const { start, ...program } = openProgram(root);
  const log: Line[] = [];
  const told: string[] = [];
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<number | null | undefined> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
    told.push(...manager.take());
    return child.exitCode;
  };
  opening.defer(async () => void (await end("SIGKILL")));
  const stack = opening.move();
  return {
    ...program,
    /** The folder that `--root` names. */
    root: join(root, "var/lib/patrol-unit/root"),
    folder,
    log,
    /** What the service has told its manager, and what the board's lamp has shown, in order. */
    told,
    lamps,
    gps,
    press() {
      board.catchUp();
      board.board.press(0, 200);
    },
    /** Starts the service. Resolves when it reads its receiver. */
    async start(): Promise<void> {
      log.length = 0;
      child = start(join(folder, "notify"));
      let rest = "";
      child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) log.push(Line.parse(JSON.parse(line)));
      });
      const isHeard = () => log.some(({ msg }) => msg === "the receiver sends valid sentences");
      const asking = setInterval(() => {
        if (!isHeard()) void gps.write(formatSentence("GPTXT,01,01,02,ANTSTATUS=OK"));
      }, 100);
      await waitFor("the receiver", isHeard, START_MS).finally(() => clearInterval(asking));
      told.push(...manager.take());
    },
    /** What the service's own page shows. Rejects if the service does not answer. */
    async snapshot(): Promise<Snapshot> {
      const port = log.find(({ statusPort }) => statusPort !== undefined)?.statusPort;
      const answer = await fetch(`http://127.0.0.1:${port}/status.json`);
      return Snapshot.parse(await answer.json());
    },
    /** SIGTERM. Returns the exit code. */
    stop: () => end("SIGTERM"),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};
export type Arm64Car = Awaited<ReturnType<typeof openArm64Car>>;

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { startLiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { signRequest } from "../cli/authority.ts";
import { epoch, waitFor } from "./car.ts";
import { openDispatch } from "./dispatch.ts";
import { freePort, makeCertificates, startMosquitto } from "./mosquitto.ts";
import { openRecorder } from "./recorder.ts";

export const UNIT = "zrenjanin/zr-117";
export const PIN = "zelena-jabuka";

/** Every vehicle has its own branch, by the name in its certificate; dispatch has all. */
const RULES = `cafile FOLDER/ca.pem
certfile FOLDER/broker.pem
keyfile FOLDER/broker.key
require_certificate true
use_identity_as_username true
acl_file FOLDER/acl`;

/** The console reads what cars say only: it holds each message against the schemas of units. */
const ACCESS = `user recorder
topic readwrite patrol/v1/#
user console
topic readwrite patrol/v1/zrenjanin/#
pattern readwrite patrol/v1/%u/#
`;

/** A key, and a certificate of the folder's CA with this name as CN. */
const certify = (folder: string, name: string): void => {
  const request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
  const files = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`];
  execFileSync("openssl", [...request, ...files], { cwd: folder, stdio: "pipe" });
  signRequest(folder, join(folder, `${name}.csr`), name);
};

/** A broker with mutual TLS, the recorder, dispatch; and an enrolled car with two buttons and a receiver. */
export const openCommissioning = async (extra = "") => {
  await using opening = new AsyncDisposableStack();
  const broker = opening.use(await startMosquitto(RULES, true));
  const at = (name: string): string => join(broker.folder, name);
  makeCertificates(broker.folder, UNIT);
  for (const name of ["recorder", "console"]) certify(broker.folder, name);
  writeFileSync(at("acl"), ACCESS);
  await broker.start();
  const [ca, cert, key] = ["ca.pem", "console.pem", "console.key"].map((name) => readFileSync(at(name)));
  const recorder = opening.use(
    openRecorder(
      "--broker",
      broker.url,
      "--into",
      `sqlite:${at("store.db")}`,
      "--ca",
      at("ca.pem"),
      "--cert",
      at("recorder.pem"),
      "--key",
      at("recorder.key"),
    ),
  );
  await recorder.start();
  const dispatch = opening.use(await openDispatch(broker.url, { ca: ca!, cert: cert!, key: key! }));

  const dir = mkdtempSync(join(tmpdir(), "commissioned-"));
  opening.defer(() => rmSync(dir, { recursive: true, force: true }));
  const root = join(dir, "root");
  for (const folder of ["configs/0", "identity", "trust"]) mkdirSync(join(root, folder), { recursive: true });
  symlinkSync("configs/0", join(root, "current"));
  writeFileSync(join(root, "configs/0/ca.pem"), ca!);
  writeFileSync(join(root, "identity/unit.key"), readFileSync(at("unit.key")), { mode: 0o600 });
  writeFileSync(join(root, "identity/unit.pem"), readFileSync(at("unit.pem")));
  writeFileSync(
    join(root, "configs/0/patrol-unit.yaml"),
    `panic: { port: ${join(dir, "panic")}, buttons: { dash: { loop: 0 }, boot: { loop: 1 } } }
report: { movingS: 0 }
dispatch: { brokers: ["${broker.url}"], ca: ca.pem }
outbox: { path: outbox }
${extra}`,
  );
  const tty = join(dir, "gps");
  const port = await freePort();
  writeFileSync(
    join(root, "local.yaml"),
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: ${tty} }
status: { listen: "127.0.0.1:${port}", pin: ${PIN} }
`,
    { mode: 0o600 },
  );
  const line = opening.use(openSerialLine(tty));
  const board = opening.use(
    startLiveBoard({ link: join(dir, "panic"), image: releasedImage(), onLight: () => undefined }),
  );
  const stack = opening.move();
  const drive = (): void => {
    const startAt = Date.now();
    let n = 0;
    const driving = setInterval(() => void line.write(epoch(n++, startAt)).catch(() => undefined), 100);
    stack.defer(() => clearInterval(driving));
  };
  return {
    root,
    at,
    broker,
    dispatch,
    port,
    /** Presses the button of a loop. */
    press(loop: number) {
      board.catchUp();
      board.board.press(loop, 200);
    },
    /** Starts the service, or a replay with these options. Resolves when its status address answers. */
    async start(...replay: string[]): Promise<ChildProcess> {
      const command = replay.length === 0 ? ["run"] : ["replay", ...replay];
      const child = spawn(process.execPath, ["src/main.ts", ...command, "--root", root], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let log = "";
      child.stdout.on("data", (bytes) => (log += String(bytes)));
      stack.defer(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, "exit");
        child.kill("SIGTERM");
        await gone;
      });
      await waitFor("the service to start", () => log.includes('"started"'));
      // A replay does not read the receiver, and nobody can write to a line for long that nobody reads.
      if (replay.length === 0) drive();
      return child;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
};

export type Ran = { readonly code: number; readonly text: string };

/** Runs a command of the program. `onText`: called with all that it has printed so far. */
export const program = async (
  args: readonly string[],
  onText: (text: string) => void = () => undefined,
): Promise<Ran> => {
  const child = spawn(process.execPath, ["src/main.ts", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes) => {
      text += String(bytes);
      onText(text);
    });
  const [code] = await once(child, "close");
  return { code: Number(code), text };
};

/** Dispatch clears each drill that its recorder has received. */
export const clearDrills = ({
  dispatch,
}: Pick<Awaited<ReturnType<typeof openCommissioning>>, "dispatch">): Disposable => {
  const cleared = new Set<string>();
  const clearing = setInterval(() => {
    for (const { episode, state } of dispatch.emergencies())
      if (state === "received" && !cleared.has(episode)) {
        cleared.add(episode);
        void dispatch.ack(episode, "cleared");
      }
  }, 100);
  return { [Symbol.dispose]: () => clearInterval(clearing) };
};

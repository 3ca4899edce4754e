import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { startLiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { openCar, waitFor } from "../journeys/car.ts";
import { openDispatch } from "../journeys/dispatch.ts";
import { freePort, startMosquitto } from "../journeys/mosquitto.ts";
import { pressOnce } from "./panic.ts";

/**
 * What the unit's page costs: processor time and memory of the service with 0, 1 and 3 viewers, who read what they are
 * sent, and with 0 again. The receiver sends an epoch of six sentences each second. A press is measured with
 * and without viewers: the time from the contact to the lamp `stored`.
 */
const VIEWERS = [0, 1, 3, 0];
const MEASURED_S = 60;
const SETTLE_MS = 5_000;

type Print = (what: string, figure: string) => void;
type Process = {
  readonly cpuSeconds: (pid: number) => number;
  readonly residentMiB: (pid: number) => number;
  /** Node's flags as the service has them. */
  readonly flags: readonly string[];
  /** The sentences of the n-th second. */
  readonly epoch: (n: number) => string;
};

/** Opens the page's events. Returns how many bytes have come, and what closes it. */
const look = (port: number): Disposable & { readonly bytes: () => number } => {
  let bytes = 0;
  const asked = request({ host: "127.0.0.1", port, path: "/events", agent: false }, (response) =>
    response.on("data", (chunk: Buffer) => (bytes += chunk.length)).on("error", () => undefined),
  );
  asked.on("error", () => undefined).end();
  return { bytes: () => bytes, [Symbol.dispose]: () => void asked.destroy() };
};

const TURNS = 25;
const PRESSES_A_TURN = 4;
/** The simulated board may be behind on a busy machine: a press before the release of the one before is none. */
const RELEASED_MS = 500;

export const viewers = async (
  print: Print,
  { cpuSeconds, residentMiB, flags, epoch }: Process,
): Promise<void> => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "viewers-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const line = stack.use(openSerialLine(join(folder, "gps")));
  const link = join(folder, "panic");
  stack.use(startLiveBoard({ link, image: releasedImage(), onLight: () => undefined }));
  const port = await freePort();
  const config = join(folder, "car.yaml");
  writeFileSync(
    config,
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: ${line.path}, baud: 115200 }
panic: { port: ${link}, buttons: { dash: { loop: 0 } } }
dispatch: { brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true }
outbox: { path: outbox }
status: { listen: "127.0.0.1:${port}" }
`,
  );
  const unit = spawn(process.execPath, [...flags, "dist/patrol-unit.mjs", "run", "--config", config], {
    stdio: "ignore",
  });
  stack.defer(async () => {
    const gone = once(unit, "exit");
    unit.kill("SIGTERM");
    await gone;
  });
  let n = 0;
  const driving = setInterval(() => void line.write(epoch(n++)).catch(() => undefined), 1_000);
  stack.defer(() => clearInterval(driving));
  const pid = unit.pid!;
  await sleep(15_000);
  for (const count of VIEWERS) {
    using looking = new DisposableStack();
    const all = Array.from({ length: count }, () => looking.use(look(port)));
    await sleep(SETTLE_MS);
    const before = cpuSeconds(pid);
    const bytes = all[0]?.bytes() ?? 0;
    await sleep(MEASURED_S * 1_000);
    const percent = ((cpuSeconds(pid) - before) / MEASURED_S) * 100;
    const received = ((all[0]?.bytes() ?? 0) - bytes) / MEASURED_S / 1_024;
    print(
      `page: % of a core, MiB resident, KiB/s to each, with ${count} viewers`,
      `${percent.toFixed(2)}  ${residentMiB(pid).toFixed(1)}  ${received.toFixed(1)}`,
    );
  }
};

/**
 * Milliseconds from the contact to the lamp `stored`, in turn with 0 and with 3 viewers, so that what else the machine
 * does counts for both.
 */
export const pressedBeside = async (
  print: Print,
  quantile: (values: readonly number[], q: number) => number,
): Promise<void> => {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  const statusPort = await freePort();
  const brokers = `{ brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true }`;
  const car = stack.use(openCar(brokers, { board: true, program: "dist/patrol-unit.mjs", statusPort }));
  await car.start();
  await waitFor("the link", () => dispatch.states.length > 0);
  await waitFor("the board", () => car.lamps.at(-1) === "idle");
  const times: Record<0 | 3, number[]> = { 0: [], 3: [] };
  for (let turn = 0; turn < TURNS; turn++)
    for (const count of [0, 3] as const) {
      using looking = new DisposableStack();
      for (let n = 0; n < count; n++) looking.use(look(statusPort));
      await sleep(RELEASED_MS);
      for (let n = 0; n < PRESSES_A_TURN; n++) {
        times[count].push(...(await pressOnce(car, dispatch)).stored);
        await sleep(RELEASED_MS);
      }
    }
  for (const count of [0, 3] as const) {
    const figures = [0.5, 0.9, 0.95, 1].map((q) => quantile(times[count], q).toFixed(0)).join("  ");
    print(`page: ms from press to stored (p50, p90, p95, max) with ${count} viewers`, figures);
  }
};

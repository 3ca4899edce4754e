import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { fillBacklog } from "../journeys/backlog.ts";

/**
 * From the start of the process until the panic board has been asked: a press that comes then would be
 * stored. With an empty outbox and with records waiting, in turn. The board does not reset.
 */
const STARTS = 20;
const WAITING = 300_000;

const configOf = (folder: string, tty: string): string => {
  const file = join(folder, "car.yaml");
  writeFileSync(
    file,
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: "tcp://127.0.0.1:9" }
panic: { port: ${tty}, buttons: { dash: { loop: 0 } } }
dispatch: { brokers: ["mqtt://127.0.0.1:9"], allowPlaintext: true }
outbox: { path: ${folder}/outbox }
status: { listen: "127.0.0.1:0" }
`,
  );
  return file;
};

/** Milliseconds from `spawn` to the first byte on the board's line. */
const startOnce = async (folder: string, flags: readonly string[]): Promise<number> => {
  using line = openSerialLine();
  const config = configOf(folder, line.path);
  const asked = Promise.withResolvers<number>();
  line.onData(() => asked.resolve(performance.now()));
  const begun = performance.now();
  const child = spawn(process.execPath, [...flags, "dist/patrol-unit.mjs", "run", "--config", config], {
    stdio: "ignore",
  });
  const ms = (await asked.promise) - begun;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  await gone;
  return ms;
};

export const armed = async (
  print: (what: string, figure: string) => void,
  quantile: (values: readonly number[], q: number) => number,
  flags: readonly string[],
): Promise<void> => {
  const empty = mkdtempSync(join(tmpdir(), "armed-empty-"));
  const full = mkdtempSync(join(tmpdir(), "armed-full-"));
  try {
    await fillBacklog({ folder: full }, WAITING);
    const times: Record<"empty" | "full", number[]> = { empty: [], full: [] };
    for (let n = 0; n < STARTS; n++) {
      times.empty.push(await startOnce(empty, flags));
      times.full.push(await startOnce(full, flags));
    }
    const line = (values: readonly number[]) =>
      `${quantile(values, 0.5).toFixed(0)} / ${quantile(values, 0.95).toFixed(0)} ms`;
    print(`start to the board's query, p50/p95 of ${STARTS}, nothing waiting`, line(times.empty));
    print(`the same with ${WAITING} records waiting`, line(times.full));
  } finally {
    for (const folder of [empty, full]) rmSync(folder, { recursive: true, force: true });
  }
};

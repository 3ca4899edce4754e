import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connectAsync, type MqttClient } from "mqtt";
import { waitFor } from "./car.ts";

/** The real recorder as a process. */
export type RecorderProcess = AsyncDisposable & {
  readonly log: readonly LogLine[];
  /** Starts it and waits for its connection. */
  start(): Promise<void>;
  /** Starts it without waiting. */
  launch(): void;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Waits until it ends by itself. */
  ended(): Promise<number | null>;
};
type LogLine = { readonly level: string; readonly msg: string; readonly [key: string]: unknown };

/** `args`: beside `record`. */
export const openRecorder = (...args: string[]): RecorderProcess => {
  const log: LogLine[] = [];
  let child: ChildProcess | undefined;
  const self: RecorderProcess = {
    log,
    launch() {
      child = spawn(process.execPath, ["src/main.ts", "record", ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (text + chunk).split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) log.push(JSON.parse(line) as LogLine);
      });
    },
    async start() {
      const before = log.length;
      self.launch();
      await waitFor("the recorder's connection", () =>
        log.slice(before).some(({ msg }) => msg === "connected"),
      );
    },
    async ended() {
      if (child && child.exitCode === null && child.signalCode === null) await once(child, "close");
      return child?.exitCode ?? null;
    },
    async stop(signal = "SIGTERM") {
      if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
      const gone = once(child, "close");
      child.kill(signal);
      await gone;
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      await self.stop("SIGKILL");
    },
  };
  return self;
};

/** Runs `record ACTION …` and returns what it printed. */
export const runRecord = async (
  ...args: string[]
): Promise<{ code: number | null; out: string; err: string }> => {
  const child = spawn(process.execPath, ["src/main.ts", "record", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (out += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (err += chunk));
  await once(child, "close");
  return { code: child.exitCode, out, err };
};

export type Receipt = { store: string; upTo: number; missing: [number, number][]; by: string; at: string };

/** What a recorder publishes, as a unit or an operator sees it. */
export type Ears = AsyncDisposable & {
  readonly client: MqttClient;
  readonly messages: { topic: string; payload: string; retain: boolean }[];
  receipts(unit: string): Receipt[];
};

export const openEars = async (url: string, ...filters: string[]): Promise<Ears> => {
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 100 });
  const messages: { topic: string; payload: string; retain: boolean }[] = [];
  client.on("error", () => undefined);
  client.on("message", (topic, payload, { retain }) => {
    messages.push({ topic, payload: payload.toString(), retain });
  });
  await client.subscribeAsync(filters, { qos: 1 });
  return {
    client,
    messages,
    receipts: (unit) =>
      messages
        .filter(({ topic }) => topic.endsWith(`/${unit}/receipt`))
        .map(({ payload }) => JSON.parse(payload) as Receipt),
    [Symbol.asyncDispose]: () => client.endAsync(true),
  };
};

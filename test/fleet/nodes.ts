import type { ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { freePort } from "../journeys/mosquitto.ts";
import { endGroup, listening, pidsOf } from "./child.ts";
import type { Part } from "./processes.ts";

/** The brokers of a fleet, with the settings of config/broker. */
export type Brokers = AsyncDisposable & {
  readonly urls: readonly string[];
  readonly login: Login | undefined;
  /** Its processes, one part for each node. */
  readonly parts: readonly Part[];
  /** The machine of one node fails. */
  kill(node: number): Promise<void>;
  /** All fail, what they had on disk is gone, and they are started again. */
  forget(): Promise<void>;
};

type Login = { readonly username: string; readonly password: string };

/** One server: how it is started, and where its data is. */
export type Node = {
  readonly name: string;
  readonly port: number;
  readonly data: string;
  start(): ChildProcess;
};

/** `settle`: what is to be done once all nodes listen, at each start. `folder` is removed at the end. */
export type Servers = {
  readonly folder: string;
  readonly nodes: readonly Node[];
  readonly settle: () => Promise<void>;
  readonly login?: Login;
};

const STARTS_MS = 90_000;

export const portsOf = (count: number): Promise<number[]> =>
  Promise.all(Array.from({ length: count }, () => freePort()));

const startAll = async ({ nodes, settle }: Servers): Promise<ChildProcess[]> => {
  const running = nodes.map((node) => {
    mkdirSync(node.data, { recursive: true });
    // Started as root, mosquitto becomes its own user, which must keep its files here.
    chmodSync(node.data, 0o777);
    return node.start();
  });
  const ports = nodes.map(({ port }) => port);
  await listening(ports, STARTS_MS);
  await settle();
  await listening(ports, STARTS_MS);
  return running;
};

/** Starts them. */
export const runServers = async (servers: Servers): Promise<Brokers> => {
  const { folder, nodes, login } = servers;
  let running = await startAll(servers);
  const killAll = () => Promise.all(running.map((child) => endGroup(child, "SIGKILL")));
  return {
    urls: nodes.map(({ port }) => `mqtt://127.0.0.1:${port}`),
    login,
    parts: nodes.map(({ name }, n) => ({ name, pids: () => pidsOf(running[n]) })),
    kill: (node) => endGroup(running[node]!, "SIGKILL"),
    async forget() {
      await killAll();
      for (const { data } of nodes) rmSync(data, { recursive: true, force: true });
      running = await startAll(servers);
    },
    async [Symbol.asyncDispose]() {
      await killAll();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

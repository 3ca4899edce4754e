import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { answers, freePort } from "./mosquitto.ts";

/** Three brokers that act as one. */
export type Cluster = AsyncDisposable & {
  readonly urls: readonly string[];
  /** A node's machine fails. */
  kill(node: number): Promise<void>;
};

const NODES = [0, 1, 2] as const;
const RABBITMQ = "/usr/lib/rabbitmq/bin";
export const haveNats = existsSync("/usr/sbin/nats-server");
export const haveRabbit = existsSync(`${RABBITMQ}/rabbitmq-server`);

const listening = async (ports: readonly number[], limitMs: number): Promise<void> => {
  for (const end = performance.now() + limitMs; ;) {
    // oxlint-disable-next-line no-await-in-loop -- asked again until they do
    if ((await Promise.all(ports.map((port) => answers(port)))).every(Boolean)) return;
    if (performance.now() > end) throw new Error(`no broker on ${ports.join(", ")} after ${limitMs} ms`);
    // oxlint-disable-next-line no-await-in-loop
    await sleep(200);
  }
};
const ports = (count: number) => Promise.all(Array.from({ length: count }, () => freePort()));

const end = async (node: ChildProcess): Promise<void> => {
  if (node.exitCode !== null || node.signalCode !== null) return;
  const gone = once(node, "exit");
  // Its children as well: a machine that fails takes all of them.
  process.kill(-node.pid!, "SIGKILL");
  await gone;
};

const clusterOf = (folder: string, mqtt: readonly number[], nodes: readonly ChildProcess[]): Cluster => ({
  urls: mqtt.map((port) => `mqtt://127.0.0.1:${port}`),
  kill: (node) => end(nodes[node]!),
  async [Symbol.asyncDispose]() {
    await Promise.all(nodes.map(end));
    rmSync(folder, { recursive: true, force: true });
  },
});

export const startNats = async (): Promise<Cluster> => {
  const folder = mkdtempSync(join(tmpdir(), "nats-"));
  const [mqtt, cluster, client] = await Promise.all([ports(3), ports(3), ports(3)]);
  const routes = cluster.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  const nodes = NODES.map((n) => {
    const config = join(folder, `n${n}.conf`);
    writeFileSync(
      config,
      `server_name: n${n}
listen: 127.0.0.1:${client[n]}
jetstream { store_dir: "${join(folder, `n${n}`)}" }
cluster { name: patrol, listen: 127.0.0.1:${cluster[n]}, routes: [${routes}] }
mqtt { listen: 127.0.0.1:${mqtt[n]} }
`,
    );
    return spawn("nats-server", ["-c", config], { stdio: "ignore", detached: true });
  });
  await listening(mqtt, 20_000);
  await sleep(4_000); // until a leader is chosen: before, no client is let in
  return clusterOf(folder, mqtt, nodes);
};

export const startRabbit = async (): Promise<Cluster> => {
  const folder = mkdtempSync(join(tmpdir(), "rabbit-"));
  const [mqtt, amqp, dist] = await Promise.all([ports(3), ports(3), ports(3)]);
  writeFileSync(join(folder, "plugins"), "[rabbitmq_mqtt].\n");
  const names = NODES.map((n) => `patrol${n}-${mqtt[0]}@localhost`);
  const environment = (n: number) => ({
    ...process.env,
    HOME: folder,
    RABBITMQ_NODENAME: names[n],
    RABBITMQ_NODE_PORT: String(amqp[n]),
    RABBITMQ_DIST_PORT: String(dist[n]),
    RABBITMQ_MNESIA_BASE: join(folder, `n${n}`),
    RABBITMQ_LOG_BASE: join(folder, `n${n}`),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, `n${n}.conf`),
  });
  const nodes = NODES.map((n) => {
    mkdirSync(join(folder, `n${n}`));
    writeFileSync(
      join(folder, `n${n}.conf`),
      `mqtt.listeners.tcp.1 = 127.0.0.1:${mqtt[n]}\nmqtt.allow_anonymous = true\ncluster_partition_handling = pause_minority\n`,
    );
    return spawn(`${RABBITMQ}/rabbitmq-server`, { env: environment(n), stdio: "ignore", detached: true });
  });
  await listening(mqtt, 90_000);
  const control = (n: number, ...args: string[]) =>
    execFileSync(`${RABBITMQ}/rabbitmqctl`, ["-n", names[n]!, ...args], {
      env: environment(n),
      stdio: "pipe",
    });
  for (const n of [1, 2]) {
    control(n, "stop_app");
    control(n, "join_cluster", names[0]!);
    control(n, "start_app");
  }
  // A session's queue lives on one node unless it is mirrored: without this, who loses the node is let in nowhere.
  const mirrored = JSON.stringify({ "ha-mode": "all", "ha-sync-mode": "automatic" });
  control(0, "set_policy", "sessions", "^mqtt-subscription-", mirrored, "--apply-to", "queues");
  await listening(mqtt, 30_000);
  return clusterOf(folder, mqtt, nodes);
};

import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startDetached } from "./child.ts";
import { portsOf, runServers, type Brokers, type Node } from "./nodes.ts";

const NODES = 3;
const PROGRAMS = "/usr/lib/rabbitmq/bin";
export const haveRabbit = existsSync(`${PROGRAMS}/rabbitmq-server`);
/** RabbitMQ's own first user, which is accepted on loopback only. */
const LOGIN = { username: "guest", password: "guest" };

/** config/broker/rabbitmq.conf with a port of its own, without TLS. */
const settingsAt = (port: number): string =>
  readFileSync("config/broker/rabbitmq.conf", "utf8")
    .replace(/^mqtt\.listeners\.tcp = .*$/m, `mqtt.listeners.tcp.1 = 127.0.0.1:${port}`)
    .replaceAll(/^(mqtt\.listeners\.ssl|ssl_options|mqtt\.ssl_cert_login).*\n/gm, "");

/** The policy that the file tells to set: its name, pattern and definition. */
const policy = (): string[] => {
  const found = /set_policy (\S+) '([^']+)' '([^']+)'/.exec(
    readFileSync("config/broker/rabbitmq.conf", "utf8"),
  );
  if (!found) throw new Error("config/broker/rabbitmq.conf names no policy");
  return found.slice(1);
};

/** A cluster of three. */
export const startRabbit = async (): Promise<Brokers> => {
  const folder = mkdtempSync(join(tmpdir(), "fleet-rabbit-"));
  const [mqtt, amqp, dist] = await Promise.all([portsOf(NODES), portsOf(NODES), portsOf(NODES)]);
  writeFileSync(join(folder, "plugins"), "[rabbitmq_mqtt].\n");
  const names = mqtt.map((_, n) => `fleet${n}-${mqtt[0]}@localhost`);
  const environment = (n: number): NodeJS.ProcessEnv => ({
    ...process.env,
    HOME: folder,
    RABBITMQ_NODENAME: names[n],
    RABBITMQ_NODE_PORT: String(amqp[n]),
    RABBITMQ_DIST_PORT: String(dist[n]),
    RABBITMQ_MNESIA_BASE: join(folder, `n${n}`),
    RABBITMQ_LOG_BASE: join(folder, `n${n}`),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, `n${n}.conf`),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 2:2",
  });
  const control = (n: number, ...args: string[]) =>
    promisify(execFile)(`${PROGRAMS}/rabbitmqctl`, ["-n", names[n]!, ...args], { env: environment(n) });
  const settle = async (): Promise<void> => {
    for (let n = 1; n < NODES; n++) {
      // oxlint-disable-next-line no-await-in-loop -- they join one after the other
      for (const step of [["stop_app"], ["join_cluster", names[0]!], ["start_app"]])
        await control(n, ...step);
    }
    await control(0, "set_policy", ...policy(), "--apply-to", "queues");
  };
  const nodes = mqtt.map((port, n): Node => {
    writeFileSync(join(folder, `n${n}.conf`), settingsAt(port));
    const at = { cwd: folder, env: environment(n) };
    const start = () => startDetached(`${PROGRAMS}/rabbitmq-server`, [], at);
    return { name: `RabbitMQ ${n + 1}`, port, data: join(folder, `n${n}`), start };
  });
  return runServers({ folder, nodes, settle, login: LOGIN });
};

import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDetached } from "./child.ts";
import { portsOf, runServers, type Brokers, type Node } from "./nodes.ts";

const NODES = 3;
const SERVER = "/usr/sbin/nats-server";
export const haveNats = existsSync(SERVER);
/** Until the cluster has chosen its leaders: before that no client is accepted. */
const SETTLES_MS = 5_000;

/** Where a node listens, and the others. */
type Place = {
  readonly name: string;
  readonly data: string;
  readonly mqtt: number;
  readonly client: number;
  readonly cluster: number;
  readonly routes: readonly number[];
};

/** config/broker/nats.conf with names, ports and folders of its own, without TLS. */
const settingsAt = ({ name, data, mqtt, client, cluster, routes }: Place): string =>
  readFileSync("config/broker/nats.conf", "utf8")
    .replace(/^server_name: .*$/m, `server_name: ${name}`)
    .replace(/^listen: .*$/m, `listen: 127.0.0.1:${client}`)
    .replace(/store_dir: .*$/m, `store_dir: "${data}"`)
    .replace(/listen: 0\.0\.0\.0:6222/, `listen: 127.0.0.1:${cluster}`)
    .replace(/routes: .*$/m, `routes: [ ${routes.map((port) => `"nats://127.0.0.1:${port}"`).join(", ")} ]`)
    .replace(/listen: 0\.0\.0\.0:8883/, `listen: 127.0.0.1:${mqtt}`)
    .replace(/tls \{[^}]*\}/, "");

/** A cluster of three. */
export const startNats = async (): Promise<Brokers> => {
  const folder = mkdtempSync(join(tmpdir(), "fleet-nats-"));
  const [mqtt, client, cluster] = await Promise.all([portsOf(NODES), portsOf(NODES), portsOf(NODES)]);
  const nodes = mqtt.map((port, n): Node => {
    const [name, data, conf] = [`n${n}`, join(folder, `n${n}`), join(folder, `n${n}.conf`)];
    const place = { name, data, mqtt: port, client: client[n]!, cluster: cluster[n]!, routes: cluster };
    writeFileSync(conf, settingsAt(place));
    const start = () => startDetached(SERVER, ["-c", conf], { cwd: folder });
    return { name: `NATS ${n + 1}`, port, data, start };
  });
  return runServers({ folder, nodes, settle: () => sleep(SETTLES_MS) });
};

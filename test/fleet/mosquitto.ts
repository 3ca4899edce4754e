import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDetached } from "./child.ts";
import { portsOf, runServers, type Brokers, type Node } from "./nodes.ts";

/** The settings of config/broker/mosquitto.conf that belong to no machine: without TLS, access rules and folders. */
const GENERAL = /^(persistence|autosave_interval|persistent_client_expiration|max_\w+|set_tcp_nodelay) /;

const generalSettings = (): string[] =>
  readFileSync("config/broker/mosquitto.conf", "utf8")
    .split("\n")
    .filter((line) => GENERAL.test(line));

/** So many mosquittos, independent of one another. */
export const startMosquittos = async (count: number): Promise<Brokers> => {
  const folder = mkdtempSync(join(tmpdir(), "fleet-mosquitto-"));
  chmodSync(folder, 0o755);
  const ports = await portsOf(count);
  const nodes = ports.map((port, n): Node => {
    const data = join(folder, `data-${n}`);
    const conf = join(folder, `mosquitto-${n}.conf`);
    const own = [`persistence_location ${data}/`, `listener ${port} 127.0.0.1`, "allow_anonymous true"];
    writeFileSync(conf, `${[...generalSettings(), ...own].join("\n")}\n`);
    const start = () => startDetached("/usr/sbin/mosquitto", ["-c", conf], { cwd: folder });
    return { name: `mosquitto ${n + 1}`, port, data, start };
  });
  return runServers({ folder, nodes, settle: () => Promise.resolve() });
};

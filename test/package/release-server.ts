import { createReadStream, readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { connectAsync } from "mqtt";

/**
 * Headquarters for one release: serves the packages of a Debian whose root is ROOT, and publishes the release on a topic.
 *
 *   release-server.ts ROOT TOPIC VERSION
 */
const [root = "", topic = "", version = ""] = process.argv.slice(2);
const at = (name: string): Buffer => readFileSync(join(root, "tmp", name));
const own = { key: at("broker.key"), cert: at("broker.pem") };

createServer(own, ({ url = "" }, response) => {
  createReadStream(join(root, url)).pipe(response);
}).listen(8443, "127.0.0.1");

const client = await connectAsync("mqtts://127.0.0.1:8883", { ...own, ca: at("ca.pem"), protocolVersion: 5 });
const release = readFileSync(join(root, "packages", `${version}.release`));
await client.publishAsync(topic, release, { qos: 1, retain: true });
await client.endAsync();

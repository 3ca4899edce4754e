import { createConnect } from "../../src/dispatch/mqtt.ts";
import { systemTime } from "../../src/runtime/time.ts";

/** A unit's end of a connection in a process of its own: prints by how many MiB it grew until the first message. */
const on = {
  message: () => {
    process.stdout.write(`${(peak - before) / 1024 / 1024}\n`);
    clearInterval(watching);
    connection.end();
    return Promise.resolve();
  },
  accepted: () => undefined,
  oversize: () => undefined,
};
const options = { clientId: "zrenjanin.zr-117", username: "zrenjanin/zr-117", keepaliveS: 20 };
const url = process.argv[2] ?? "";
const connection = await createConnect(systemTime)(url, options, on, new AbortController().signal);
const before = process.memoryUsage().rss;
let peak = before;
const watching = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 1);
connection.subscribe(["t"], () => undefined);

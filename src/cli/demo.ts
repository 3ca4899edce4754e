import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Aedes } from "aedes";
import { openSerialLine } from "../demo/pty.ts";
import { driveRoute } from "../demo/receiver.ts";
import { ZRENJANIN } from "../demo/route.ts";
import { createLog } from "../runtime/log.ts";
import { pause } from "../runtime/wait.ts";
import { parseSettings } from "../settings/load.ts";
import { ttySource } from "../sources/tty.ts";
import { startUnit } from "../unit.ts";
import { EXIT, options, positive, type Command } from "./command.ts";
import { connectConsole, watchDispatch } from "./dispatch.ts";
import { onStopRequest } from "./stop.ts";

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** The broker acknowledges the farewell before it passes it on: time for it to be printed. */
const FAREWELL_MS = 200;

/** A broker inside the process, on a free local port. It speaks MQTT 3.1.1. */
const openBroker = async (): Promise<AsyncDisposable & { port: number }> => {
  const broker = await Aedes.createBroker();
  const server = createServer((socket) => broker.handle(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      await new Promise<void>((resolve) => broker.close(() => resolve()));
      server.close();
    },
  };
};

const settingsText = (tty: string, outbox: string, broker: number) => `
unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: ${JSON.stringify(tty)}, baud: 9600 }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1:${broker}"], allowPlaintext: true }
outbox: { path: ${JSON.stringify(outbox)} }
status: { listen: "127.0.0.1:0" }
`;

export const demo: Command = {
  summary: "a patrol through Zrenjanin on one machine, with nothing attached",
  usage: `patrol-unit demo [--speed N] [--json]

A receiver model drives through Zrenjanin and speaks NMEA into a pseudo-terminal; the unit reads it
as it would a real receiver and reports to a broker inside this process; what dispatch sees is
printed. --speed N drives N times as fast. Ctrl-C ends it clean.`,
  async run(args) {
    const given = options(args, { speed: { type: "string" }, json: { type: "boolean" } });
    const speed = Math.min(positive(given.speed, "speed", 1), 1000);
    const stop = onStopRequest();

    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), "patrol-unit-demo-"));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const broker = stack.use(await openBroker());
    const line = stack.use(openSerialLine(join(folder, "gps")));
    const console = await connectConsole(`mqtt://127.0.0.1:${broker.port}`, {});
    stack.defer(async () => {
      await sleep(FAREWELL_MS);
      await console.endAsync(true);
    });
    await watchDispatch(console, "patrol/v1", given.json ?? false, print);
    if (!given.json) {
      print(
        `A patrol car in Zrenjanin reports to a broker on port ${broker.port}. Its receiver starts cold: the`,
      );
      print("first position comes after some seconds. Ctrl-C ends the drive.\n");
    }
    const settings = parseSettings(settingsText(line.path, join(folder, "outbox"), broker.port), "demo");
    const unit = stack.use(
      await startUnit({
        settings,
        config: "demo",
        gps: ttySource(settings.gps.port, settings.gps.baud),
        recorded: false,
        log: createLog((entry) => process.stderr.write(entry)),
      }),
    );
    for (const epoch of driveRoute(ZRENJANIN, Date.now())) {
      if (stop.signal.aborted) break;
      // oxlint-disable-next-line no-await-in-loop -- a receiver speaks once a second
      await line.write(epoch);
      // oxlint-disable-next-line no-await-in-loop
      await pause(1000 / speed, stop.signal);
    }
    unit.stopBecause(await stop.requested);
    return EXIT.ok;
  },
};

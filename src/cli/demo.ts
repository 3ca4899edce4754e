import { mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Aedes } from "aedes";
import type { MqttClient } from "mqtt";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { startLiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { openSerialLine } from "../runtime/pty.ts";
import { sendPaced } from "../demo/pace.ts";
import { driveRoute } from "../demo/receiver.ts";
import { ZRENJANIN } from "../demo/route.ts";
import { createLog } from "../runtime/log.ts";
import { systemTime } from "../runtime/time.ts";
import { parseSettings } from "../settings/load.ts";
import { ttySource } from "../sources/tty.ts";
import { startUnit } from "../unit/start.ts";
import { EXIT, options, positive, type Command } from "./lib/command.ts";
import { onThisMachine } from "./lib/ports.ts";
import { acknowledge, connectConsole, nextAnswer, watchDispatch, type Answer } from "./lib/console.ts";
import { onStopRequest } from "./lib/stop.ts";

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** The broker acknowledges `offline` before it forwards it. Wait for that, so that it is printed. */
const FAREWELL_MS = 200;

/** An MQTT 3.1.1 broker in this process, on a free local port. */
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

const settingsText = (tty: string, panic: string, outbox: string, broker: number) => `
unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: ${JSON.stringify(tty)}, baud: 9600 }
panic: { port: ${JSON.stringify(panic)}, buttons: { dash: { loop: 0 } } }
dispatch: { brokers: ["mqtt://127.0.0.1:${broker}"], allowPlaintext: true }
outbox: { path: ${JSON.stringify(outbox)} }
status: { listen: "127.0.0.1:0" }
`;

const banner = (
  port: number,
  speed: number,
): string => `A patrol car in Zrenjanin reports to a broker on port ${port}. Its receiver starts cold: the first
position comes after some seconds, and the car is parked for 20 s. Lines with # are reports as dispatch
sees them; lines with patrol/v1/ are other messages; lines in braces are the unit's log. Keys: p presses
the panic button, a answers as dispatch (received, accepted, cleared), q or Ctrl-C ends the drive.
${speed === 1 ? "" : `The receiver's clock runs ${speed} times as fast: times of reports run ahead of those of the log.\n`}`;

/** A higher --speed counts as this one. */
const MAX_SPEED = 1000;
const BUTTON_LOOP = 0;
const PRESS_MS = 200;

/** Single keys of a terminal, or the letters of any other input. Capitals count as the same keys. */
const onKeys = (keys: Readonly<Partial<Record<string, () => void>>>): Disposable => {
  const { stdin } = process;
  const CTRL_C = "\u0003";
  const take = (bytes: Buffer) => {
    for (const key of bytes.toString()) {
      if (key === CTRL_C) keys["q"]?.();
      else keys[key.toLowerCase()]?.();
    }
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on("data", take);
  return {
    [Symbol.dispose]() {
      stdin.off("data", take);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
    },
  };
};

/** Each key gives the open emergency its next answer. `say`: prints a line for a person. */
const answerOnKey = (client: MqttClient, say: (line: string) => void): (() => void) => {
  let open: { topic: string; next: Answer } | undefined;
  client.on("message", (topic, payload) => {
    const next = nextAnswer(topic, payload);
    if (next) open = { topic, next };
    else if (open?.topic === topic) open = undefined;
  });
  return () => {
    if (open) acknowledge(client, open.topic, open.next, "the demo's dispatcher");
    else say("no emergency is open: press p first");
  };
};

export const demo: Command = {
  summary: "a patrol through Zrenjanin on one machine, with nothing attached",
  usage: `patrol-unit demo [--speed N] [--json]

A receiver model drives through Zrenjanin and speaks NMEA into a pseudo-terminal; the panic board's
real firmware runs in a simulator behind another. The unit reads both like real devices and reports
to a broker inside this process.

What it prints:
  a line with #           a report as dispatch sees it; (clock unset): it was made before the time
                          was known, (late): from the backlog, not live
  ONLINE, OFFLINE         the unit's state at the broker
  a line with patrol/v1/  a message that is no report, with its topic: an answer of dispatch to an
                          emergency, or the removal of an emergency that has ended
  the lamp shows          the button's lamp
  a line in braces        the unit's log (on stderr)

Keys, also as capitals: p presses the button, a answers as dispatch (received, accepted, cleared), q
or Ctrl-C ends it.
--speed N drives N times as fast. Reports then have the receiver's time, which runs ahead of the
log's.
--json: a JSON line for each message, {topic, retain, payload}, and for each change of the lamp,
{t, lamp, drill, sounder}.
Exit: 0 ended by q or Ctrl-C, 64 wrong usage.`,
  async run(args) {
    const given = options(args, { speed: { type: "string" }, json: { type: "boolean" } });
    const speed = Math.min(positive(given.speed, "speed", 1), MAX_SPEED);
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
    if (!given.json) print(banner(broker.port, speed));
    let shown = "";
    const board = stack.use(
      startLiveBoard({
        link: join(folder, "panic"),
        image: releasedImage(),
        onLight: (light) => {
          if (given.json) print(JSON.stringify({ t: Date.now(), ...light }));
          else if (light.lamp !== shown) print(`                          the lamp shows: ${light.lamp}`);
          shown = light.lamp;
        },
      }),
    );
    stack.use(
      onKeys({
        p: () => {
          board.catchUp();
          board.board.press(BUTTON_LOOP, PRESS_MS);
        },
        a: answerOnKey(console, given.json ? (said) => void process.stderr.write(`${said}\n`) : print),
        q: stop.ask,
      }),
    );
    const { can: _, ...settings } = parseSettings(
      settingsText(line.path, join(folder, "panic"), join(folder, "outbox"), broker.port),
      "demo",
    );
    const machine = await onThisMachine({
      settings,
      config: "demo",
      faults: [],
      log: createLog((entry) => process.stderr.write(entry)),
      gps: ttySource(settings.gps.port, settings.gps.baud),
      can: undefined,
      recorded: false,
    });
    const unit = stack.use(await startUnit(machine));
    await sendPaced(
      driveRoute(ZRENJANIN, Date.now()),
      (epoch) => line.write(epoch),
      1000 / speed,
      stop.signal,
      systemTime,
    );
    unit.stopBecause(await stop.requested);
    return EXIT.ok;
  },
};

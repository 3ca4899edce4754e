import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { MqttClient } from "mqtt";
import { releasedImage } from "../../../firmware-bridge/image.ts";
import { startLiveBoard } from "../../../firmware-bridge/simulator/live.ts";
import { openDemoBroker } from "../../demo/broker.ts";
import { sendPaced } from "../../demo/pace.ts";
import { driveRoute } from "../../demo/receiver.ts";
import { ZRENJANIN } from "../../demo/route.ts";
import { createLog } from "../../runtime/log.ts";
import { openSerialLine } from "../../runtime/pty.ts";
import { systemTime } from "../../runtime/time.ts";
import { parseSettings } from "../../settings/load.ts";
import { ttySource } from "../../sources/tty.ts";
import { startUnit } from "../../unit/start.ts";
import { acknowledge, connectConsole, nextAnswer, watchDispatch, type Answer } from "../lib/console.ts";
import { onThisMachine } from "../lib/ports.ts";
import type { StopRequest } from "../lib/stop.ts";
import { onKeys } from "./keys.ts";

/** `demo --terminal`: the demo as text. */

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** The broker acknowledges `offline` before it forwards it. Wait for that, so that it is printed. */
const FAREWELL_MS = 200;

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

const BUTTON_LOOP = 0;
const PRESS_MS = 200;

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

/** Drives until a stop is asked for. `speed`: how many times as fast as real time. */
export const showInTerminal = async (speed: number, json: boolean, stop: StopRequest): Promise<void> => {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "patrol-unit-demo-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const broker = stack.use(await openDemoBroker());
  const line = stack.use(openSerialLine(join(folder, "gps")));
  const console = await connectConsole(`mqtt://127.0.0.1:${broker.port}`, {});
  stack.defer(async () => {
    await sleep(FAREWELL_MS);
    await console.endAsync(true);
  });
  await watchDispatch(console, "patrol/v1", json, print);
  if (!json) print(banner(broker.port, speed));
  let shown = "";
  const board = stack.use(
    startLiveBoard({
      link: join(folder, "panic"),
      image: releasedImage(),
      onLight: (light) => {
        if (json) print(JSON.stringify({ t: Date.now(), ...light }));
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
      a: answerOnKey(console, json ? (said) => void process.stderr.write(`${said}\n`) : print),
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
};

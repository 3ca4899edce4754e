import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { WireReport } from "../../src/domain/report.ts";
import { readMessage } from "../../src/wire/read.ts";
import { busDatabase, busLog, busSignals } from "./bus-load.ts";
import { tellHost } from "./guest.ts";
import { startMosquitto } from "./mosquitto.ts";

/**
 * Runs inside the guest: a real virtual bus, a real broker, the unit; what was seen goes to the
 * console as lines that the test on the host reads.
 */
const tell = tellHost;
const sh = (command: string) => execFileSync("sh", ["-c", command], { encoding: "utf8" });

// As on a car: systemd/90-patrol-unit.conf.
sh("busybox sysctl -q -p systemd/90-patrol-unit.conf");
sh("ip link add dev vcan0 type vcan && ip link set vcan0 mtu 72 && ip link set vcan0 up");
writeFileSync(
  join(tmpdir(), "car.dbc"),
  `VERSION ""
BO_ 291 Dash: 8 A
 SG_ Speed : 0|16@1+ (0.01,0) [0|0] "km/h" A
BO_ 2566844926 CCVS: 8 A
 SG_ Brake : 0|2@1+ (1,0) [0|0] "" A
BO_ 1110 Doors: 48 A
 SG_ Door : 376|1@1+ (1,0) [0|0] "" A
${busDatabase()}BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_ "VFrameFormat" BO_ 2566844926 3;
`,
);
const config = join(tmpdir(), "unit.yaml");
const broker = await startMosquitto();
await broker.start();
writeFileSync(
  config,
  `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: "tcp://127.0.0.1:1" }
panic: none
can:
  interface: vcan0
  database: car.dbc
  signals:
    Vehicle.Speed: { from: Dash.Speed, deadband: 0, minIntervalMs: 0 }
    Vehicle.Chassis.ParkingBrake.IsEngaged: { from: CCVS.Brake }
    Vehicle.Cabin.Door.Row1.DriverSide.IsOpen: { from: Doors.Door }
${busSignals()}
dispatch: { brokers: ["${broker.url}"], allowPlaintext: true }
outbox: { path: outbox }
status: { listen: "127.0.0.1:0" }
health: { intervalS: 1 }
`,
);
const values = new Map<string, unknown>();
const events: string[] = [];
let canHealth: { frames: number; dropped: number; errors?: unknown; state: string } | undefined;
const client = await connectAsync(broker.url, { protocolVersion: 5 });
client.on("message", (topic, payload) => {
  const received = readMessage(topic, payload);
  for (const value of received.kind === "json" ? received.values : []) {
    const report = WireReport.safeParse(value);
    if (!report.success) continue;
    if (report.data.kind === "vehicle") {
      for (const [path, signal] of Object.entries(report.data.data.signals)) values.set(path, signal);
    }
    if (report.data.kind === "health") canHealth = report.data.data.can;
    const { data } = report.data;
    if ("type" in data && "part" in data && data.part === "can")
      events.push(`${data.type}: ${String(data.detail)}`);
  }
});
await client.subscribeAsync("#", { qos: 1 });
const until = async (what: string, done: () => boolean, limitMs = 60_000): Promise<boolean> => {
  const end = performance.now() + limitMs;
  while (!done() && performance.now() < end) await sleep(50);
  tell(what, done());
  return done();
};

let lines = 0;
const foreign = new Set<string>();
const SPOKEN_HERE = /^(123|18FEF117|456|321|20000004|20000040|2[0-3][0-9A-F])$/;
/** Watches all that is said on the bus, until the interface is deleted. */
const watchBus = () => {
  const spoken = spawn("candump", ["-L", "vcan0"], { stdio: ["ignore", "pipe", "ignore"] });
  let rest = "";
  spoken.stdout.on("data", (text) => {
    const whole = (rest + String(text)).split("\n");
    rest = whole.pop() ?? "";
    for (const line of whole) {
      lines++;
      const id = /vcan0 ([0-9A-F]+)#/.exec(line)?.[1] ?? line;
      if (!SPOKEN_HERE.test(id)) foreign.add(id);
    }
  });
  return spoken;
};
watchBus();
const unit = spawn(process.execPath, ["dist/patrol-unit.mjs", "run", "--config", config], {
  stdio: ["ignore", "ignore", "inherit"],
});
await until("the unit is heard", () => canHealth !== undefined);
await sleep(500);

sh("cansend vcan0 123#1027000000000000");
await until("standard frame", () => values.get("Vehicle.Speed") === 100);
sh("cansend vcan0 18FEF117#0100000000000000");
await until(
  "extended frame by its group",
  () => values.get("Vehicle.Chassis.ParkingBrake.IsEngaged") === true,
);
sh(`cansend vcan0 456##0${"00".repeat(47)}01`);
await until("FD frame", () => values.get("Vehicle.Cabin.Door.Row1.DriverSide.IsOpen") === true);

// What is not mapped does not even reach the process: the kernel filters it.
await sleep(2_500); // until health has counted what came so far
const before = canHealth?.frames ?? 0;
sh("cangen vcan0 -g 1 -n 500 -I 321 -L 8");
sh("cansend vcan0 123#E803000000000000");
await until("mapped among the others", () => values.get("Vehicle.Speed") === 10);
await sleep(2_500);
tell("frames that reached the unit", (canHealth?.frames ?? 0) - before);

sh("ip link set vcan0 down");
await until("down is told", () =>
  events.some((event) => event === "fault: vcan0 is down: ip link set vcan0 up"),
);
sh("ip link set vcan0 up");
for (let i = 0; i < 40 && values.get("Vehicle.Speed") !== 20; i++) {
  sh("cansend vcan0 123#D007000000000000");
  await sleep(500);
}
await until("heard again after up", () => values.get("Vehicle.Speed") === 20);

sh("ip link del vcan0");
await until("gone is told", () => events.some((event) => /has gone|is not there/.test(event)));
sh("ip link add dev vcan0 type vcan && ip link set vcan0 mtu 72 && ip link set vcan0 up");
const spoken = watchBus();
for (let i = 0; i < 40 && values.get("Vehicle.Speed") !== 30; i++) {
  sh("cansend vcan0 123#B80B000000000000");
  await sleep(500);
}
await until("heard again after it was made anew", () => values.get("Vehicle.Speed") === 30);

sh("cansend vcan0 20000004#0000000000000000 && cansend vcan0 20000004#0000000000000000");
await until("error frames are counted", () => canHealth?.errors === 2);
sh("cansend vcan0 20000040#0000000000000000");
await until("bus-off is told", () => events.some((event) => event.startsWith("fault: vcan0 is off the bus")));
for (let i = 0; i < 40 && values.get("Vehicle.Speed") !== 40; i++) {
  sh("cansend vcan0 123#A00F000000000000");
  await sleep(500);
}
await until("heard again after bus-off", () => values.get("Vehicle.Speed") === 40);

/** Plays a bus under load, and tells what of it came through. */
const play = async (what: string, seconds: number, meanwhile: () => Promise<void>): Promise<void> => {
  await sleep(2_500);
  const [framesBefore, droppedBefore] = [canHealth!.frames, canHealth!.dropped];
  const log = join(tmpdir(), "bus.log");
  const mapped = busLog(log, seconds);
  const player = spawn("canplayer", ["-I", log, "vcan0=vcan0"], { stdio: "ignore" });
  const over = once(player, "exit");
  await meanwhile();
  await over;
  const came = () => ({
    mapped,
    reached: canHealth!.frames - framesBefore,
    dropped: canHealth!.dropped - droppedBefore,
  });
  const all = () => came().reached + came().dropped >= mapped;
  for (let i = 0; i < 60 && !all(); i++) await sleep(500);
  tell(what, came());
};
await play("minute", 60, () => Promise.resolve());
tell("the minute is over", true);
// What finds no room is counted: shown with the little room that there is without the setting.
sh("busybox sysctl -q -w net.core.rmem_default=212992 && ip link set vcan0 down");
await sleep(2_000);
sh("ip link set vcan0 up");
for (let i = 0; i < 40 && values.get("Vehicle.Speed") !== 50; i++) {
  sh("cansend vcan0 123#8813000000000000");
  await sleep(500);
}
await play("stall", 5, async () => {
  await sleep(500);
  unit.kill("SIGSTOP");
  await sleep(3_000);
  unit.kill("SIGCONT");
});
tell("frames that found no room are counted", true);

tell("frames on the bus", lines);
tell("frames that nobody here sent", [...foreign]);
tell("events", events);
unit.kill("SIGTERM");
spoken.kill();
await sleep(1_000);
tell("end", true);
process.exit(0);

import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { WireReport } from "../../src/domain/report.ts";
import { readMessage } from "../../src/dispatch/read.ts";
import { startMosquitto } from "./mosquitto.ts";

/**
 * Runs inside the guest: a real virtual bus, a real broker, the unit; what was seen goes to the
 * console as lines that the test on the host reads.
 */
const tell = (what: string, value: unknown) =>
  process.stdout.write(`\nGUEST ${JSON.stringify({ what, value })}\n`);
const sh = (command: string) => execFileSync("sh", ["-c", command], { encoding: "utf8" });

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
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
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
dispatch: { brokers: ["${broker.url}"], allowPlaintext: true }
outbox: { path: outbox }
status: { listen: "127.0.0.1:0" }
health: { intervalS: 1 }
`,
);
const values = new Map<string, unknown>();
const events: string[] = [];
let canHealth: { frames: number; dropped: number; state: string } | undefined;
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

const spoken = spawn("candump", ["-L", "vcan0"], { stdio: ["ignore", "pipe", "ignore"] });
let lines = 0;
const foreign = new Set<string>();
spoken.stdout.on("data", (text) => {
  for (const line of String(text).split("\n")) {
    if (line === "") continue;
    lines++;
    const id = /vcan0 ([0-9A-F]+)#/.exec(line)?.[1] ?? line;
    if (!["123", "18FEF117", "456", "321"].includes(id)) foreign.add(id);
  }
});
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
for (let i = 0; i < 40 && values.get("Vehicle.Speed") !== 30; i++) {
  sh("cansend vcan0 123#B80B000000000000");
  await sleep(500);
}
await until("heard again after it was made anew", () => values.get("Vehicle.Speed") === 30);

tell("frames on the bus", lines);
tell("frames that nobody here sent", [...foreign]);
tell("events", events);
unit.kill("SIGTERM");
spoken.kill();
await sleep(1_000);
tell("end", true);
process.exit(0);

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { waitFor } from "./car.ts";
import { openDispatch } from "./dispatch.ts";
import { startMosquitto } from "./mosquitto.ts";

const DATABASE = `VERSION ""
BO_ 256 Drive: 8 A
 SG_ Speed : 0|16@1+ (0.01,0) [0|0] "km/h" A
BO_ 64 Airbag: 8 A
 SG_ Crash : 0|1@1+ (1,0) [0|0] "" A
BO_ 960 Terminals: 4 A
 SG_ Kl15 : 0|1@1+ (1,0) [0|0] "" A
`;
const BEGAN_S = 1_795_000_000;
const SAMPLES = 300;

/** Three seconds at 100 Hz: the speed falls from 60 km/h, then an airbag fires and the ignition goes off. */
const crash = (): string => {
  const line = (atS: number, id: string, data: string) =>
    `(${(BEGAN_S + atS).toFixed(6)}) can0 ${id}#${data}`;
  const lines = [line(0, "3C0", "01000000"), line(0, "040", "0000000000000000")];
  for (let n = 0; n < SAMPLES; n++) {
    const raw = 6_000 - n * 20;
    const hex = Buffer.of(raw & 0xff, raw >> 8).toString("hex");
    lines.push(line(n / 100, "100", `${hex}000000000000`));
  }
  lines.push(line(3, "040", "0100000000000000"), line(3.02, "040", "0100000000000000"));
  lines.push(line(3.5, "3C0", "00000000"), line(5.5, "3C0", "00000000"));
  return `${lines.join("\n")}\n`;
};

/** A unit that plays a recording to a broker. */
const playing = async (stack: AsyncDisposableStack, log: string | Buffer, ...options: readonly string[]) => {
  const folder = mkdtempSync(join(tmpdir(), "vehicle-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  writeFileSync(join(folder, "car.dbc"), DATABASE);
  writeFileSync(join(folder, "bus.log"), log);
  writeFileSync(
    join(folder, "car.yaml"),
    `database: car.dbc
signals:
  Vehicle.Speed: { from: Drive.Speed, staleS: 1 }
  Vehicle.Police.Airbag.IsDeployed: { from: Airbag.Crash }
  Vehicle.LowVoltageSystemState: { from: Terminals.Kl15, map: { "0": "OFF", "1": "ON" } }
`,
  );
  writeFileSync(
    join(folder, "unit.yaml"),
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/null }
panic: none
can: { interface: can0, profile: car.yaml }
dispatch: { brokers: ["${broker.url}"], allowPlaintext: true }
outbox: { path: outbox }
status: { listen: "127.0.0.1:0" }
`,
  );
  const words = ["--config", join(folder, "unit.yaml"), "--can", join(folder, "bus.log"), ...options];
  const unit = spawn(process.execPath, ["src/main.ts", "replay", ...words], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return { dispatch, exit: once(unit, "exit") as Promise<[number | null]> };
};

test("an airbag that fires opens an emergency by itself, with the half minute before it as evidence behind it", async () => {
  await using stack = new AsyncDisposableStack();
  const { dispatch, exit } = await playing(stack, crash());
  await waitFor("the emergency", () => dispatch.emergencies().length > 0);
  const [code] = await exit;
  expect(code).toBe(0);
  const emergencies = dispatch.emergencies();
  expect(new Set(emergencies.map(({ episode }) => episode)).size).toBe(1);
  expect(emergencies[0]).toMatchObject({ button: "airbag", test: false, state: "active", presses: 1 });
  expect(emergencies[0]!.vehicle?.signals).toMatchObject({
    "Vehicle.Speed": 0.2,
    "Vehicle.Police.Airbag.IsDeployed": true,
  });

  const evidence = new Map(
    dispatch.reports
      .filter((report) => report.kind === "vehicle")
      .filter(({ data }) => data.evidence !== undefined)
      .map((report) => [report.seq, report]),
  );
  const rising = [...evidence.values()].toSorted((a, b) => a.seq - b.seq);
  const speeds = rising.flatMap(({ data }) => data.signals["Vehicle.Speed"] ?? []);
  // The last frames before the airbag may have come in one read with it.
  expect(speeds.length).toBeGreaterThan(SAMPLES - 10);
  expect(speeds.slice(0, 3)).toEqual([60, 59.8, 59.6]);
  expect(rising.every(({ live, data }) => !live && data.evidence === emergencies[0]!.episode)).toBe(true);
  expect(Date.parse(rising[0]!.at)).toBe(BEGAN_S * 1000);
  expect(Date.parse(rising.at(-1)!.at) - Date.parse(rising[0]!.at)).toBeGreaterThan(2_800);
  expect(dispatch.events("power").map(({ data }) => data)).toMatchObject([{ what: "ignition-off" }]);
  expect(dispatch.missing()).toEqual([]);
}, 60_000);

test("a replay at full speed sees the ignition at each second of the recording, however fast it plays", async () => {
  await using stack = new AsyncDisposableStack();
  // Terminals every 100 ms: a minute of 5 s on and 5 s off.
  const lines = Array.from({ length: 600 }, (_, n) => {
    const on = Math.floor(n / 50) % 2 === 0;
    return `(${(BEGAN_S + n / 10).toFixed(6)}) can0 3C0#${on ? "01" : "00"}000000\n`;
  });
  const { dispatch, exit } = await playing(stack, lines.join(""), "--speed", "max");
  expect((await exit)[0]).toBe(0);
  const seen = new Map(
    dispatch.events("power").map(({ seq, data }) => [seq, "what" in data ? data.what : undefined]),
  );
  expect([...seen].toSorted(([a], [b]) => a - b).map(([, what]) => what)).toEqual([
    ...Array.from({ length: 5 }, () => ["ignition-off", "ignition-on"]).flat(),
    "ignition-off",
  ]);
}, 60_000);

test("a log that breaks off in the middle is played as far as it goes, and the replay ends with 74", async () => {
  await using stack = new AsyncDisposableStack();
  const whole = gzipSync(
    `(${BEGAN_S}.0) can0 3C0#00000000\n`.concat(`(${BEGAN_S}.1) can0 777#00\n`.repeat(50_000)),
  );
  const { dispatch, exit } = await playing(stack, whole.subarray(0, whole.length / 2), "--speed", "max");
  expect((await exit)[0]).toBe(74);
  const faults = dispatch.events("fault").map(({ data }) => data);
  expect(faults).toContainEqual(expect.objectContaining({ part: "can" }));
}, 60_000);

import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { parseCandumpLine } from "../../src/decode/can/candump.ts";
import { createMatcher } from "../../src/decode/can/message.ts";
import { dbcText, parseDbc } from "../../src/decode/dbc/parser.ts";
import { createRandom } from "../../src/demo/random.ts";
import type { CanFrame } from "../../src/domain/can.ts";
import { loadConfiguration } from "../../src/settings/load.ts";
import { missed, recordingsFolder } from "./field-data.ts";

const VEHICLES = resolve("config/vehicles");
const PROFILES = readdirSync(VEHICLES).filter((name) => name.endsWith(".yaml"));

/** The profile as a unit loads it. */
const mappingOf = (profile: string) => {
  const file = join(mkdtempSync(join(tmpdir(), "profile-")), "unit.yaml");
  writeFileSync(
    file,
    `unit: { directorate: a, id: b }
gps: { port: /dev/null }
can: { interface: can0, profile: ${join(VEHICLES, profile)} }
dispatch: { brokers: ["mqtts://a"] }
`,
  );
  const { settings, mapping, faults } = loadConfiguration(file);
  expect(faults).toEqual([]);
  return { can: settings.can!, mapping: mapping! };
};
const frame = (id: number, hex: string, extended = false): CanFrame => ({
  t: 0,
  bus: "can0",
  id,
  extended,
  data: Buffer.from(hex, "hex"),
});

test.each(PROFILES)("%s loads, and every signal of it becomes stale in time", (profile) => {
  const { can, mapping } = mappingOf(profile);
  expect(mapping.signals.length).toBe(Object.keys(can.signals).length);
  expect(mapping.signals.filter(({ staleMs }) => staleMs === undefined)).toEqual([]);
  const page = readFileSync(join(VEHICLES, "README.md"), "utf8");
  for (const path of Object.keys(can.signals)) expect(page, path).toContain(path.slice("Vehicle.".length));
});

describe("the J1939 van", () => {
  const { mapping } = mappingOf("j1939-van.yaml");
  const read = (id: number, hex: string) => Object.fromEntries(mapping.read(frame(id, hex, true)) ?? []);

  test("reads frames put together by hand after J1939-71, whoever sends them", () => {
    // 80 km/h is 0x5000 / 256; parking brake set: bits 3 and 4 of the first byte are 01.
    expect(read(0x18fef100, "F70050FFFFFFFFFF")).toEqual({
      "Vehicle.Speed": 80,
      "Vehicle.Chassis.ParkingBrake.IsEngaged": true,
    });
    expect(read(0x18fef117, "F3000AFFFFFFFFFF")).toMatchObject({
      "Vehicle.Speed": 10,
      "Vehicle.Chassis.ParkingBrake.IsEngaged": false,
    });
    expect(read(0x0cf00400, "FFFFFF803EFFFFFF")).toEqual({
      "Vehicle.Powertrain.CombustionEngine.Speed": 2000,
    });
    expect(read(0x18f00503, "FBFFFF82FFFFFFFF")).toEqual({
      "Vehicle.Powertrain.Transmission.SelectedGear": 126,
      "Vehicle.Powertrain.Transmission.CurrentGear": 5,
    });
    expect(read(0x18fef700, "FFFFFFFF0E01FFFF")).toEqual({
      "Vehicle.LowVoltageBattery.CurrentVoltage": 13.5,
    });
  });

  test("what is not available or in error is absent", () => {
    expect(read(0x18fef100, "FFFFFFFFFFFFFFFF")).toEqual({});
    expect(read(0x18fef100, "FB00FEFFFFFFFFFF")).toEqual({});
  });
});

const folder = recordingsFolder("can");
if (folder === undefined) missed(3, "databases and a RAV4's twenty seconds");

describe.skipIf(folder === undefined)("held against what others have published", () => {
  const database = (path: string) => parseDbc(dbcText(readFileSync(path)), path);

  test.each([
    ["skoda-octavia-iii.dbc", "vw_mqb.dbc"],
    ["toyota-rav4.dbc", "toyota_nodsu_pt_generated.dbc"],
  ])("%s reads the same bits as %s, signal by signal", (ours, theirs) => {
    const own = database(join(VEHICLES, ours));
    const matcher = createMatcher(database(`${folder}/dbc/${theirs}`));
    const ownMatcher = createMatcher(own);
    const random = createRandom(1);
    let compared = 0;
    const alone: string[] = [];
    for (const message of own.messages) {
      for (let round = 0; round < 200; round++) {
        const bytes = Uint8Array.from({ length: message.size }, () => Math.floor(random() * 256));
        const payload = { t: 0, bus: "", id: message.id, extended: message.extended, data: bytes };
        const published = matcher(payload)!;
        for (const signal of ownMatcher(payload)!.signals) {
          const same = published.signals.find((one) => one.signal.name === signal.signal.name);
          if (same) expect(signal.physical(bytes), signal.signal.name).toBe(same.physical(bytes));
          else if (round === 0) alone.push(signal.signal.name);
          compared++;
        }
      }
    }
    process.stdout.write(`${ours}: ${compared} values compared; its own: ${alone.join(", ") || "none"}\n`);
    expect(alone).toEqual(ours.startsWith("skoda") ? ["ZAS_Klemmen", "AB_Crash"] : []);
  });

  test("the RAV4's twenty seconds: wheel speeds as its authors decoded them, doors shut, belt latched, in drive", () => {
    const { mapping } = mappingOf("toyota-rav4.yaml");
    const lines = gunzipSync(readFileSync(`${folder}/rav4-20s.candump.gz`))
      .toString("latin1")
      .split("\n");
    const wheels: Readonly<Record<string, string>> = {
      "Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed": "WHEEL_SPEED_FL",
      "Vehicle.Chassis.Axle.Row1.Wheel.Right.Speed": "WHEEL_SPEED_FR",
      "Vehicle.Chassis.Axle.Row2.Wheel.Left.Speed": "WHEEL_SPEED_RL",
      "Vehicle.Chassis.Axle.Row2.Wheel.Right.Speed": "WHEEL_SPEED_RR",
    };
    const expected = new Map(
      gunzipSync(readFileSync(`${folder}/rav4-20s.expected.jsonl.gz`))
        .toString("utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { t: number; signal: string; value: number })
        .map(({ t, signal, value }) => [`${t} ${signal}`, value]),
    );
    const seen = new Map<string, unknown>();
    let compared = 0;
    let differing = 0;
    for (const line of lines) {
      const heard = parseCandumpLine(line);
      if (typeof heard !== "object" || heard.bus !== "can0") continue;
      for (const [path, value] of mapping.read(heard) ?? []) {
        seen.set(path, value);
        const authors = expected.get(`${heard.t} ${wheels[path]}`);
        if (authors === undefined) continue;
        compared++;
        // Frames that share a time stamp are told apart by none of the two.
        if (Math.abs(Number(value) - authors) > 0.001) differing++;
      }
    }
    process.stdout.write(
      `RAV4: ${compared} wheel speeds compared, ${differing} differ, ${seen.size} signals seen\n`,
    );
    expect(compared).toBeGreaterThan(6_000);
    expect(differing / compared).toBeLessThan(0.01);
    expect(Object.fromEntries(seen)).toMatchObject({
      "Vehicle.Powertrain.Transmission.SelectedGear": 127,
      "Vehicle.Chassis.ParkingBrake.IsEngaged": false,
      "Vehicle.Cabin.Seat.Row1.DriverSide.IsBelted": true,
      "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen": false,
      "Vehicle.Powertrain.CombustionEngine.IsRunning": true,
    });
  });
});

import { BOARD_FIRMWARE } from "../../src/domain/panic.ts";
import type { Snapshot } from "../../src/domain/snapshot.ts";

/** Snapshots of a made-up car. */

const AT = Date.UTC(2026, 10, 26, 13, 0, 0);
const UP_S = 5_400;

const steps = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

/** Half an hour of a drive around Zrenjanin, with two minutes in a tunnel. */
const trail = (): NonNullable<Snapshot["trail"]> => {
  const all = steps(360);
  const hidden = (n: number): boolean => n > 200 && n < 224;
  const known = (of: (n: number) => number) => all.map((n) => (hidden(n) ? null : of(n)));
  return {
    monoS: all.map((n) => UP_S - (360 - n) * 5),
    lat: known((n) => 45.38 + 0.01 * Math.sin(n / 40) + n * 0.00004),
    lon: known((n) => 20.38 + 0.014 * Math.cos(n / 55)),
    speedKmh: known((n) => 40 + 15 * Math.sin(n / 9)),
    accuracyM: known((n) => 2.5 + Math.abs(Math.sin(n / 12)) * 2 + (n > 224 && n < 236 ? 9 : 0)),
    fix: all.map((n) => (hidden(n) ? 0 : 3)),
    quality: known(() => 1),
    satellites: known((n) => 9 + Math.round(2 * Math.sin(n / 20))),
    hdop: known(() => 0.9),
  };
};

const SATELLITES: NonNullable<Snapshot["satellites"]> = [
  { constellation: "gps", prn: 2, elevationDeg: 64, azimuthDeg: 40, signalDbHz: 47 },
  { constellation: "gps", prn: 5, elevationDeg: 41, azimuthDeg: 130, signalDbHz: 42 },
  { constellation: "gps", prn: 12, elevationDeg: 23, azimuthDeg: 220, signalDbHz: 33 },
  { constellation: "gps", prn: 25, elevationDeg: 12, azimuthDeg: 310, signalDbHz: 22 },
  { constellation: "gps", prn: 29, elevationDeg: 5, azimuthDeg: 75 },
  { constellation: "glonass", prn: 70, elevationDeg: 55, azimuthDeg: 285, signalDbHz: 40 },
  { constellation: "galileo", prn: 11, elevationDeg: 34, azimuthDeg: 10, signalDbHz: 37 },
  { constellation: "galileo", prn: 24, elevationDeg: 78, azimuthDeg: 190, signalDbHz: 45 },
  { constellation: "beidou", prn: 19, elevationDeg: 18, azimuthDeg: 160, signalDbHz: 28 },
];

const signal = (
  path: string,
  value: number | boolean | string | undefined,
  more: { unit?: string; ageMs?: number; stale?: boolean; frameId?: number; message?: string } = {},
) => ({
  path: `Vehicle.${path}`,
  ...(value === undefined ? {} : { value }),
  stale: false,
  message: "ENGINE_1",
  frameId: 0x280,
  extended: false,
  signal: path,
  ...more,
});

const SIGNALS = [
  signal("Speed", 52.31, { unit: "km/h", ageMs: 20, frameId: 0x1a0, message: "BRAKE_1" }),
  signal("Powertrain.CombustionEngine.Speed", 1_980, { unit: "rpm", ageMs: 10 }),
  signal("Powertrain.CombustionEngine.ECT", 87, { unit: "Celsius", ageMs: 140, frameId: 0x288 }),
  signal("Powertrain.FuelSystem.RelativeLevel", 63, { unit: "percent", ageMs: 940, frameId: 0x320 }),
  signal("LowVoltageSystemState", "ON", { ageMs: 90, frameId: 0x570, message: "IGNITION" }),
  signal("Cabin.Door.Row1.DriverSide.IsOpen", false, { ageMs: 110, frameId: 0x470, message: "DOORS" }),
  signal("Police.Siren.IsOn", true, { ageMs: 61_000, stale: true, frameId: 0x18ff21fe, message: "SIREN" }),
  signal("Safety.Airbag.Deployed", undefined, { stale: true, frameId: 0x050, message: "AIRBAG_1" }),
];

const link = (): Snapshot["link"] => ({
  broker: "mqtts://mqtt-a.police.example:8883",
  reconnects: 2,
  rttMs: 43,
  custody: { mode: "dispatch", by: "kikinda-1", upTo: 48_211, receiptAgeS: 4, unreceipted: 3 },
  brokers: [
    { url: "mqtts://mqtt-a.police.example:8883", state: "connected", rttMs: 43, rttAgeS: 1 },
    { url: "mqtts://mqtt-b.police.example:8883", state: "standby", fault: "timeout" },
  ],
});

const board = (): NonNullable<Snapshot["panicBoard"]> => ({
  connected: true,
  firmware: BOARD_FIRMWARE,
  supplyMv: 4_970,
  supplyCalibrated: true,
  loops: { dash: "normal", boot: "normal" },
  loopNumbers: { dash: 0, boot: 1 },
  levelsV: { dash: 2.48, boot: 2.52 },
  buttons: { dash: { lastPressDays: 3, watchedDays: 120 }, boot: { watchedDays: 2 } },
});

const EVENTS: NonNullable<Snapshot["events"]> = [
  { at: "2026-11-26T11:30:00Z", monoS: 1, type: "boot", text: "version 0.1.0" },
  { at: "2026-11-26T11:30:09Z", monoS: 10, type: "clock", text: "the time is known" },
  {
    at: "2026-11-26T12:10:00Z",
    monoS: 2_400,
    type: "fault",
    part: "link",
    code: "timeout",
    where: "mqtts://mqtt-b.police.example:8883",
    text: "mqtt-b.police.example does not answer",
  },
  {
    at: "2026-11-26T12:12:10Z",
    monoS: 2_530,
    type: "recovered",
    part: "link",
    code: "timeout",
    text: "connected to mqtts://mqtt-a.police.example:8883",
  },
  { at: "2026-11-26T12:40:00Z", monoS: 4_200, type: "power", text: "ignition on" },
];

/** A car in which everything is in order. */
export const goodCar = (changes: Partial<Snapshot> = {}): Snapshot => ({
  state: "online",
  unit: "zrenjanin/zr-117",
  store: "a1b2c3d4",
  boot: 41,
  at: new Date(AT).toISOString(),
  clock: "gnss",
  mono: UP_S * 1_000,
  version: "0.1.0",
  vss: "6.0",
  uptimeS: UP_S,
  config: "9f3a51c07d0e9b6a2f7e4c1d8b5a60312e4f6d7c8b9a01234567890abcdef012",
  cpuPercent: 1.4,
  rssMiB: 96,
  diskFreeMiB: 12_400,
  temperatureC: 51,
  certificateExpiresAt: "2028-03-01T00:00:00Z",
  installed: { version: 12, previous: 11, signer: "fleet-2026" },
  outbox: {
    records: 3,
    lanes: { emergency: 0, event: 1, telemetry: 2 },
    oldestAgeS: 2,
    bytes: 1_800_000,
    history: {
      monoS: steps(360).map((n) => UP_S - (360 - n) * 10),
      records: steps(360).map((n) =>
        n > 240 && n < 254 ? (n - 240) * 9 : n >= 254 && n < 258 ? (258 - n) * 30 : n % 4,
      ),
      connected: steps(360).map((n) => (n > 240 && n < 254 ? 0 : 1)),
    },
  },
  link: link(),
  gps: { fix: "3d", satellites: 9, sentences: 81_000, rejected: {} },
  position: {
    at: AT,
    lat: 45.38712,
    lon: 20.39341,
    fix: "3d",
    altM: 82,
    speedKmh: 52,
    courseDeg: 214,
    quality: 1,
    satellites: 9,
    hdop: 0.9,
    accuracyM: 3.1,
  },
  trail: trail(),
  satellites: SATELLITES,
  can: {
    frames: 4_812_330,
    dropped: 0,
    state: "heard",
    interface: "can0",
    profile: "patrol-wagon.yaml",
    database: "wagon.dbc",
    signals: SIGNALS,
  },
  panicBoard: board(),
  emergency: {
    drillArmed: false,
    lamp: "idle",
    lampDrill: false,
    episodes: [
      {
        episode: "01KB0000000000000000000001",
        test: true,
        button: "dash",
        state: "cleared",
        presses: 1,
        pressedAt: "2026-11-26T12:41:03Z",
        legs: { stored: 3.4, sent: 41, received: 180, accepted: 6_210, cleared: 31_000 },
      },
    ],
  },
  faults: [],
  events: EVENTS,
  ...changes,
});

type List = NonNullable<Snapshot["commissioning"]>;

/** A commissioning list with a step of each kind and standing. */
export const aList = (changes: Partial<List> = {}): List => ({
  technician: "M. Petrović",
  leftS: 3_540,
  who: "person",
  now: [{ code: "go", values: ["boot"] }],
  ready: "button:boot",
  steps: [
    { id: "configuration", kind: "configuration", state: "pass" },
    { id: "clock", kind: "clock", state: "pass", figures: { clock: "gnss" } },
    {
      id: "certificate",
      kind: "certificate",
      state: "fail",
      says: [{ code: "expires", values: [12, 30] }],
      figures: { days: 12, expiresAt: "2026-12-08T10:00:00.000Z" },
    },
    {
      id: "firmware",
      kind: "firmware",
      state: "pass",
      figures: { firmware: BOARD_FIRMWARE, released: BOARD_FIRMWARE },
    },
    {
      id: "broker:mqtts://mqtt-a.police.example:8883",
      kind: "broker",
      subject: "mqtts://mqtt-a.police.example:8883",
      state: "pass",
      figures: {
        tries: 1,
        says: "MQTT 5, lets the unit in; a drill shows whether a press and its answer pass",
      },
    },
    { id: "fix", kind: "fix", state: "waiting", says: [{ code: "fix-good", values: [12, 60] }] },
    {
      id: "button:dash",
      kind: "button",
      subject: "dash",
      state: "pass",
      figures: { storedMs: 3.4, sentMs: 41, receivedMs: 180, clearedMs: 6_210 },
    },
    {
      id: "button:boot",
      kind: "button",
      subject: "boot",
      state: "waiting",
      says: [{ code: "press-none", values: ["boot"] }],
    },
    {
      id: "signal:Vehicle.Cabin.Door.Row1.DriverSide.IsOpen",
      kind: "signal",
      subject: "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen",
      state: "pass",
      figures: { from: false, to: true },
    },
    {
      id: "signal:Vehicle.Cabin.Seat.Row1.DriverSide.Airbag.IsDeployed",
      kind: "signal",
      subject: "Vehicle.Cabin.Seat.Row1.DriverSide.Airbag.IsDeployed",
      state: "not-fitted",
      cause: "cannot-be-tried",
      says: [{ code: "signal-untriable", values: ["false"] }],
      figures: { value: false },
    },
    {
      id: "signal:Vehicle.Body.Hood.IsOpen",
      kind: "signal",
      subject: "Vehicle.Body.Hood.IsOpen",
      state: "not-fitted",
      cause: "skipped",
      says: [{ code: "words", values: ["хауба нема прекидач"] }],
    },
    {
      id: "power-off",
      kind: "power-off",
      state: "not-fitted",
      cause: "not-configured",
      says: [{ code: "power-never" }],
    },
  ],
  ...changes,
});

/** The same list when it is over. */
export const overList = (over: NonNullable<List["over"]>): List => {
  const { leftS: _, ready: __, ...list } = aList({ who: "nobody", now: [{ code: "over" }] });
  return { ...list, over };
};

/** A car with faults of every kind of duty. */
export const badCar = (): Snapshot => {
  const good = goodCar();
  const { broker: _, ...offline } = good.link;
  const { position: __, ...rest } = good;
  return {
    ...rest,
    link: {
      ...offline,
      fault: "unreachable",
      brokers: (good.link.brokers ?? []).map(({ url }) => ({
        url,
        state: "connecting",
        fault: "unreachable",
      })),
    },
    gps: { ...good.gps, fix: "none", fault: "unplugged" },
    panicBoard: { ...board(), loops: { dash: "open", boot: "normal" }, levelsV: { dash: 4.93, boot: 2.5 } },
    emergency: { ...good.emergency, lamp: "fault" },
    outbox: { ...good.outbox, records: 214, oldestAgeS: 340 },
    commissioning: aList(),
    faults: [
      {
        part: "panic-loop",
        code: "open",
        where: "dash",
        detail: "dash (loop 0) is cut: look for a broken wire",
      },
      { part: "link", code: "unreachable", where: "mqtts://mqtt-a.police.example:8883", detail: "no route" },
      { part: "gps", code: "unplugged", detail: "/dev/gps is gone" },
      { part: "power", code: "not-scheduled", detail: "logind refuses" },
    ],
  };
};

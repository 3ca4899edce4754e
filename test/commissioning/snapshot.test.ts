import { BOARD_FIRMWARE } from "../../src/domain/panic.ts";
import { expect, test } from "vitest";
import { seenIn } from "../../src/commissioning/snapshot.ts";
import { Snapshot } from "../../src/domain/snapshot.ts";

const signal = { message: "M", frameId: 1, extended: false, signal: "S" };
const snapshot = Snapshot.parse({
  unit: "zrenjanin/zr-117",
  boot: 7,
  at: "2026-11-26T12:00:00.000Z",
  clock: "gnss",
  version: "0.1.0",
  uptimeS: 5,
  config: "c0ffee",
  certificateExpiresAt: "2027-11-26T12:00:00.000Z",
  outbox: { records: 0, bytes: 0 },
  link: {
    reconnects: 0,
    brokers: [{ url: "mqtts://dispatch-a:8883", state: "connected" }],
  },
  gps: { fix: "3d", sentences: 5, rejected: {} },
  position: { lat: 45, lon: 20, accuracyM: 3.2, satellites: 9 },
  can: {
    frames: 5,
    dropped: 0,
    state: "heard",
    signals: [
      { path: "Vehicle.Speed", value: 5, stale: false, ...signal },
      { path: "Vehicle.Body.Hood.IsOpen", value: true, stale: true, ...signal },
    ],
  },
  panicBoard: { connected: true, firmware: BOARD_FIRMWARE, loops: { dash: "normal" } },
  emergency: {
    drillArmed: true,
    lamp: "idle",
    episodes: [{ episode: "01", test: true, button: "dash", state: "received", legs: { stored: 4 } }],
  },
});

test("the status of a unit has what the list needs; a stale value counts as none", () => {
  expect(seenIn(snapshot)).toMatchObject({
    boot: 7,
    config: "c0ffee",
    clock: "gnss",
    at: Date.UTC(2026, 10, 26, 12),
    position: { accuracyM: 3.2, satellites: 9 },
    signals: { "Vehicle.Speed": 5, "Vehicle.Body.Hood.IsOpen": undefined },
    board: { connected: true, firmware: BOARD_FIRMWARE },
    drillArmed: true,
    episodes: [{ episode: "01", test: true, button: "dash", state: "received", legs: { stored: 4 } }],
    certificateExpiresAt: Date.UTC(2027, 10, 26, 12),
  });
});

test("a clock of a word that this release does not know is not trusted", () => {
  expect(seenIn({ ...snapshot, clock: "ptp" }).clock).toBe("unset");
  expect(seenIn({ ...snapshot, at: undefined }).clock).toBe("unset");
});

import type { EmergencyData, EmergencyUpdate, Report } from "../../src/domain/report.ts";

/** Reports as the outbox gives them out, for the tests of this room. */
const envelope = {
  v: 1,
  unit: "zrenjanin/zr-117",
  store: "k3v9q0ab",
  boot: 1,
  at: "2026-11-22T08:58:23.120Z",
  clock: "gnss",
  mono: 1,
} as const;

export const position = (seq: number): Report => ({
  ...envelope,
  seq,
  kind: "position",
  data: { lat: 45, lon: 20, fix: "3d", reason: "interval" },
});

export const event = (seq: number, detail = "it is unplugged"): Report => ({
  ...envelope,
  seq,
  kind: "event",
  data: { type: "fault", part: "gps", detail },
});

export const health = (seq: number): Report => ({
  ...envelope,
  seq,
  kind: "health",
  data: {} as Extract<Report, { kind: "health" }>["data"],
});

export const emergency = (
  seq: number,
  state: EmergencyData["state"] = "active",
  more: Partial<EmergencyData> = {},
): EmergencyUpdate => ({
  ...envelope,
  seq,
  kind: "emergency",
  data: {
    episode: "01JD9Z4K6M8N0P2Q4R6S8T0V2W",
    state,
    test: false,
    silent: false,
    button: "dash",
    buttons: ["dash"],
    presses: 1,
    attempt: 1,
    ...more,
  },
});

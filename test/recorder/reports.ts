import type { Accepted, Meaning, StoredReport } from "../../src/recorder/report.ts";

export const UNIT = "zrenjanin/zr-117";
export const STORE = "k3v9q0ab";
export const AT = Date.UTC(2026, 10, 24, 8);

/** A report as it is on the wire, in JSON. */
export const wire = (seq: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  v: 1,
  unit: UNIT,
  store: STORE,
  boot: 1,
  seq,
  kind: "position",
  at: new Date(AT + seq * 1000).toISOString(),
  clock: "gnss",
  mono: seq * 1000,
  live: true,
  data: { lat: 45.38, lon: 20.39, fix: "3d", speedKmh: 50, courseDeg: 90, reason: "interval" },
  ...more,
});

export const gapData = (from: number, to: number, kept: number[] = [], reason = "retention") => ({
  type: "gap",
  from,
  to,
  count: to - from + 1 - kept.length,
  ...(kept.length > 0 ? { kept } : {}),
  reason,
});

export const emergencyData = (more: Record<string, unknown> = {}) => ({
  episode: "01JDD3ZZZZZZZZZZZZZZZZZZZZ",
  state: "active",
  test: false,
  button: "dash",
  presses: 1,
  attempt: 1,
  ...more,
});

/** An accepted report. */
export const accepted = (
  seq: number,
  more: Partial<StoredReport> = {},
  meaning: Meaning = { kind: "plain" },
): Accepted => ({
  report: {
    unit: UNIT,
    store: STORE,
    boot: 1,
    seq,
    kind: "position",
    at: AT + seq * 1000,
    clock: "gnss",
    mono: seq * 1000,
    live: true,
    data: JSON.stringify({ lat: 45.38, lon: 20.39, fix: "3d", reason: "interval" }),
    extra: undefined,
    ...more,
  },
  meaning,
});

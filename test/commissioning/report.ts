import { BOARD_FIRMWARE } from "../../src/domain/panic.ts";
import type { CommissioningReport } from "../../src/domain/commissioning.ts";

/** A report with these changes. */
export const reportWith = (more: Partial<CommissioningReport> = {}): CommissioningReport => ({
  v: 1,
  kind: "commissioning",
  id: "k3v9q0ab-7-1",
  unit: "zrenjanin/zr-117",
  store: "k3v9q0ab",
  boot: 7,
  at: new Date().toISOString(),
  clock: "gnss",
  seconds: 312.4,
  technician: "M. Petrović",
  result: "failed",
  versions: { software: "0.1.0", vss: "6.0", firmware: BOARD_FIRMWARE },
  configuration: { sha256: "0".repeat(64), version: 3, signer: "hq" },
  limits: { accuracyM: 10, holdS: 60, certificateDays: 30 },
  steps: [
    { id: "clock", kind: "clock", outcome: "pass", figures: { clock: "gnss" }, endedS: 1 },
    {
      id: "button:dash",
      kind: "button",
      subject: "dash",
      outcome: "fail",
      reason: "the time is up: dash was not pressed",
      endedS: 300,
    },
    {
      id: "signal:Vehicle.Body.Hood.IsOpen",
      kind: "signal",
      subject: "Vehicle.Body.Hood.IsOpen",
      outcome: "not-fitted",
      cause: "skipped",
      reason: "the bonnet has no switch",
      endedS: 0,
    },
  ],
  ...more,
});

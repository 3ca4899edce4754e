import { describe, expect, test } from "vitest";
import type { EmergencyData, EmergencyUpdate } from "../../src/domain/report.ts";
import { DRILL_ENDS_MS } from "../../src/emergency/machine.ts";
import { episodeOf } from "../../src/emergency/orphan.ts";

const ID = "01K0000000000000000000000A";
const reportOf = (data: Partial<EmergencyData> = {}): EmergencyUpdate => ({
  v: 1,
  unit: "zrenjanin/zr-117",
  store: "k3v9q0ab",
  boot: 7,
  seq: 12,
  kind: "emergency",
  at: "2026-11-24T22:00:00.000Z",
  clock: "gnss",
  mono: 1,
  data: { episode: ID, state: "active", test: false, button: "dash", presses: 2, attempt: 3, ...data },
});

describe("the episode of a report", () => {
  test("is open as the report says, and claims nothing until it is stored", () => {
    expect(episodeOf(reportOf(), true, 1_000)).toMatchObject({
      id: ID,
      state: "active",
      buttons: ["dash"],
      presses: 2,
      silent: false,
      dark: true,
      safe: false,
      reach: "made",
    });
  });

  test("keeps the time of the press, who acknowledged it, and all buttons", () => {
    const data: Partial<EmergencyData> & { pressedAt: string } = {
      pressedAt: "2026-11-24T21:59:58.000Z",
      state: "received",
      by: "op-7",
      ackAt: "2026-11-24T22:00:03.000Z",
      buttons: ["dash", "boot"],
      silent: true,
      heldMs: 200,
    };
    const episode = episodeOf(reportOf(data), false, 1_000);
    expect(episode.pressed).toMatchObject({ at: Date.parse(data.pressedAt), clock: "gnss" });
    expect(episode).toMatchObject({
      state: "received",
      by: "op-7",
      ackAt: "2026-11-24T22:00:03.000Z",
      silent: true,
      heldMs: 200,
    });
    expect(episode.buttons).toEqual(["dash", "boot"]);
  });

  test("a drill ends by itself", () => {
    expect(episodeOf(reportOf({ test: true }), false, 1_000).endsAt).toBe(1_000 + DRILL_ENDS_MS);
    expect(episodeOf(reportOf(), false, 1_000).endsAt).toBeUndefined();
  });
});

import { expect, test } from "vitest";
import { bootGuest, canBoot } from "./guest.ts";

test.skipIf(!canBoot)(
  "a real controller is listened to in listen-only mode alone, or if it is declared to be in it; a virtual one always",
  async () => {
    const told = await bootGuest("test/journeys/can-mode-guest.ts", 100_000);
    expect(Object.fromEntries(told)).toMatchObject({
      active: "not-listen-only",
      "active, declared to listen only": "heard",
      "active and down": "not-listen-only",
      "listen-only and down": "down",
      "listen-only": "heard",
      virtual: "heard",
      changed: "not-listen-only",
      end: true,
    });
    expect(told.get("said to the adapter")).toMatch(/O\r[^L]*L\r/);
  },
  120_000,
);

import { expect, test } from "vitest";
import { canBoot, startGuest } from "./guest.ts";

const LIFE_S = 20;

test.skipIf(!canBoot)(
  "a real systemd with a watchdog of one second leaves a service alone that lives, and ends one that hangs",
  async () => {
    const guest = startGuest("test/journeys/watchdog-guest.ts", {
      init: "test/journeys/systemd-guest.sh",
      env: { GUEST_WATCHDOG_S: "1", GUEST_LIFE_S: String(LIFE_S) },
    });
    const timer = setTimeout(() => void guest.cut(), 100_000);
    await guest.off;
    clearTimeout(timer);
    expect(guest.told.get("lived"), guest.console()).toBe(LIFE_S);
    expect(guest.console()).toContain("Watchdog timeout");
    expect(guest.console()).not.toContain("notify message");
  },
  120_000,
);

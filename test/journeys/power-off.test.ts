import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { canBoot, startGuest } from "./guest.ts";

const hasPolkit = existsSync("/usr/lib/polkit-1/polkitd") && existsSync("/usr/bin/dbus-daemon");

test.skipIf(!canBoot || !hasPolkit)(
  "a real systemd lets the service's user schedule a power-off and cancel it; one that is not cancelled stops the service clean and switches the machine off",
  async () => {
    const guest = startGuest("test/journeys/power-off-guest.ts", { init: "test/journeys/systemd-guest.sh" });
    const timer = setTimeout(() => void guest.cut(), 100_000);
    await guest.off;
    clearTimeout(timer);
    expect(guest.told.get("refused"), guest.console()).toBeUndefined();
    for (const what of [
      "nothing to cancel is no error",
      "scheduled",
      "cancelled",
      "scheduled again",
      "stopped clean",
    ]) {
      expect(guest.told.get(what), `${what}\n${guest.console()}`).toBe(true);
    }
    expect(guest.told.get("user")).not.toBe(0);
    expect(guest.console()).toContain("System Power Off");
  },
  120_000,
);

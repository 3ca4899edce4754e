import { expect, test } from "vitest";
import { canBoot, startGuest } from "./guest.ts";

test.skipIf(!canBoot)(
  "a real systemd that is asked stops the service clean and switches its machine off",
  async () => {
    const guest = startGuest("test/journeys/power-off-guest.ts", { init: "test/journeys/systemd-guest.sh" });
    const timer = setTimeout(() => void guest.cut(), 100_000);
    await guest.off;
    clearTimeout(timer);
    expect(guest.told.get("refused")).toBeUndefined();
    expect(guest.told.get("started"), guest.console()).toBe(true);
    expect(guest.told.get("stopped clean"), guest.console()).toBe(true);
    expect(guest.console()).toContain("System Power Off");
  },
  120_000,
);

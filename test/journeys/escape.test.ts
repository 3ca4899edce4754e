import { expect, test } from "vitest";
import * as z from "zod";
import { canBootAny, startGuest } from "./guest.ts";

/** The numbers of the system calls are those of x86-64. */
const canTry = canBootAny && process.arch === "x64";
const REFUSALS = ["EPERM", "EACCES", "EROFS", "EAFNOSUPPORT"];

test.skipIf(!canTry)(
  "a service that is taken over can neither write elsewhere, nor open other devices, nor act on the kernel or other processes",
  async () => {
    const guest = startGuest("test/journeys/escape-guest.ts", { init: "test/journeys/escape-guest.sh" });
    const timer = setTimeout(() => void guest.cut(), 270_000);
    await guest.off;
    clearTimeout(timer);
    // Without the hardening these attempts succeed. This shows that the test can see a missing rule.
    expect(guest.told.get("loose"), guest.console()).toMatchObject({
      "write into a folder that is open to all": "allowed",
      "open another device that is open to all": "ENODEV",
      "open the kernel's log": "allowed",
      "trace another process of the same user": "allowed",
      mount: "EFAULT",
    });
    const tight = z.record(z.string(), z.string()).parse(guest.told.get("tight"));
    expect(Object.keys(tight)).toHaveLength(15);
    for (const [attempt, ended] of Object.entries(tight)) expect(REFUSALS, attempt).toContain(ended);
  },
  300_000,
);

import { beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { KEPT } from "../contracts/can-driver.ts";
import { bootGuest, canBoot, hasSocketcan, hasStrace } from "./guest.ts";

/** What may happen to a socket of the bus: it is opened, set up, waited for, read and closed. */
const SILENT = ["socket", "bind", "setsockopt", "getsockopt", "ioctl", "epoll_ctl", "poll", "close"];
const READS = { native: "recvmmsg", socketcan: "recvfrom" } as const;

describe.skipIf(!canBoot)("the drivers of a bus", () => {
  let told: ReadonlyMap<string, unknown>;
  beforeAll(async () => {
    told = await bootGuest("test/journeys/can-drivers-guest.ts", 260_000);
  }, 280_000);

  const promises = Object.entries(KEPT);

  test.each(promises)("native: %s", (promise, kept) => {
    expect(told.get(`native: ${promise}`)).toEqual(kept);
  });

  test.skipIf(!hasSocketcan).each(promises)("socketcan: %s", (promise, kept) => {
    expect(told.get(`socketcan: ${promise}`)).toEqual(kept);
  });

  test.skipIf(!hasSocketcan)(
    "if koffi cannot be loaded, socketcan reads the bus, and that is said once",
    () => {
      expect(told.get("without koffi")).toEqual([
        "warned: the library koffi cannot be loaded: the bus is read with socketcan, which needs more of the processor",
        "heard",
        "heard",
      ]);
    },
  );

  test.skipIf(!hasStrace).each(hasSocketcan ? (["native", "socketcan"] as const) : (["native"] as const))(
    "%s never writes to its socket: no system call that names it could send",
    (driver) => {
      const calls = z.array(z.string()).parse(told.get(`${driver}: calls`));
      expect(calls).toContain(READS[driver]);
      expect([...SILENT, READS[driver]]).toEqual(expect.arrayContaining(calls));
    },
  );

  test("native closes its socket", () => {
    expect(told.get("descriptors that stay open")).toBe(0);
  });
});

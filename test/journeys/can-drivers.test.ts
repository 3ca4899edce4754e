import { beforeAll, describe, expect, test } from "vitest";
import { KEPT } from "../contracts/can-driver.ts";
import { bootGuest, canBoot, hasSocketcan } from "./guest.ts";

describe.skipIf(!canBoot)("the drivers of a bus", () => {
  let told: ReadonlyMap<string, unknown>;
  beforeAll(async () => {
    told = await bootGuest("test/journeys/can-drivers-guest.ts", 200_000);
  }, 220_000);

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

  test("native closes its socket", () => {
    expect(told.get("descriptors that stay open")).toBe(0);
  });
});

import type { Time } from "../../runtime/ports.ts";
import type { CanDriver } from "./channel.ts";
import { KOFFI_MISSING } from "./library.ts";
import { nativeDriver } from "./native.ts";
import { socketcanDriver } from "./socketcan.ts";

/** `can.driver`. */
export type CanDriverName = "native" | "socketcan";

const INSTEAD = `${KOFFI_MISSING.says}: the bus is read with socketcan, which needs more of the processor`;

/**
 * The driver of a name. If koffi cannot be loaded, `native` is `socketcan`: both check the bus's mode in the
 * same way, and a car that reports its signals at a higher price is better than one that does not.
 * `warn` gets one line when that happens. Without either library the first one is reported.
 */
export const driverOf = (name: CanDriverName, time: Time, warn: (line: string) => void): CanDriver => {
  if (name === "socketcan") return socketcanDriver;
  const native = nativeDriver(time);
  let isWarned = false;
  return async () => {
    try {
      return await native();
    } catch (cause) {
      const open = await socketcanDriver().catch(() => undefined);
      if (!open) throw cause;
      if (!isWarned) warn(INSTEAD);
      isWarned = true;
      return open;
    }
  };
};

import type { Time } from "../../runtime/ports.ts";
import type { CanDriver } from "./channel.ts";
import { missingForNative } from "./library.ts";
import { nativeDriver } from "./native.ts";
import { socketcanDriver } from "./socketcan.ts";

/** `can.driver`. */
export type CanDriverName = "native" | "socketcan";

/** Said if a machine that lacks what `native` needs reads its bus all the same. */
export const readInstead = async (name: CanDriverName): Promise<string | undefined> => {
  const missing = name === "native" ? await missingForNative() : undefined;
  return missing && `${missing.says}: the bus is read with socketcan, which needs more of the processor`;
};

/**
 * The driver of a name. If this machine lacks what `native` needs, it is `socketcan`: both check the bus's mode
 * in the same way, and a car that reports its signals at a higher price is better than one that does not.
 * `warn` gets one line when that happens. Without either library the first one is reported.
 */
export const driverOf = (name: CanDriverName, time: Time, warn: (line: string) => void): CanDriver => {
  if (name === "socketcan") return socketcanDriver;
  const native = nativeDriver(time);
  let isWarned = false;
  return async () => {
    const instead = await readInstead(name);
    const open = instead === undefined ? undefined : await socketcanDriver().catch(() => undefined);
    if (instead === undefined || !open) return native();
    if (!isWarned) warn(instead);
    isWarned = true;
    return open;
  };
};

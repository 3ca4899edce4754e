import { hostOf } from "../../domain/address.ts";
import { SourceError, type ByteSource } from "../../domain/bytes.ts";
import type { CanSource } from "../../domain/can.ts";
import { systemTime } from "../../runtime/time.ts";
import { busSource } from "../../sources/can/bus.ts";
import { driverOf } from "../../sources/can/driver.ts";
import type { Settings } from "../../settings/schema.ts";

/** The receiver is off because of a fault of the configuration. */
const noReceiver: ByteSource = () => {
  throw new SourceError("failed", "there is no receiver: the gps block of the configuration is faulty");
};

/** The receiver that a configuration names: a tty, or an address on the network. */
export const gpsSource = async (gps: Settings["gps"] | undefined): Promise<ByteSource> => {
  if (!gps) return noReceiver;
  if (!gps.port.startsWith("tcp://")) {
    const { ttySource } = await import("../../sources/tty.ts");
    return ttySource(gps.port, gps.baud);
  }
  const { tcpSource } = await import("../../sources/tcp.ts");
  const url = new URL(gps.port);
  return tcpSource(hostOf(url), Number(url.port));
};

/**
 * The bus that a configuration names. It is refused if its controller could transmit. `warn`: told if another
 * driver is used than the configuration names.
 */
export const canSource = (
  can: Pick<NonNullable<Settings["can"]>, "interface" | "driver" | "listenOnly">,
  warn: (line: string) => void,
): CanSource =>
  busSource(can.interface, {
    driver: driverOf(can.driver, systemTime, warn),
    declared: can.listenOnly === "declared",
  });

import type { ByteSource } from "../domain/bytes.ts";
import type { Settings } from "../settings/schema.ts";

/** The receiver that a configuration names: a tty, or an address on the network. */
export const gpsSource = async (gps: Settings["gps"]): Promise<ByteSource> => {
  if (!gps.port.startsWith("tcp://")) {
    const { ttySource } = await import("../sources/tty.ts");
    return ttySource(gps.port, gps.baud);
  }
  const { tcpSource } = await import("../sources/tcp.ts");
  const { hostname, port } = new URL(gps.port);
  return tcpSource(hostname, Number(port));
};

import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Lookup } from "./addresses.ts";
import type { BrokerAddress } from "./broker-address.ts";
import { PacketGuard, type Findings } from "./guard.ts";
import { HandshakeError } from "./opening.ts";
import type { Pem } from "./pem.ts";

/** Asks the system's resolver. Rejects with its error. */
export const systemLookup: Lookup = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

const READ_BYTES = 64 * 1024;
/**
 * Groups for the key exchange. Not the default of OpenSSL 3.5, which offers ML-KEM first: that is 1.2 kB more in each
 * first message, and a press on a 2G network waits for all handshakes that are under way.
 */
const GROUPS = "X25519:P-256:P-384:P-521";

/**
 * An open socket. All reads use one buffer: with a new buffer for each chunk, skipping a large message
 * leaves 35 MiB of garbage until it is collected.
 */
export type OpenSocket = {
  readonly socket: Socket;
  /** Gets the bytes, which are valid until it returns. False: no more until `socket.resume()`. */
  data: (bytes: Buffer) => boolean;
};

/**
 * Opens TCP, or TLS with the name checked, to one address. `from`: the address of this machine to use; left out: the
 * system chooses. `reached` is called when TCP is open. Rejects with HandshakeError or the system's error.
 */
export const openSocket = (
  { secure, host, port }: BrokerAddress,
  address: string,
  credentials: Pem,
  { reached, signal, from }: { reached: () => void; signal: AbortSignal; from: string | undefined },
): Promise<OpenSocket> =>
  new Promise((resolve, reject) => {
    const buffer = Buffer.alloc(READ_BYTES);
    const callback = (bytes: number): boolean => open.data(buffer.subarray(0, bytes));
    const origin = from === undefined ? {} : { localAddress: from };
    const where = { host: address, port, ...origin, onread: { buffer, callback } };
    const socket = secure
      ? connectTls({
          ...where,
          ...credentials,
          ecdhCurve: GROUPS,
          ...(isIP(host) > 0 ? {} : { servername: host }),
        })
      : connectTcp(where);
    const open: OpenSocket = {
      socket,
      data() {
        // A broker never sends bytes before CONNECT.
        socket.destroy();
        return false;
      },
    };
    socket.setNoDelay(true);
    let isOpen = false;
    socket.once("connect", () => {
      isOpen = true;
      reached();
    });
    const abort = () => socket.destroy();
    signal.addEventListener("abort", abort, { once: true });
    socket.on("error", reject);
    socket.once("close", () => {
      signal.removeEventListener("abort", abort);
      const says = "the connection was closed";
      reject(isOpen ? new HandshakeError(says) : new Error(says));
    });
    socket.once(secure ? "secureConnect" : "connect", () => {
      signal.removeEventListener("abort", abort);
      resolve(open);
    });
  });

/** MQTT §3.4: a PUBACK without properties, the same in 3.1.1 and 5. */
const puback = (packetId: number): Buffer => Buffer.from([0x40, 2, packetId >> 8, packetId & 0xff]);

/**
 * Lets the MQTT client read and write the socket itself, without messages above `maxBytes`: they are cut out
 * of what it reads, and acknowledged.
 */
export const guardSocket = (open: OpenSocket, maxBytes: number, on: Findings): Socket => {
  const { socket } = open;
  const guard = new PacketGuard(maxBytes, {
    oversize(found) {
      if (found.packetId !== undefined) socket.write(puback(found.packetId));
      on.oversize(found);
    },
    answered: (packetId, code) => on.answered(packetId, code),
    part: () => on.part(),
  });
  open.data = (bytes) => {
    let more = true;
    for (const piece of guard.feed(bytes)) more = socket.push(Buffer.from(piece)) && more;
    return more;
  };
  return socket;
};

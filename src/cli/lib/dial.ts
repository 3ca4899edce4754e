import { once } from "node:events";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Pem } from "../../dispatch/pem.ts";
import { brokerAddress } from "../../dispatch/broker-address.ts";

/** Nothing answers at an address for so long: the next one is tried, or the attempt has failed, ms. */
const DIAL_MS = 10_000;

/**
 * Opens TCP, or TLS with the broker's name checked, trying all addresses of the name. Rejects with the
 * system's error.
 */
export const dialBroker = async (url: string, credentials: Pem, signal: AbortSignal): Promise<Socket> => {
  const { secure, host, port } = brokerAddress(url);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DIAL_MS)]);
  const where = { host, port, autoSelectFamily: true, noDelay: true };
  const name = isIP(host) > 0 ? {} : { servername: host };
  const socket = secure ? connectTls({ ...where, ...name, ...credentials }) : connectTcp(where);
  try {
    await once(socket, secure ? "secureConnect" : "connect", { signal: limit });
    return socket;
  } catch (cause) {
    socket.on("error", () => undefined).destroy();
    throw limit.aborted ? new Error(`no answer within ${DIAL_MS / 1000} s`, { cause }) : cause;
  }
};

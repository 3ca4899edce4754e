import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { SourceError, type ByteSource } from "../domain/bytes.ts";
import { systemWords } from "../runtime/system-words.ts";

const CONNECT_MS = 10_000;
/** gpsd greets with this and then waits for a WATCH command (gpsd_json(5)). */
const GPSD_GREETING = '{"class":"VERSION"';
const GPSD_WATCH = '?WATCH={"enable":true,"nmea":true};\n';

const urlOf = (host: string, port: number): string =>
  `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;

const connected = async (host: string, port: number, signal: AbortSignal): Promise<Socket> => {
  const socket = connect({ host, port, keepAlive: true, noDelay: true });
  const patience = AbortSignal.timeout(CONNECT_MS);
  try {
    await once(socket, "connect", { signal: AbortSignal.any([signal, patience]) });
    return socket;
  } catch (cause) {
    socket.destroy();
    const isSilent = patience.aborted || signal.aborted;
    const reason = isSilent ? "the host does not answer" : systemWords("connect", cause);
    throw new SourceError("absent", `${urlOf(host, port)} cannot be reached: ${reason}`, cause);
  }
};

/** A receiver on the network: a device that sends NMEA 0183 over TCP, or gpsd. */
export const tcpSource = (host: string, port: number): ByteSource =>
  async function* (signal) {
    const socket = await connected(host, port, signal);
    const close = () => socket.destroy();
    signal.addEventListener("abort", close);
    // The greeting may arrive in pieces. This is the part so far.
    let head: string | undefined = "";
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        if (head !== undefined) {
          head += chunk.toString("latin1", 0, GPSD_GREETING.length);
          if (head.startsWith(GPSD_GREETING)) socket.write(GPSD_WATCH);
          if (head.length >= GPSD_GREETING.length) head = undefined;
        }
        yield chunk;
      }
    } catch (cause) {
      if (signal.aborted) return;
      throw new SourceError(
        "unplugged",
        `${urlOf(host, port)} was lost: ${systemWords("connect", cause)}`,
        cause,
      );
    } finally {
      signal.removeEventListener("abort", close);
      socket.destroy();
    }
    if (!signal.aborted) throw new SourceError("unplugged", `${urlOf(host, port)} closed the connection`);
  };

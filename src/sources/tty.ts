import { autoDetect } from "@serialport/bindings-cpp";
import { SourceError, type ByteSource } from "../domain/bytes.ts";
import { reasonOf } from "../runtime/log.ts";

/** N_TTY holds 4 KiB: one read takes all that a tty can hold. */
const READ_BYTES = 4096;

const openFault = (path: string, cause: unknown): SourceError => {
  const reason = reasonOf(cause);
  if (/No such file|ENOENT|No such device|ENXIO/.test(reason)) {
    return new SourceError("absent", `${path} is not there: is the receiver plugged in?`, cause);
  }
  if (/Permission denied|EACCES/.test(reason)) {
    return new SourceError("denied", `${path} may not be opened: is the user in group dialout?`, cause);
  }
  return new SourceError("failed", `${path} cannot be opened: ${reason}`, cause);
};

/** A serial line, 8N1, at any baud rate the hardware has; exclusive while it is open. */
export const ttySource = (path: string, baudRate: number): ByteSource =>
  async function* (signal) {
    const port = await autoDetect()
      .open({ path, baudRate, hupcl: false })
      .catch((cause: unknown) => {
        throw openFault(path, cause);
      });
    const close = () => {
      if (port.isOpen) port.close().catch(() => undefined);
    };
    signal.addEventListener("abort", close);
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    try {
      while (!signal.aborted) {
        // oxlint-disable-next-line no-await-in-loop -- a serial line is read in order
        const { bytesRead } = await port.read(buffer, 0, READ_BYTES);
        if (bytesRead === 0) throw new SourceError("unplugged", `${path} hung up`);
        yield buffer.subarray(0, bytesRead);
      }
    } catch (cause) {
      if (signal.aborted) return;
      if (cause instanceof SourceError) throw cause;
      throw new SourceError("unplugged", `${path} was unplugged (${reasonOf(cause)})`, cause);
    } finally {
      signal.removeEventListener("abort", close);
      close();
    }
  };

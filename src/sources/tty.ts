import { SourceError, type ByteSource } from "../domain/bytes.ts";
import { reasonOf } from "../runtime/log.ts";
import { openTty } from "../runtime/tty.ts";

const openFault = (path: string, cause: unknown): SourceError => {
  const reason = reasonOf(cause);
  if (/No such file|ENOENT|No such device|ENXIO/.test(reason)) {
    return new SourceError("absent", `${path} is not there: is the receiver plugged in?`, cause);
  }
  if (/Permission denied|EACCES/.test(reason)) {
    return new SourceError("denied", `${path} may not be opened: is the user in group dialout?`, cause);
  }
  if (/lock port|EBUSY|Resource busy/i.test(reason)) {
    return new SourceError("failed", `${path} is held by another program: stop it first`, cause);
  }
  if (/Inappropriate ioctl|ENOTTY/i.test(reason)) {
    return new SourceError("failed", `${path} is no serial port`, cause);
  }
  return new SourceError("failed", `${path} cannot be opened: ${reason}`, cause);
};

/** A receiver on a serial line. */
export const ttySource = (path: string, baudRate: number): ByteSource =>
  async function* (signal) {
    const tty = await openTty(path, baudRate).catch((cause: unknown) => {
      throw openFault(path, cause);
    });
    const close = () => tty.close();
    signal.addEventListener("abort", close);
    try {
      while (!signal.aborted) {
        // oxlint-disable-next-line no-await-in-loop -- a serial line is read in order
        const bytes = await tty.read();
        if (!bytes) return;
        yield bytes;
      }
    } catch (cause) {
      if (signal.aborted) return;
      throw new SourceError("unplugged", `${path} was unplugged (${reasonOf(cause)})`, cause);
    } finally {
      signal.removeEventListener("abort", close);
      close();
    }
  };

import { SourceError, type ByteSource } from "../domain/bytes.ts";
import { reasonOf } from "../runtime/log.ts";
import { openFault, openTty } from "../runtime/tty.ts";

/** A receiver on a serial line. */
export const ttySource = (path: string, baudRate: number): ByteSource =>
  async function* (signal) {
    const tty = await openTty(path, baudRate).catch((cause: unknown) => {
      const { code, message } = openFault(path, "receiver", cause);
      throw new SourceError(code, message, cause);
    });
    const close = () => void tty.close();
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
      await tty.close();
    }
  };

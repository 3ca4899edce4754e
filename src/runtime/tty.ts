import { readSync, writeSync } from "node:fs";
import { LinuxBinding, type LinuxPortBinding } from "@serialport/bindings-cpp";
import { isBusy } from "./error-code.ts";
import { clearHangUp } from "./hang-up.ts";
import { reasonOf } from "./log.ts";

/** The kernel's line discipline buffers 4 KiB: one read empties it. */
const READ_BYTES = 4096;

/** An open serial line, 8N1 and exclusive. */
export type Tty = {
  /** Waits for bytes; they are valid until the next call. Undefined after `close`. Throws if the device has gone. */
  read(): Promise<Uint8Array | undefined>;
  /** Writes without waiting; throws if the kernel's buffer has no room for all bytes. */
  write(bytes: Uint8Array): void;
  /** Changes the rate. Rejects with the system's error. */
  setBaud(baudRate: number): Promise<void>;
  /**
   * Closes the line. A pending `read` resolves with undefined. Resolves, never rejects, when the line is
   * closed: before that it cannot be opened again.
   */
  close(): Promise<void>;
};

const readable = ({ poller }: LinuxPortBinding): Promise<void> =>
  new Promise((resolve, reject) => {
    poller.once("readable", (error: Error | null) => (error ? reject(error) : resolve()));
  });

/** How many bytes were read. Undefined: there were none. A busy kernel sometimes reports a line as readable when it is not. */
const readInto = (fd: number, buffer: Uint8Array): number | undefined => {
  try {
    return readSync(fd, buffer, 0, buffer.length, null);
  } catch (cause) {
    if (isBusy(cause)) return undefined;
    throw cause;
  }
};

export type TtyOptions = {
  /** DTR stays up when the line is closed, so that closing does not reset a board. */
  readonly keepDtr?: boolean;
};

/**
 * Opens a serial line at any baud rate the hardware has. Rejects with the system's error.
 *
 * The library's own `read` goes through the thread pool, twice a chunk. The descriptor does not
 * block and is read only when it is readable, so `readSync` saves a third of the CPU at 10 Hz.
 */
export const openTty = async (
  path: string,
  baudRate: number,
  { keepDtr = false }: TtyOptions = {},
): Promise<Tty> => {
  const port: LinuxPortBinding = await LinuxBinding.open({ path, baudRate, hupcl: false });
  // Wait for the caller's first write: starting a process takes some milliseconds.
  if (keepDtr) setImmediate(() => port.fd !== null && clearHangUp(port.fd));
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  let closed: Promise<void> | undefined;
  return {
    async read() {
      try {
        for (;;) {
          // oxlint-disable-next-line no-await-in-loop -- until there are bytes
          await readable(port);
          if (port.fd === null) return undefined;
          const length = readInto(port.fd, buffer);
          if (length === 0) throw new Error("the line hung up");
          if (length !== undefined) return buffer.subarray(0, length);
        }
      } catch (cause) {
        if (!port.isOpen) return undefined;
        throw cause;
      }
    },
    write(bytes) {
      if (port.fd === null) throw new Error("the line is closed");
      if (writeSync(port.fd, bytes) < bytes.length) throw new Error("the output buffer of the line is full");
    },
    setBaud: (rate) => port.update({ baudRate: rate }),
    close() {
      closed ??= port.close().catch(() => undefined); // it has hung up
      return closed;
    },
  };
};

/** Whether a serial line cannot be opened because another program has it. */
export const isPortBusy = (cause: unknown): boolean => /lock port|EBUSY|Resource busy/i.test(reasonOf(cause));

/**
 * Why a serial line cannot be opened, and what to do. `device`: the name of the device that should be on
 * it.
 */
export const openFault = (
  path: string,
  device: string,
  cause: unknown,
): { readonly code: "absent" | "denied" | "failed"; readonly message: string } => {
  const reason = reasonOf(cause);
  if (/No such file|ENOENT|No such device|ENXIO/.test(reason)) {
    return { code: "absent", message: `${path} is not there: is the ${device} plugged in?` };
  }
  if (/Permission denied|EACCES/.test(reason)) {
    return { code: "denied", message: `${path} may not be opened: is the user in group dialout?` };
  }
  if (isPortBusy(cause)) {
    return { code: "failed", message: `${path} is in use by another program: stop it first` };
  }
  if (/Inappropriate ioctl|ENOTTY/i.test(reason))
    return { code: "failed", message: `${path} is not a serial port` };
  return { code: "failed", message: `${path} cannot be opened: ${reason}` };
};

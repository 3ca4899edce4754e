import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  lstatSync,
  openSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import type { ReadStream } from "node:tty";
import * as nodePty from "@lydell/node-pty";
import koffi from "koffi";
import { errorCode } from "./error-code.ts";

/** A pseudo-terminal instead of a serial line. Bytes written here are read at `path`. */
export type SerialLine = Disposable & {
  readonly path: string;
  /** Resolves when the bytes are written to the line. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** Bytes from the other side, from now on. */
  onData(listener: (bytes: Uint8Array) => void): void;
  /** The device disappears: readers of `path` get a hang-up. */
  [Symbol.dispose](): void;
};

/** Members of node-pty that its types leave out. */
type Opened = {
  ptsName: string;
  /** The descriptor of this end. */
  fd: number;
  master: ReadStream;
  slave: ReadStream;
  on(event: "error", f: () => void): void;
};
type Opener = { open(options: { encoding: null }): Opened };

/** fcntl(2) on Linux. */
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Keeps a descriptor from the programs that this process starts. The library leaves it to them: they would hold the
 * line, and its reader would get no hang-up when it is disposed here.
 */
const closeOnExec = (fd: number): void => {
  // `null` is the process itself: Node is linked with the C library.
  koffi.load(null).func("int fcntl(int, int, ...)")(fd, F_SETFD, "int", FD_CLOEXEC);
};

const pointsTo = (link: string): string | undefined => {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
};

/**
 * Whether the terminal behind a link is still the one that the link was made for. The numbers of
 * terminals are used again: a terminal that is younger than the link is another one.
 */
const isAlive = (link: string): boolean => {
  const target = pointsTo(link);
  if (!target?.startsWith("/dev/pts/")) return false;
  try {
    return statSync(target).ctimeMs <= lstatSync(link).ctimeMs;
  } catch {
    return false; // the terminal is gone
  }
};

/** Makes the link; replaces only a link of our kind, never a file or a device. */
const place = (path: string, link: string): void => {
  const old = pointsTo(link);
  if (old?.startsWith("/dev/pts/")) rmSync(link);
  try {
    symlinkSync(path, link);
  } catch (cause) {
    const why =
      errorCode(cause) === "EEXIST" ? "there is another file" : "its folder is missing or may not be written";
    throw new Error(`${link} cannot be created as the link to the serial port: ${why}`, { cause });
  }
};

/**
 * Opens a pty; with `link`, also under that name, as udev would. Throws an error that says what to do if
 * the link cannot be made, or if another program has a line there.
 */
export const openSerialLine = (link?: string): SerialLine => {
  if (link !== undefined && isAlive(link))
    throw new Error(`${link} is in use by another program: stop it, or choose another name`);
  const terminal = (nodePty as unknown as Opener).open({ encoding: null });
  closeOnExec(terminal.fd);
  const path = terminal.ptsName;
  // The library reads from the far end, so the reader would miss bytes. An open descriptor that is
  // never read keeps the line up instead, while readers come and go.
  const farEnd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  terminal.slave.destroy();
  // Without this the line would echo to the device until a program opens it, and ^S would stop it.
  execFileSync("stty", ["-F", path, "raw", "-echo"]);
  terminal.on("error", () => undefined);
  let gone = false;
  if (link !== undefined) place(path, link);
  return {
    path: link ?? path,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        terminal.master.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    onData: (listener) => void terminal.master.on("data", listener),
    [Symbol.dispose]() {
      if (gone) return;
      gone = true;
      if (link !== undefined && pointsTo(link) === path) rmSync(link);
      closeSync(farEnd);
      terminal.master.destroy();
    },
  };
};

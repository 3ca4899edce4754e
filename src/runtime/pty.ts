import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import type { ReadStream } from "node:tty";
import * as nodePty from "@lydell/node-pty";

/** A pseudo-terminal in place of a serial line: what is written here is read at `path`. */
export type SerialLine = Disposable & {
  readonly path: string;
  /** Resolves once the line has taken the bytes. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** What the other side says, from now on. */
  onData(listener: (bytes: Uint8Array) => void): void;
  /** The device vanishes: readers of `path` are hung up on. */
  [Symbol.dispose](): void;
};

/** What node-pty has and its types do not show. */
type Opened = {
  ptsName: string;
  master: ReadStream;
  slave: ReadStream;
  on(event: "error", f: () => void): void;
};
type Opener = { open(options: { encoding: null }): Opened };

const pointsTo = (link: string): string | undefined => {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
};

/** Puts the name where it is wanted; only a link of our kind is replaced, never a file or a device. */
const place = (path: string, link: string): void => {
  const old = pointsTo(link);
  if (old?.startsWith("/dev/pts/")) rmSync(link);
  try {
    symlinkSync(path, link);
  } catch (cause) {
    const exists = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
    const why = exists ? "something else stands there" : "its folder is missing or may not be written";
    throw new Error(`${link} cannot be made a link to the line: ${why}`, { cause });
  }
};

/** Opens a pty; with `link`, also under that name, as udev would. */
export const openSerialLine = (link?: string): SerialLine => {
  const terminal = (nodePty as unknown as Opener).open({ encoding: null });
  const path = terminal.ptsName;
  // The library reads from the far end, which would take bytes from the reader. An open descriptor
  // that nobody reads keeps the line up in its stead while the reader comes and goes.
  const farEnd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  terminal.slave.destroy();
  // Until somebody opens it, a line that echoes would answer its own device, and ^S would stop it.
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

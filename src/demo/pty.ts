import { symlinkSync, rmSync } from "node:fs";
import type { ReadStream } from "node:tty";
import * as nodePty from "@lydell/node-pty";

/** A pseudo-terminal in place of a serial line: what is written here is read at `path`. */
export type SerialLine = Disposable & {
  readonly path: string;
  /** Resolves once the line has taken the bytes. */
  write(bytes: string | Uint8Array): Promise<void>;
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

/** Opens a pty; with `link`, also under that name, as udev would. */
export const openSerialLine = (link?: string): SerialLine => {
  const terminal = (nodePty as unknown as Opener).open({ encoding: null });
  // The library keeps the far end open and reads from it: that is the reader's to do.
  terminal.slave.pause();
  terminal.slave.setRawMode(true);
  terminal.on("error", () => undefined);
  terminal.slave.on("error", () => undefined);
  const path = terminal.ptsName;
  if (link !== undefined) {
    rmSync(link, { force: true });
    symlinkSync(path, link);
  }
  return {
    path: link ?? path,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        terminal.master.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    [Symbol.dispose]() {
      if (link !== undefined) rmSync(link, { force: true });
      terminal.slave.destroy();
      terminal.master.destroy();
    },
  };
};

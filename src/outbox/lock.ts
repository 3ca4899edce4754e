import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { StoreError } from "./port.ts";

/** The path without the links in it, as far as it is there. */
const realPath = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
};

/** The name of an outbox's lock, without the zero byte of an abstract socket. */
const lockName = (path: string): string => {
  const name = createHash("sha256")
    .update(realPath(resolve(path)))
    .digest("hex");
  return `patrol-unit-${name}`;
};

/**
 * Whether a unit has the outbox at the moment. The lock is not touched, so a unit that starts now gets it. False
 * if the kernel's list cannot be read.
 */
export const isLocked = (path: string): boolean => {
  try {
    return readFileSync("/proc/net/unix", "utf8").includes(`@${lockName(path)}`);
  } catch {
    return false;
  }
};

/**
 * One unit to an outbox, whatever the disk does: the store's own lock is gone while it is closed, as
 * after a failed write. A name in the kernel (an abstract socket) belongs to the process and goes
 * with it. Throws StoreError if another has it.
 */
export const lockOutbox = async (path: string): Promise<Disposable> => {
  const server = createServer((socket) => void socket.destroy());
  server.unref();
  try {
    server.listen(`\0${lockName(path)}`);
    await once(server, "listening");
  } catch (cause) {
    throw new StoreError(`${path} is in use: is another patrol-unit running?`, { cause });
  }
  return { [Symbol.dispose]: () => void server.close() };
};

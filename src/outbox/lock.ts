import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { realpathSync } from "node:fs";
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

/**
 * One unit to an outbox, whatever the disk does: the store's own lock is gone while it is closed, as
 * after a failed write. A name in the kernel (an abstract socket) belongs to the process and goes
 * with it. Throws StoreError where another has it.
 */
export const lockOutbox = async (path: string): Promise<Disposable> => {
  const name = createHash("sha256")
    .update(realPath(resolve(path)))
    .digest("hex");
  const server = createServer((socket) => void socket.destroy());
  server.unref();
  try {
    server.listen(`\0patrol-unit-${name}`);
    await once(server, "listening");
  } catch (cause) {
    throw new StoreError(`${path} is in use: is another patrol-unit running?`, { cause });
  }
  return { [Symbol.dispose]: () => void server.close() };
};

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { StoreError } from "./store.ts";

/**
 * One unit to an outbox, whatever the disk does: the store's own lock is gone while it is closed, as
 * after a failed write. A name in the kernel (an abstract socket) belongs to the process and goes
 * with it. Throws StoreError where another has it.
 */
export const lockOutbox = async (path: string): Promise<Disposable> => {
  const name = createHash("sha256").update(resolve(path)).digest("hex");
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

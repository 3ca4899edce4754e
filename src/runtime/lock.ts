import { createHash } from "node:crypto";
import { once } from "node:events";
import { realpathSync } from "node:fs";
import { createServer } from "node:net";
import type { Time } from "./ports.ts";
import { pause } from "./wait.ts";

const ASK_MS = 50;

const tryToLock = async (name: string): Promise<Disposable | undefined> => {
  const server = createServer((socket) => void socket.destroy());
  server.unref();
  try {
    server.listen(`\0patrol-unit-${name}`);
    await once(server, "listening");
    return { [Symbol.dispose]: () => void server.close() };
  } catch {
    return undefined;
  }
};

/**
 * Locks a folder for this process: no other one that asks gets the lock until it is disposed. The lock is a
 * name in the kernel (an abstract socket), so it ends with the process. Waits for at most `ms`. Undefined:
 * another process has it. Throws if the folder is not there.
 */
export const lockFolder = async (dir: string, ms: number, time: Time): Promise<Disposable | undefined> => {
  const name = createHash("sha256")
    .update(`folder ${realpathSync(dir)}`)
    .digest("hex");
  const until = time.mono() + ms;
  const patience = new AbortController();
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- asked again until it is free
    const lock = await tryToLock(name);
    if (lock || time.mono() >= until) return lock;
    // oxlint-disable-next-line no-await-in-loop
    await pause(ASK_MS, patience.signal, time);
  }
};

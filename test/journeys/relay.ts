import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP relay in front of a broker that can swallow everything, or reset every connection. */
export type Relay = Disposable & {
  readonly port: number;
  /** Takes bytes from both sides and passes none on. */
  swallow(on: boolean): void;
  reset(): void;
};

export const openRelay = async (target: number): Promise<Relay> => {
  let swallowing = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => void (swallowing || to.write(bytes)));
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    swallow(on) {
      swallowing = on;
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** The mobile network between the car and the broker: a TCP relay on this machine. */
export type Relay = AsyncDisposable & {
  readonly port: number;
  /**
   * In a tunnel: connections stay open and everything on them is lost. When the car leaves it, they are closed: what
   * was on its way is gone, as in a network that has forgotten them.
   */
  cover(on: boolean): void;
};

/** Connections at once; a further one is closed. The unit opens one for each address that it tries. */
const MOST_CONNECTIONS = 64;

/** `target`: the port that connections lead to, on this machine. */
export const openRelay = async (target: number): Promise<Relay> => {
  let covered = false;
  const pairs = new Set<readonly [near: Socket, far: Socket]>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near]] as const) {
      from.on("data", (bytes: Buffer) => {
        if (covered) return;
        // The reader is slow: nothing more is read until it has caught up.
        if (!to.write(bytes)) from.pause();
      });
      to.on("drain", () => from.resume());
      from.on("error", () => undefined);
      from.on("close", () => {
        // In a tunnel the other side hears nothing of it.
        if (covered) return;
        to.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const hangUp = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    pairs.clear();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cover(on) {
      if (covered === on) return;
      covered = on;
      if (!on) hangUp();
    },
    async [Symbol.asyncDispose]() {
      hangUp();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** What stands before a cluster: one address for all its nodes, as a name with several addresses or a load balancer is. */
export type Balancer = AsyncDisposable & { readonly url: string };

const opened = async (port: number): Promise<Socket | undefined> => {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  try {
    await once(socket, "connect");
    return socket;
  } catch {
    return undefined;
  }
};

/** Passes each connection on to the first node that accepts one. */
export const startBalancer = async (nodes: readonly number[]): Promise<Balancer> => {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  };
  const pass = async (client: Socket): Promise<void> => {
    for (const port of nodes) {
      // oxlint-disable-next-line no-await-in-loop -- one node after the other
      const node = await opened(port);
      if (!node) continue;
      keep(node);
      client.pipe(node).pipe(client);
      client.on("close", () => node.destroy());
      node.on("close", () => client.destroy());
      return;
    }
    client.destroy();
  };
  const server = createServer({ noDelay: true }, (client) => {
    keep(client);
    client.on("error", () => undefined);
    void pass(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};

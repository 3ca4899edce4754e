import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Aedes } from "aedes";

/** An MQTT 3.1.1 broker in this process, on a free local port. */
export type DemoBroker = AsyncDisposable & {
  readonly port: number;
  /** Ends it at once. It keeps sessions and retained messages, as a broker does that writes them to its disk. */
  kill(): Promise<void>;
  /** Starts it again on the same port. Does nothing while it runs. */
  start(): Promise<void>;
};

type Running = { readonly server: Server; readonly aedes: Aedes; readonly sockets: ReadonlySet<Socket> };

const run = async (port: number, persistence?: unknown): Promise<Running> => {
  const aedes = await Aedes.createBroker({ persistence });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return { server, aedes, sockets };
};

const close = async ({ server, aedes, sockets }: Running): Promise<void> => {
  server.close();
  await new Promise<void>((resolve) => aedes.close(() => resolve()));
  for (const socket of sockets) socket.destroy();
};

export const openDemoBroker = async (): Promise<DemoBroker> => {
  let running: Running | undefined = await run(0);
  const { port } = running.server.address() as AddressInfo;
  // Its types leave it out.
  const persistence: unknown = Reflect.get(running.aedes, "persistence");
  const kill = async (): Promise<void> => {
    const ends = running;
    running = undefined;
    if (ends) await close(ends);
  };
  return {
    port,
    kill,
    async start() {
      running ??= await run(port, persistence);
    },
    [Symbol.asyncDispose]: kill,
  };
};

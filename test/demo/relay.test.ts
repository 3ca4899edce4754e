import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openRelay, type Relay } from "../../src/demo/relay.ts";

/** A server that answers each byte with the same byte. */
let server: ReturnType<typeof createServer>;
let served: Socket[];
let relay: Relay;
beforeEach(async () => {
  served = [];
  server = createServer((socket) => {
    served.push(socket);
    socket.on("error", () => undefined);
    socket.pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  relay = await openRelay((server.address() as AddressInfo).port);
});
afterEach(async () => {
  await relay[Symbol.asyncDispose]();
  for (const socket of served) socket.destroy();
  server.close();
});

const dial = async (): Promise<{ socket: Socket; received: () => string }> => {
  const socket = connect(relay.port, "127.0.0.1");
  let text = "";
  socket.on("data", (bytes) => (text += String(bytes)));
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return { socket, received: () => text };
};

describe("the demo's network", () => {
  test("passes bytes on both ways", async () => {
    const { socket, received } = await dial();
    socket.write("hello");
    await expect.poll(received).toBe("hello");
    socket.destroy();
  });

  test("a connection that one side closes is closed on the other", async () => {
    const { socket } = await dial();
    await expect.poll(() => served.length).toBe(1);
    socket.destroy();
    await once(served[0]!, "close");
  });

  test("in a tunnel a connection stays open, and what is said on it is lost", async () => {
    const { socket, received } = await dial();
    socket.write("a");
    await expect.poll(received).toBe("a");
    relay.cover(true);
    socket.write("b");
    const later = await dial();
    later.socket.write("c");
    // What the server says of its own accord is lost too.
    served[0]!.write("d");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([socket.destroyed, later.socket.destroyed]).toEqual([false, false]);
    const closed = Promise.all([once(socket, "close"), once(later.socket, "close")]);
    relay.cover(false);
    await closed;
    expect([received(), later.received()]).toEqual(["a", ""]);
    const after = await dial();
    after.socket.write("e");
    await expect.poll(after.received).toBe("e");
    after.socket.destroy();
  });

  test("in a tunnel the car does not hear that the broker hangs up", async () => {
    const { socket } = await dial();
    await expect.poll(() => served.length).toBe(1);
    relay.cover(true);
    served[0]!.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(socket.destroyed).toBe(false);
    relay.cover(false);
    await once(socket, "close");
  });

  test("without a broker a connection is closed", async () => {
    server.close();
    for (const socket of served) socket.destroy();
    const { socket } = await dial();
    await once(socket, "close");
  });
});

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { tcpSource } from "../../src/sources/tcp.ts";
import { ttySource } from "../../src/sources/tty.ts";
import { byteSourceContract, type Device } from "../contracts/byte-source.ts";

/** Opening a tty flushes it: what is said must be said after. */
const OPENED_MS = 100;

const openTty = (): Promise<Device> => {
  const line = openSerialLine();
  return Promise.resolve({
    source: ttySource(line.path, 9600),
    async say(text) {
      await sleep(OPENED_MS);
      await line.write(text);
    },
    vanish: () => line[Symbol.dispose](),
    [Symbol.asyncDispose]: () => Promise.resolve(line[Symbol.dispose]()),
  });
};

type Server = Device & { readonly heard: () => string; readonly port: number };

const openTcp = async (greet: readonly string[] = []): Promise<Server> => {
  let heard = "";
  let socket: Socket | undefined;
  const server = createServer((client) => {
    socket = client;
    client.on("error", () => undefined);
    client.on("data", (bytes) => (heard += String(bytes)));
    void (async () => {
      for (const piece of greet) {
        client.write(piece);
        await sleep(20);
      }
    })();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    source: tcpSource("127.0.0.1", port),
    heard: () => heard,
    port,
    async say(text) {
      await sleep(OPENED_MS);
      socket?.write(text);
    },
    vanish: () => void socket?.resetAndDestroy(),
    async [Symbol.asyncDispose]() {
      socket?.destroy();
      server.close();
      await once(server, "close");
    },
  };
};

describe("a serial line", () => {
  byteSourceContract("tty", openTty, ttySource(join(tmpdir(), "no-such-tty"), 9600));
});

describe("an address on the network", () => {
  byteSourceContract("tcp", openTcp, tcpSource("127.0.0.1", 1));

  test("gpsd is told to send NMEA, though its greeting comes in pieces", async () => {
    await using gpsd = await openTcp(['{"class":', '"VERSION","release":"3.22"}\r\n']);
    const stop = new AbortController();
    for await (const _ of gpsd.source(stop.signal)) {
      await sleep(60);
      if (gpsd.heard() !== "") break;
    }
    expect(gpsd.heard()).toBe('?WATCH={"enable":true,"nmea":true};\n');
  });

  test("a box that just speaks NMEA is told nothing", async () => {
    await using box = await openTcp(["$GPRMC,120000,A,", "4523.0000,N\r\n"]);
    let text = "";
    for await (const chunk of box.source(new AbortController().signal)) {
      text += Buffer.from(chunk).toString();
      if (text.includes("\n")) break;
    }
    expect(box.heard()).toBe("");
  });
});

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createConnect } from "../../src/dispatch/mqtt.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { makeCertificates } from "../journeys/mosquitto.ts";

/** On 2G, 1.5 kB take a second, and all handshakes share the modem. With OpenSSL's own groups it is 1.6 kB. */
const FIRST_MESSAGE_BYTES = 600;

test("the first message of TLS is small", async () => {
  const folder = mkdtempSync(join(tmpdir(), "first-"));
  using stack = new DisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  makeCertificates(folder, "zrenjanin/zr-117");
  const server = createServer().listen(0, "127.0.0.1");
  stack.defer(() => void server.close());
  await once(server, "listening");
  const giveUp = new AbortController();
  const { port } = server.address() as AddressInfo;
  const file = (name: string) => join(folder, name);
  const dialled = createConnect(systemTime)(
    `mqtts://localhost:${port}`,
    {
      clientId: "zrenjanin.zr-117",
      username: "zrenjanin/zr-117",
      keepaliveS: 20,
      ca: file("ca.pem"),
      cert: file("unit.pem"),
      key: file("unit.key"),
    },
    { message: () => Promise.resolve(), accepted: () => undefined, oversize: () => undefined },
    giveUp.signal,
  );
  const [socket] = (await once(server, "connection")) as [Socket];
  const [hello] = (await once(socket, "data")) as [Buffer];
  expect(hello[0]).toBe(0x16); // a handshake record
  expect(hello.length).toBeLessThan(FIRST_MESSAGE_BYTES);
  giveUp.abort();
  await expect(dialled).rejects.toMatchObject({ code: "timeout" });
});

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createConnect } from "../../src/dispatch/mqtt.ts";
import { brokerAddress } from "../../src/dispatch/broker-address.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { makeCertificates } from "../journeys/mosquitto.ts";
import { CONNACK, startScripted } from "./scripted-broker.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ipv6-"));
  makeCertificates(folder, "zrenjanin/zr-117");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OPTIONS = { clientId: "zrenjanin.zr-117", username: "zrenjanin/zr-117", keepaliveS: 20 };
const SILENT = { message: () => Promise.resolve(), accepted: () => undefined, oversize: () => undefined };
const dial = (url: string) =>
  createConnect(systemTime)(
    url,
    { ...OPTIONS, ca: join(folder, "ca.pem") },
    SILENT,
    AbortSignal.timeout(5_000),
  );

/** A TLS server at ::1 that accepts MQTT clients. `name`: of its certificate. */
const serve = async (name: string) => {
  const pem = (kind: string) => readFileSync(join(folder, `${name}.${kind}`));
  const server = createServer({ key: pem("key"), cert: pem("pem") }, (socket) => {
    socket.once("data", () => socket.write(CONNACK));
    socket.on("error", () => undefined);
  });
  server.listen(0, "::1");
  await once(server, "listening");
  return {
    url: `mqtts://[::1]:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => void server.close(),
  };
};

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === "::1");

test("the address of a broker is taken from its URL without the brackets", () => {
  expect(brokerAddress("mqtts://[2001:DB8::1]")).toEqual({ secure: true, host: "2001:db8::1", port: 8883 });
});

describe.skipIf(!hasIpv6)("a broker at an IPv6 address", () => {
  test("is connected to if its certificate has that address", async () => {
    using server = await serve("broker");
    const connection = await dial(server.url);
    expect(connection.broker).toBe(server.url);
    connection.end();
    await connection.closed;
  });

  test("is refused if its certificate has not, with what it is for", async () => {
    using server = await serve("ca");
    await expect(dial(server.url)).rejects.toMatchObject({
      code: "certificate",
      message: `${server.url}: the broker's certificate is for test ca, not for ::1`,
    });
  });

  test("that nobody serves is named with its brackets", async () => {
    using broker = await startScripted(() => undefined);
    const url = `mqtts://[::1]:${broker.port}`;
    await expect(dial(url)).rejects.toMatchObject({
      code: "refused",
      message: expect.stringContaining(`${url}: `),
    });
  });
});

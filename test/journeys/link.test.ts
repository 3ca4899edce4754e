import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCar, waitFor, type Car } from "./car.ts";
import { openDispatch } from "./dispatch.ts";
import { freePort, makeCertificates, startMosquitto, type Mosquitto } from "./mosquitto.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const TLS = `cafile FOLDER/ca.pem
certfile FOLDER/broker.pem
keyfile FOLDER/broker.key
require_certificate true
use_identity_as_username true
acl_file FOLDER/acl
allow_anonymous false`;

const secureBroker = async (): Promise<Mosquitto> => {
  const broker = stack.use(await startMosquitto(TLS, true));
  makeCertificates(broker.folder, "zrenjanin/zr-117");
  writeFileSync(join(broker.folder, "acl"), "pattern readwrite patrol/v1/%u/#\n");
  await broker.start();
  return broker;
};
const faultOf = async (car: Car): Promise<string> => {
  await car.start();
  await waitFor("a link fault", () => car.log.some((line) => line.part === "link" && line.fault));
  return car.log.find((line) => line.part === "link" && line.fault)!.fault!;
};

describe("the link", () => {
  test("TLS with a client certificate, held to the unit's own branch by one pattern line", async () => {
    const broker = await secureBroker();
    const { folder } = broker;
    const car = stack.use(
      openCar(
        `{ brokers: ["${broker.url}"], ca: ${folder}/ca.pem, cert: ${folder}/unit.pem, key: ${folder}/unit.key }`,
      ),
    );
    await car.start();
    await waitFor("the link", () => car.log.some((line) => line.msg.startsWith("connected")));
    expect(await car.stop()).toBe(0);
  });

  test("goes on with the certificate that it read last if the file is cut off while the service runs", async () => {
    const broker = await secureBroker();
    const { folder } = broker;
    const cert = join(folder, "unit.pem");
    const whole = readFileSync(cert);
    const car = stack.use(
      openCar(`{ brokers: ["${broker.url}"], ca: ${folder}/ca.pem, cert: ${cert}, key: ${folder}/unit.key }`),
    );
    const links = () => car.log.filter(({ msg }) => msg === "connected to dispatch").length;
    const again = async (count: number) => {
      await broker.stop();
      await broker.start();
      await waitFor("the link", () => links() === count);
    };
    const about = () => car.log.filter((line) => line.msg.startsWith(cert));
    await car.start();
    await waitFor("the link", () => links() === 1);
    writeFileSync(cert, whole.subarray(0, 300));
    await again(2);
    await again(3);
    expect(about()).toMatchObject([{ level: "warn", part: "link", fault: "credentials-kept" }]);
    writeFileSync(cert, whole);
    await again(4);
    expect(about().at(-1)).toMatchObject({ level: "info", msg: `${cert} can be used again` });
  });

  test("a broker whose certificate nobody vouches for: certificate", async () => {
    const broker = await secureBroker();
    expect(await faultOf(stack.use(openCar(`{ brokers: ["${broker.url}"] }`)))).toBe("certificate");
  });

  test("no broker on the port: refused", async () => {
    const port = await freePort();
    expect(await faultOf(stack.use(openCar(`{ brokers: ["mqtts://127.0.0.1:${port}"] }`)))).toBe("refused");
  });

  test("a name that does not exist: unknown-host", async () => {
    expect(await faultOf(stack.use(openCar(`{ brokers: ["mqtts://no-such-host.invalid:8883"] }`)))).toBe(
      "unknown-host",
    );
  });

  test("a wrong password: unauthorised", async () => {
    const broker = stack.use(await startMosquitto("allow_anonymous false"));
    await broker.start();
    const brokers = `brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true`;
    expect(await faultOf(stack.use(openCar(`{ ${brokers}, password: wrong }`)))).toBe("unauthorised");
  });

  test("a host that takes the connection and says nothing: timeout", { timeout: 40_000 }, async () => {
    const hole = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(hole, "listening");
    stack.defer(() => void hole.close());
    const { port } = hole.address() as { port: number };
    expect(
      await faultOf(stack.use(openCar(`{ brokers: ["mqtt://127.0.0.1:${port}"], allowPlaintext: true }`))),
    ).toBe("timeout");
  });

  test("a publish that the broker refuses is a fault, and nothing is given up", async () => {
    const broker = stack.use(await startMosquitto("allow_anonymous true\nacl_file FOLDER/acl"));
    writeFileSync(join(broker.folder, "acl"), "topic write patrol/v1/+/+/state\n");
    await broker.start();
    const car = stack.use(openCar(`{ brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true }`));
    expect(await faultOf(car)).toBe("topic-refused");
  });

  test("the first broker away: the second is used, in order", async () => {
    const second = stack.use(await startMosquitto());
    await second.start();
    const dispatch = stack.use(await openDispatch(second.url));
    const away = await freePort();
    const car = stack.use(
      openCar(
        `{ brokers: ["mqtt://127.0.0.1:${away}", "mqtt://127.0.0.1:${second.port}"], allowPlaintext: true }`,
      ),
    );
    await car.start();
    await waitFor("the birth", () => dispatch.states.some((s) => s.state === "online"));
    // The will speaks for a unit that dies.
    await car.stop("SIGKILL");
    await waitFor("the will", () => dispatch.states.at(-1)?.state === "offline");
    expect(dispatch.states.at(-1)).not.toHaveProperty("reason");
  });
});

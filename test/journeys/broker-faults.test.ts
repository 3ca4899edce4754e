import { writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect as connectTo, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openTestOutbox } from "../outbox/open-outbox.ts";
import { epoch, openCar, waitFor, type Car } from "./car.ts";
import { openDispatch, type Dispatch } from "./dispatch.ts";
import { startMosquitto, type Mosquitto } from "./mosquitto.ts";
import { openRelay } from "./relay.ts";

/** What brokers and links did to the unit when it was audited, with real brokers. */
let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const broker = async (extra?: string, acl?: string): Promise<Mosquitto> => {
  const one = stack.use(await startMosquitto(extra));
  if (acl !== undefined) writeFileSync(join(one.folder, "acl"), acl);
  await one.start();
  return one;
};
const listen = async ({ url }: Mosquitto): Promise<Dispatch> => stack.use(await openDispatch(url));
const carAt = (ports: readonly number[], options: Parameters<typeof openCar>[1] = { board: true }): Car => {
  const brokers = ports.map((port) => `"mqtt://127.0.0.1:${port}"`).join(", ");
  return stack.use(openCar(`{ brokers: [${brokers}], allowPlaintext: true }`, options));
};
const online = (dispatch: Dispatch): boolean => dispatch.states.some(({ state }) => state === "online");
const drive = async (car: Car, epochs: number, from = 0): Promise<void> => {
  await car.listens();
  for (let n = 0; n < epochs; n++) await car.line.write(epoch(from + n, Date.now()));
};
const faults = (car: Car, code: string): string[] =>
  car.log.filter(({ fault }) => fault === code).map(({ msg }) => msg);
const retained = async ({ url }: Mosquitto): Promise<string[]> => {
  const topics: string[] = [];
  const client: MqttClient = await connectAsync(url, { reconnectPeriod: 0 });
  client.on("message", (topic, payload, { retain }) => {
    if (retain && payload.length > 0) topics.push(topic);
  });
  await client.subscribeAsync("patrol/v1/+/+/emergency/+");
  await client.publishAsync("marker", "x", { qos: 1 });
  await sleep(100);
  await client.endAsync(true);
  return topics;
};

describe("a press on a path that swallows everything", () => {
  test("is at dispatch within 10 s, by the second broker", async () => {
    const [a, b] = [await broker(), await broker()];
    const relay = stack.use(await openRelay(a.port));
    const [first, second] = [await listen(a), await listen(b)];
    const car = carAt([relay.port, b.port]);
    await car.start();
    await waitFor("the birth", () => online(first));
    relay.swallow(true);
    car.press();
    await waitFor("the press", () => second.emergencies().length > 0, 10_000);
  });

  test("is at dispatch within 10 s, by a new connection to the same broker", async () => {
    const a = await broker();
    const dispatch = await listen(a);
    // Connections that are open when it is cut stay dead; new ones work.
    const [open, dead] = [new Set<object>(), new Set<object>()];
    const server = createServer((near) => {
      // The car connects until it has stopped, which is after the test.
      if (stack.disposed) {
        near.destroy();
        return;
      }
      const far = stack.adopt(connectTo(a.port, "127.0.0.1"), (socket) => void socket.destroy());
      near.on("data", (bytes) => void (dead.has(near) || far.write(bytes)));
      far.on("data", (bytes) => void (dead.has(near) || near.write(bytes)));
      for (const socket of [near, far]) socket.on("error", () => undefined);
      near.on("close", () => void (dead.has(near) || far.destroy()));
      open.add(near);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    stack.defer(() => void server.close());
    const car = carAt([(server.address() as AddressInfo).port]);
    await car.start();
    await waitFor("the birth", () => online(dispatch));
    for (const socket of open) dead.add(socket);
    car.press();
    await waitFor("the press", () => dispatch.emergencies().length > 0, 10_000);
  });
});

test("a broker that takes the birth and hangs up: the healthy one is used within seconds", async () => {
  const b = await broker();
  const dispatch = await listen(b);
  const rude = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write(Buffer.from([0x20, 3, 0, 0, 0])));
    socket.on("data", (bytes) => {
      // The birth is the only PUBLISH: acknowledged, and that is all.
      for (let at = 0; at < bytes.length;) {
        const lengthBytes = bytes[at + 1]! < 0x80 ? 1 : 2;
        const length = (bytes[at + 1]! & 0x7f) + (lengthBytes > 1 ? bytes[at + 2]! * 128 : 0);
        const body = at + 1 + lengthBytes;
        const id = body + 2 + bytes.readUInt16BE(body);
        if (bytes[at]! >> 4 === 3) socket.end(Buffer.from([0x40, 2, bytes[id]!, bytes[id + 1]!]));
        at = body + length;
      }
    });
  }).listen(0, "127.0.0.1");
  await once(rude, "listening");
  stack.defer(() => void rude.close());
  const car = carAt([(rude.address() as AddressInfo).port, b.port], {});
  const startedAt = performance.now();
  await car.start();
  await waitFor("an event at the healthy one", () => dispatch.events("boot").length > 0, 8_000);
  expect(performance.now() - startedAt).toBeLessThan(8_000);
});

describe("what a broker refuses", () => {
  const RULES = "allow_anonymous true\nacl_file FOLDER/acl";
  const allBut = (topic: string) =>
    `topic readwrite #\npattern deny patrol/v1/%u/${topic}\npattern readwrite patrol/v1/%u/#\n`;

  test("health: the connection stays, the others flow, and one fault names topic and code", async () => {
    const a = await broker(RULES, allBut("health"));
    const dispatch = await listen(a);
    const car = carAt([a.port], {});
    await car.start();
    await drive(car, 20);
    await waitFor("the positions", () => dispatch.positions().length >= 19);
    await waitFor("the fault", () => faults(car, "topic-refused").length > 0);
    expect(faults(car, "topic-refused")).toHaveLength(1);
    expect(faults(car, "topic-refused")[0]).toMatch(/refuses health: 0x87/);
    expect(dispatch.states.filter(({ state }) => state === "online")).toHaveLength(1);
  });

  test("event: positions flow, and a press gets through", async () => {
    const a = await broker(RULES, allBut("event"));
    const dispatch = await listen(a);
    const car = carAt([a.port]);
    await car.start();
    await drive(car, 20);
    await waitFor("the positions", () => dispatch.positions().length >= 19);
    car.press();
    await waitFor("the lamp", () => car.lamps.includes("sent"));
    expect(faults(car, "topic-refused")).toEqual([expect.stringMatching(/refuses event: 0x87/)]);
    expect(dispatch.states.filter(({ state }) => state === "online")).toHaveLength(1);
  });
});

test(
  "a Maximum Packet Size of 2,000 shortens an emergency; a message_size_limit that nobody announced too",
  {
    timeout: 60_000,
  },
  async () => {
    // mosquitto announces the first, and answers 0x95 for the second.
    for (const limit of ["max_packet_size 1000", "message_size_limit 800"]) {
      const a = await broker(`allow_anonymous true\n${limit}`);
      const dispatch = await listen(a);
      const car = carAt([a.port]);
      await car.start();
      await drive(car, 30);
      await waitFor("the positions", () => dispatch.positions().length >= 29);
      car.press();
      await waitFor("the lamp", () => car.lamps.includes("sent"));
      expect(dispatch.emergencies()[0]!.shortened).toContain("track");
      expect(dispatch.states.filter(({ state }) => state === "online")).toHaveLength(1);
      await car.stop();
    }
  },
);

test("a Receive Maximum of 1 is kept: everything arrives, and a press is sent", async () => {
  const a = await broker("allow_anonymous true\nmax_inflight_messages 1");
  const dispatch = await listen(a);
  const car = carAt([a.port]);
  await car.start();
  await drive(car, 20);
  car.press();
  await waitFor("the lamp", () => car.lamps.includes("sent"));
  await waitFor("the positions", () => dispatch.positions().length >= 19);
  await waitFor("every number", () => dispatch.missing().length === 0);
  expect(dispatch.states.filter(({ state }) => state === "online")).toHaveLength(1);
});

describe("nobody listens", () => {
  test("the lamp stays at stored, and the next broker has the press at once", async () => {
    const [a, b] = [await broker(), await broker()];
    const dispatch = await listen(b);
    const car = carAt([a.port, b.port]);
    await car.start();
    await waitFor("the link", () => car.log.some(({ msg }) => msg.startsWith("connected")));
    const pressedAt = performance.now();
    car.press();
    await waitFor("the press", () => dispatch.emergencies().length > 0);
    expect(performance.now() - pressedAt).toBeLessThan(3_000);
    await waitFor("the lamp", () => car.lamps.includes("sent"));
  });

  test("a press stays stored until somebody does, and history goes on then", async () => {
    const a = await broker();
    const car = carAt([a.port]);
    await car.start();
    await drive(car, 10);
    car.press();
    await waitFor("the lamp", () => car.lamps.includes("stored"));
    await sleep(2_000);
    expect(car.lamps).not.toContain("sent");
    const dispatch = await listen(a);
    await waitFor("the lamp", () => car.lamps.includes("sent"), 10_000);
    await waitFor("the backlog", () => dispatch.positions().length >= 9, 25_000);
    await waitFor("every number", () => dispatch.missing().length === 0);
  });
});

test(
  "an ended emergency is retained nowhere, though its PUBACK was lost and the link moved",
  {
    timeout: 90_000,
  },
  async () => {
    const [a, b] = [await broker(), await broker()];
    const relay = stack.use(await openRelay(a.port));
    const [first, second] = [await listen(a), await listen(b)];
    const car = carAt([relay.port, b.port]);
    await car.start();
    await waitFor("the birth", () => online(first));
    relay.deafen(true); // what goes up arrives, nothing comes back
    car.press();
    await waitFor(
      "the press at both",
      () => second.emergencies().length > 0 && first.emergencies().length > 0,
    );
    relay.swallow(true);
    relay.reset();
    await waitFor("the link to move", () => online(second), 30_000);
    const { episode } = second.emergencies()[0]!;
    await second.ack(episode, "cleared");
    await waitFor("the lamp", () => car.lamps.at(-1) === "idle");
    await waitFor("the removal there", () => second.removed.size > 0);
    expect(await retained(a)).toHaveLength(1);
    relay.deafen(false);
    relay.swallow(false);
    relay.reset();
    await waitFor("the removal at the first", () => first.removed.size > 0, 60_000);
    expect([await retained(a), await retained(b)]).toEqual([[], []]);
  },
);

test("two units with one name: the fault says it in words", async () => {
  const a = await broker();
  const car = carAt([a.port], {});
  await car.start();
  const twin = await connectAsync(a.url, { clientId: "zrenjanin.zr-117", reconnectPeriod: 100 });
  stack.defer(() => twin.endAsync(true));
  twin.on("error", () => undefined);
  await waitFor(
    "the fault",
    () => car.log.some(({ msg }) => msg.includes("do two units have the same name?")),
    30_000,
  );
});

test(
  "a burst of events on a slow link: a press waits behind at most one of them",
  { timeout: 60_000 },
  async () => {
    const a = await broker();
    const relay = stack.use(await openRelay(a.port, { bytesPerS: 1_000, delayMs: 20 }));
    const dispatch = await listen(a);
    const car = carAt([relay.port]);
    const EVENTS = 60;
    {
      await using outbox = await openTestOutbox(`${car.folder}/outbox`, { on: { fault: () => undefined } });
      for (let n = 0; n < EVENTS; n++)
        outbox.append({
          kind: "event",
          at: Date.now(),
          clock: "ntp",
          data: { type: "fault", part: "gps", detail: `${n} ${"x".repeat(400)}` },
        });
    }
    await car.start();
    await waitFor("the burst", () => dispatch.events("fault").length > 5, 30_000);
    const before = dispatch.events("fault").length;
    car.press();
    await waitFor("stored", () => car.lamps.includes("stored"));
    const stored = dispatch.events("fault").length;
    await waitFor("the press", () => dispatch.emergencies().length > 0, 10_000);
    const after = dispatch.reports.findIndex(({ kind }) => kind === "emergency");
    const between = dispatch.reports.slice(0, after).filter(({ kind }) => kind === "event").length - stored;
    process.stdout.write(`a press in a burst of ${EVENTS} events: ${before} before, ${between} between\n`);
    expect(stored).toBeLessThan(EVENTS);
    // One that was being sent, and one that waited.
    expect(between).toBeLessThanOrEqual(2);
  },
);

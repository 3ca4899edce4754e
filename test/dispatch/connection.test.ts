import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { Aedes } from "aedes";
import { connectAsync } from "mqtt";
import { createConnect } from "../../src/dispatch/mqtt.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { connectionContract, type BrokerUnderTest } from "../contracts/connection.ts";
import { waitFor } from "../journeys/car.ts";
import { freePort, startMosquitto } from "../journeys/mosquitto.ts";
import { openRelay } from "../journeys/relay.ts";
import { Broker, FULL_LIMITS, type BrokerLimits } from "../simulation/broker.ts";
import { Network } from "../simulation/network.ts";
import { SimulatedTime } from "../simulation/time.ts";

/** What dispatch hears, and how it speaks, at a real broker. */
const openDispatch = async (port: number, version: 4 | 5) => {
  const heard: { topic: string; payload: string }[] = [];
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    protocolVersion: version,
    clientId: "dispatch",
    reconnectPeriod: 0,
  });
  client.on("message", (topic, payload) => {
    if (!topic.endsWith("/command")) heard.push({ topic, payload: payload.toString() });
  });
  return {
    heard,
    async listen() {
      await client.subscribeAsync("patrol/v1/#", { qos: 1 });
    },
    async say(topic: string, payload: Buffer, retain = false) {
      await client.publishAsync(topic, payload, { qos: 1, retain });
    },
    end: () => client.endAsync(true),
  };
};

/** A real broker behind a relay that can swallow what passes. */
const behindRelay = async (
  stack: AsyncDisposableStack,
  port: number,
  about: Pick<BrokerUnderTest, "version" | "refuses" | "saysTakenOver" | "marksRepeated" | "limits">,
): Promise<BrokerUnderTest> => {
  const relay = stack.use(await openRelay(port));
  const dispatch = await openDispatch(port, about.version);
  stack.defer(() => dispatch.end());
  const owned = stack.move();
  return {
    ...about,
    ...dispatch,
    connect: createConnect(systemTime),
    url: `mqtt://127.0.0.1:${relay.port}`,
    nowhere: `mqtt://127.0.0.1:${await freePort()}`,
    blackHole: () => relay.swallow(true),
    until: waitFor,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
};

const NO_LIMITS = { receiveMaximum: 65_535, maximumPacketSize: 268_435_455 };

const openMosquitto = async (): Promise<BrokerUnderTest> => {
  await using stack = new AsyncDisposableStack();
  const rules = "allow_anonymous true\nacl_file FOLDER/acl\nmax_packet_size 20000000";
  const broker = stack.use(await startMosquitto(rules));
  writeFileSync(
    join(broker.folder, "acl"),
    "topic readwrite #\npattern deny patrol/v1/%u/health\npattern readwrite patrol/v1/%u/#\n",
  );
  await broker.start();
  return await behindRelay(stack, broker.port, {
    version: 5,
    // Its access rules do not cover subscriptions.
    refuses: { publish: true, subscribe: false },
    saysTakenOver: false,
    marksRepeated: true,
    limits: { ...NO_LIMITS, maximumPacketSize: 20_000_000 },
  });
};

const openAedes = async (): Promise<BrokerUnderTest> => {
  await using stack = new AsyncDisposableStack();
  const aedes = await Aedes.createBroker();
  aedes.authorizeSubscribe = (_client, subscription, done) =>
    done(null, subscription.topic.endsWith("/forbidden") ? null : subscription);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    aedes.handle(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
  });
  return await behindRelay(stack, (server.address() as AddressInfo).port, {
    version: 4,
    refuses: { publish: false, subscribe: true },
    saysTakenOver: false,
    marksRepeated: false,
    limits: NO_LIMITS,
  });
};

const openSimulated = async (limits: Partial<BrokerLimits>): Promise<BrokerUnderTest> => {
  const time = new SimulatedTime(0);
  const all = { ...FULL_LIMITS, ...limits };
  const broker = new Broker("a", all, time, () => undefined);
  broker.faults.refuses = (topic) =>
    topic.endsWith("/health") || topic.endsWith("/forbidden") ? 0x87 : undefined;
  const network = new Network(time, () => undefined);
  const url = "mqtts://a:8883";
  const route = network.add(url, broker);
  const nowhere = "mqtts://b:8883";
  const down = new Broker("b", all, time, () => undefined);
  down.faults.down = true;
  network.add(nowhere, down);
  const heard: { topic: string; payload: string }[] = [];
  return {
    connect: network.connect,
    url,
    nowhere,
    version: all.version,
    refuses: { publish: true, subscribe: true },
    saysTakenOver: all.version === 5,
    marksRepeated: true,
    limits: { receiveMaximum: all.receiveMaximum, maximumPacketSize: all.maximumPacketSize },
    async listen() {
      broker.listen({
        filter: "patrol/v1/#",
        receive: ({ topic, payload }) => {
          if (!topic.endsWith("/command")) heard.push({ topic, payload: payload.toString() });
        },
      });
    },
    heard,
    async say(topic, payload, retain = false) {
      broker.send({ topic, payload }, { retain });
    },
    blackHole: () => network.change(route, { swallowing: true }),
    async until(what, done, withinMs = 20_000) {
      await time.run(time.mono() + withinMs, done);
      if (!done()) throw new Error(`waited ${withinMs} ms for ${what}`);
    },
    async [Symbol.asyncDispose]() {},
  };
};

connectionContract("the MQTT client and mosquitto, MQTT 5", openMosquitto);
connectionContract("the MQTT client and aedes, 3.1.1", openAedes);
connectionContract("simulated, MQTT 5", () =>
  openSimulated({ receiveMaximum: 20, maximumPacketSize: 5_000 }),
);
connectionContract("simulated, 3.1.1", () => openSimulated({ version: 4 }));

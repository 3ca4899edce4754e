import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Aedes } from "aedes";
import { generate, parser, type Packet } from "mqtt-packet";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Recorder, type RecorderOptions } from "../../src/recorder/recorder.ts";
import { StoreError } from "../../src/recorder/store.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { openSigned, signedBy, trustedKeys, unsigned } from "../../src/wire/signed.ts";
import { fastTime } from "./fast-time.ts";
import { openMemoryStore, type TestStore } from "./memory-store.ts";
import { emergencyData, UNIT, wire } from "./reports.ts";

let stack: AsyncDisposableStack;
let store: TestStore;
let log: { msg: string; [key: string]: unknown }[];
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  store = stack.use(await openMemoryStore());
  log = [];
});
afterEach(() => stack.disposeAsync());

const listen = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(() => void server.close());
  return (server.address() as AddressInfo).port;
};

const startRecorder = async (port: number, more: Partial<RecorderOptions> = {}): Promise<Recorder> => {
  const say = (msg: string, fields: object = {}) => void log.push({ msg, ...fields });
  const recorder = new Recorder({
    store,
    brokers: ["broker"],
    async dial() {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      return socket;
    },
    name: "test",
    prefix: "patrol/v1",
    units: [["+", "+"]],
    compose: unsigned,
    acknowledges: true,
    time: systemTime,
    random: () => 0,
    log: { debug: say, info: say, warn: say, error: say },
    ...more,
  });
  await recorder.start();
  stack.defer(() => recorder.stop("the test ends"));
  return recorder;
};
const until = (done: () => boolean, timeout = 10_000) =>
  vi.waitFor(() => expect(done()).toBe(true), { timeout, interval: 10 });

type Answer = (packet: Packet, send: (packet: Packet) => void, socket: Socket) => void;

/** A broker in a test's hands: answers as told, and records what it gets. What it sends goes to the bulk session. */
const scripted = async (answer: Answer, version: 4 | 5 = 5) => {
  const packets: Packet[] = [];
  const sockets: Socket[] = [];
  let bulk: Socket | undefined;
  const sendTo = (socket: Socket | undefined) => (packet: Packet) =>
    void socket?.write(generate(packet, { protocolVersion: version }));
  const send = (packet: Packet) => sendTo(bulk)(packet);
  const server = createServer((socket) => {
    sockets.push(socket);
    const reader = parser({ protocolVersion: version });
    reader.on("packet", (packet) => {
      packets.push(packet);
      if (packet.cmd === "connect" && packet.clientId.endsWith(".bulk")) bulk = socket;
      answer(packet, sendTo(socket), socket);
    });
    reader.on("error", () => socket.destroy());
    socket.on("data", (chunk) => reader.parse(chunk));
    socket.on("error", () => undefined);
  });
  stack.defer(() => sockets.forEach((socket) => socket.destroy()));
  const port = await listen(server);
  const report = (messageId: number, seq: number) =>
    send({
      cmd: "publish",
      topic: `patrol/v1/${UNIT}/position`,
      payload: JSON.stringify(wire(seq)),
      qos: 1,
      messageId,
      dup: false,
      retain: false,
    });
  const acknowledged = () => packets.flatMap(({ cmd, messageId }) => (cmd === "puback" ? [messageId] : []));
  return { port, packets, sockets, send, report, acknowledged, bulk: () => bulk };
};

/** What every broker answers. */
const polite = (packet: Packet, send: (packet: Packet) => void): void => {
  if (packet.cmd === "connect") send({ cmd: "connack", reasonCode: 0, returnCode: 0, sessionPresent: false });
  if (packet.cmd === "subscribe")
    send({ cmd: "suback", messageId: packet.messageId!, granted: packet.subscriptions.map(() => 1) });
  if (packet.cmd === "publish") send({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
  if (packet.cmd === "pingreq") send({ cmd: "pingresp" });
};

describe("a recorder's connection", () => {
  test("is a persistent session with a Receive Maximum of 1,000 and a will", async () => {
    const broker = await scripted(polite);
    await startRecorder(broker.port);
    await until(() => log.some(({ msg }) => msg === "connected"));
    const connects = broker.packets.filter(({ cmd }) => cmd === "connect");
    expect(new Set(connects.map((packet) => packet.cmd === "connect" && packet.clientId))).toEqual(
      new Set(["recorder.test", "recorder.test.bulk"]),
    );
    expect(connects.find((packet) => packet.cmd === "connect" && packet.will)).toMatchObject({
      cmd: "connect",
      clientId: "recorder.test",
      clean: false,
      protocolVersion: 5,
      properties: { receiveMaximum: 1_000, sessionExpiryInterval: 604_800 },
      will: { topic: "patrol/v1/recorder/test/state", retain: true, qos: 1 },
    });
  });

  test("messages are acknowledged in their order, after the commit", async () => {
    const broker = await scripted(polite);
    const commit = Promise.withResolvers<void>();
    store.before = () => commit.promise;
    await startRecorder(broker.port);
    await until(() => log.some(({ msg }) => msg === "connected"));
    for (const [id, seq] of [
      [7, 1],
      [3, 2],
      [9, 3],
    ] as const)
      broker.report(id, seq);
    // A message that is not stored would be acknowledged at once, but must wait its turn.
    broker.send({
      cmd: "publish",
      topic: "patrol/v1/x",
      payload: "",
      qos: 1,
      messageId: 4,
      dup: false,
      retain: false,
    });
    await until(() => log.length > 0);
    expect(broker.acknowledged()).toEqual([]);
    commit.resolve();
    await until(() => broker.acknowledged().length === 4);
    expect(broker.acknowledged()).toEqual([7, 3, 9, 4]);
  });

  test("a broker that refuses MQTT 5 is asked with 3.1.1 at once", async () => {
    const broker = await scripted((packet, send, socket) => {
      if (packet.cmd === "connect" && packet.protocolVersion === 5) {
        send({ cmd: "connack", returnCode: 1, sessionPresent: false });
        socket.end();
      } else polite(packet, send);
    }, 4);
    await startRecorder(broker.port);
    await until(() => log.some(({ msg, mqtt }) => msg === "connected" && mqtt === "3.1.1"));
    broker.report(5, 1);
    await until(() => broker.acknowledged().includes(5));
  });

  test("a broker that does not answer is asked again each 5 s, one that refuses ever more seldom", async () => {
    const broker = await scripted((packet, send) => {
      if (packet.cmd === "connect")
        send({ cmd: "connack", reasonCode: 0x87, returnCode: 5, sessionPresent: false });
    });
    const retries = (url: string) =>
      log.flatMap((line) => (line["broker"] === url ? [Number(line["retryMs"])] : []));
    await startRecorder(broker.port, {
      brokers: ["away", "refuses"],
      async dial(url) {
        if (url === "away") throw new Error("nobody listens");
        const socket = connect(broker.port, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      },
      time: fastTime(100),
      random: () => 1,
    });
    await until(() => retries("away").length >= 20 && Math.max(...retries("refuses")) === 30_000);
    expect(Math.max(...retries("away"))).toBe(5_000);
  });

  test("a subscription that is refused is an error, not a deaf recorder", async () => {
    const broker = await scripted((packet, send) => {
      if (packet.cmd === "subscribe") send({ cmd: "suback", messageId: packet.messageId!, granted: [0x87] });
      else polite(packet, send);
    });
    await startRecorder(broker.port);
    await until(() => log.some(({ cause }) => String(cause).includes("refuses a subscription")));
  });

  test("a subscription without acknowledgements is an error too", async () => {
    const broker = await scripted((packet, send) => {
      if (packet.cmd === "subscribe")
        send({ cmd: "suback", messageId: packet.messageId!, granted: packet.subscriptions.map(() => 0) });
      else polite(packet, send);
    });
    await startRecorder(broker.port);
    await until(() => log.some(({ cause }) => String(cause).includes("only QoS 0")));
  });

  test("of two recorders with one name at a broker neither takes it from the other again and again", async () => {
    let connections = 0;
    const broker = await scripted((packet, send) => {
      polite(packet, send);
      if (packet.cmd !== "subscribe") return;
      connections++;
      send({ cmd: "disconnect", reasonCode: 0x8e });
    });
    const time = fastTime(20);
    await startRecorder(broker.port, { time });
    const before = time.mono();
    await until(() => connections === 12);
    // Pauses of 0.25, 0.5, 1, 2 and 4 s, and what the machine needs.
    expect(time.mono() - before).toBeGreaterThan(7_750);
  });

  test("bytes that are not MQTT end the connection, and the next one works", async () => {
    let first = true;
    const broker = await scripted((packet, send, socket) => {
      if (first) socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
      else polite(packet, send);
      first = false;
    });
    await startRecorder(broker.port, { time: fastTime(20) });
    await until(() => log.some(({ msg }) => msg === "connected"));
  });

  test("a broker that falls silent is left after a keepalive and a half", async () => {
    const broker = await scripted((packet, send) => {
      if (packet.cmd !== "pingreq") polite(packet, send);
    });
    await startRecorder(broker.port, { time: fastTime(100) });
    await until(() => log.some(({ cause }) => cause === "no answer within the keepalive"));
  });

  test("while the store cannot take more, the broker is not read, and the connection stays", async () => {
    const broker = await scripted(polite);
    const commit = Promise.withResolvers<void>();
    store.before = () => commit.promise;
    await startRecorder(broker.port);
    await until(() => log.some(({ msg }) => msg === "connected"));
    const total = 45_000;
    for (let seq = 1; seq <= total; seq++) broker.report(seq, seq);
    await until(() => log.some(({ msg }) => msg === "only emergencies are read"));
    const { length } = store.commits;
    expect(length).toBe(0);
    commit.resolve();
    await until(() => broker.acknowledged().length === total, 25_000);
    expect(broker.sockets).toHaveLength(2);
  });

  test("an emergency does not wait behind what other units have kept", async () => {
    const broker = await scripted(polite);
    const gate = Promise.withResolvers<void>();
    store.before = async () => {
      await gate.promise;
      await sleep(100);
    };
    await startRecorder(broker.port);
    await until(() => log.some(({ msg }) => msg === "connected"));
    for (let seq = 1; seq <= 30_000; seq++) broker.report(seq, seq);
    await until(() => log.some(({ msg }) => msg === "only emergencies are read"));
    const urgent = broker.sockets.find((socket) => socket !== broker.bulk());
    urgent?.write(
      generate(
        {
          cmd: "publish",
          topic: `patrol/v1/${UNIT}/emergency/${emergencyData().episode}`,
          payload: JSON.stringify(wire(9_999_999, { kind: "emergency", data: emergencyData() })),
          qos: 1,
          messageId: 1,
          dup: false,
          retain: false,
        },
        { protocolVersion: 5 },
      ),
    );
    gate.resolve();
    await until(() =>
      broker.packets.some((packet) => packet.cmd === "publish" && packet.topic.endsWith("/ack")),
    );
    expect(broker.acknowledged().length).toBeLessThan(15_000);
    await until(() => broker.acknowledged().length === 30_001, 25_000);
  });

  test("an emergency whose number is stored with another content is kept, and not answered", async () => {
    const broker = await scripted(polite);
    await startRecorder(broker.port);
    await until(() => log.some(({ msg }) => msg === "connected"));
    const emergency = (messageId: number, seq: number, episode: string) => {
      const report = wire(seq, { kind: "emergency", data: emergencyData({ episode }) });
      broker.send({
        cmd: "publish",
        topic: `patrol/v1/${UNIT}/emergency/${episode}`,
        payload: JSON.stringify(report),
        qos: 1,
        messageId,
        dup: false,
        retain: false,
      });
    };
    const [unstored, stored] = ["01M8BCC000SXTYMZNGRST3H6JA", "01M8BCC000SXTYMZNGRST3H6JB"];
    broker.report(1, 5);
    await until(() => broker.acknowledged().length === 1);
    emergency(2, 5, unstored);
    await until(() => broker.acknowledged().length === 2);
    emergency(3, 6, stored);
    emergency(4, 6, stored);
    await until(() => broker.acknowledged().length === 4);
    const answers = () =>
      broker.packets.flatMap((packet) =>
        packet.cmd === "publish" && packet.topic.endsWith("/ack") ? [packet.topic] : [],
      );
    await until(() => answers().length === 2);
    expect(new Set(answers())).toEqual(new Set([`patrol/v1/${UNIT}/emergency/${stored}/ack`]));
    expect(log.find(({ msg }) => msg === "rejected")).toMatchObject({
      reason: `conflict: number 5 of store k3v9q0ab is stored as position of boot 1 at 5000 ms, this is emergency ${unstored} of boot 1 at 5000 ms`,
    });
    expect(await store.conflicts()).toBe(1);
  });

  test("when the store is gone, nothing is acknowledged, answered or covered by a receipt", async () => {
    const broker = await scripted(polite);
    const recorder = await startRecorder(broker.port);
    await until(() => log.some(({ msg }) => msg === "connected"));
    store.before = () => {
      throw new StoreError("gone", "reports.db was removed");
    };
    broker.report(1, 1);
    expect(await recorder.gone).toMatchObject({ code: "gone" });
    expect(log).toContainEqual({ msg: "the store is gone", cause: "reports.db was removed" });
    store.before = () => undefined;
    broker.report(2, 2);
    await recorder.stop("the store is gone");
    expect(store.commits).toEqual([]);
    expect(broker.acknowledged()).toEqual([]);
    expect(broker.packets.some((one) => one.cmd === "publish" && one.topic.endsWith("/receipt"))).toBe(false);
  });

  test("no receipt is made from the ledgers in memory of a store that is gone", async () => {
    const broker = await scripted(polite);
    const verify = vi.fn(() => Promise.reject(new StoreError("gone", "reports.db was removed")));
    const recorder = await startRecorder(broker.port, { store: Object.assign(store, { verify }) });
    await until(() => log.some(({ msg }) => msg === "connected"));
    broker.report(1, 1);
    expect(await recorder.gone).toMatchObject({ code: "gone" });
    await recorder.stop("the store is gone");
    expect(store.commits).toHaveLength(1);
    expect(broker.packets.some((one) => one.cmd === "publish" && one.topic.endsWith("/receipt"))).toBe(false);
  });

  test("of two brokers each gets every receipt", async () => {
    const [a, b] = [await scripted(polite), await scripted(polite)];
    const ports: Readonly<Record<string, number>> = { a: a.port, b: b.port };
    await startRecorder(0, {
      brokers: ["a", "b"],
      async dial(url) {
        const socket = connect(ports[url]!, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      },
    });
    await until(() => log.filter(({ msg }) => msg === "connected").length === 2);
    a.report(1, 1);
    const receipts = ({ packets }: typeof a) =>
      packets.filter((packet) => packet.cmd === "publish" && packet.topic.endsWith("/receipt"));
    await until(() => receipts(a).length > 0 && receipts(b).length > 0);
  });
});

test("the log says in words why a broker hangs up, also after the connection was opened", async () => {
  const hungUp = new Error(
    "tlsv13 alert certificate required:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:918",
  );
  await startRecorder(0, {
    dial() {
      const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
      setImmediate(() => socket.destroy(hungUp));
      return Promise.resolve(socket);
    },
    words: (cause) => (cause === hungUp ? "the broker wants a client certificate" : "?"),
  });
  await until(() => log.some(({ cause }) => cause === "the broker wants a client certificate"));
});

test("a broker without MQTT 5 (aedes) works from the press to the receipt", async () => {
  const aedes = await Aedes.createBroker();
  stack.defer(() => new Promise<void>((resolve) => aedes.close(() => resolve())));
  const port = await listen(createServer(aedes.handle));
  const seen: { topic: string; payload: string }[] = [];
  aedes.on("publish", ({ topic, payload }) => void seen.push({ topic, payload: payload.toString() }));
  await startRecorder(port, { time: fastTime(5) });
  await until(() => log.some(({ msg }) => msg === "connected"));
  const publish = (topic: string, content: object) =>
    new Promise<void>((resolve) => {
      const payload = Buffer.from(JSON.stringify(content));
      aedes.publish({ cmd: "publish", topic, payload, qos: 1, retain: false, dup: false }, () => resolve());
    });
  await publish(`patrol/v1/${UNIT}/position`, wire(1));
  await until(() =>
    seen.some(({ topic, payload }) => topic.endsWith("/receipt") && payload.includes('"upTo":1')),
  );
});

test("a recorder with a key signs receipts and answers, each for its topic", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const keys = trustedKeys([publicKey.export({ type: "spki", format: "der" }).toString("base64")]);
  const broker = await scripted(polite);
  const recorder = await startRecorder(broker.port, { compose: signedBy(privateKey) });
  await until(() => log.some(({ msg }) => msg === "connected"));
  broker.report(1, 1);
  recorder.acknowledge({ unit: UNIT, episode: emergencyData().episode, stage: "accepted", by: "a person" });
  const sent = (end: string) =>
    broker.packets.flatMap((packet) =>
      packet.cmd === "publish" && packet.topic.endsWith(end)
        ? [openSigned(keys, packet.topic, Buffer.from(packet.payload))]
        : [],
    );
  for (const end of ["/receipt", "/ack"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await until(() => sent(end).length > 0, 15_000);
    expect(sent(end).map(({ kind }) => kind)).toContain("valid");
  }
});

describe("what a person says of an emergency", () => {
  const answersOf = (packets: readonly Packet[]): string[] =>
    packets.flatMap((packet) =>
      packet.cmd === "publish" && packet.topic.endsWith("/ack")
        ? [/"stage":"(\w+)"/.exec(packet.payload.toString())?.[1] ?? ""]
        : [],
    );

  test("is not replaced by the recorder's `received` while both wait for a connection", async () => {
    const broker = await scripted(polite);
    let isAway = false;
    const recorder = await startRecorder(broker.port, {
      async dial() {
        if (isAway) throw new Error("nobody listens");
        const socket = connect(broker.port, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      },
    });
    await until(() => log.some(({ msg }) => msg === "connected"));
    const commit = Promise.withResolvers<void>();
    let isCommitting = false;
    store.before = () => {
      isCommitting = true;
      return commit.promise;
    };
    const { episode } = emergencyData();
    broker.send({
      cmd: "publish",
      topic: `patrol/v1/${UNIT}/emergency/${episode}`,
      payload: JSON.stringify(wire(1, { kind: "emergency", data: emergencyData() })),
      qos: 1,
      messageId: 1,
      dup: false,
      retain: false,
    });
    await until(() => isCommitting);
    isAway = true;
    for (const socket of broker.sockets) socket.destroy();
    await until(() => !recorder.isConnected);
    recorder.acknowledge({ unit: UNIT, episode, stage: "accepted", by: "a person" });
    commit.resolve();
    await until(() => store.commits.length > 0);
    isAway = false;
    await until(() => answersOf(broker.packets).length === 2);
    expect(answersOf(broker.packets)).toEqual(["accepted", "received"]);
  });
});

describe("a silent unit", () => {
  test("is published and stored, and both are removed when it is heard", async () => {
    const broker = await scripted(polite);
    await startRecorder(broker.port, { time: fastTime(100) });
    await until(() => log.some(({ msg }) => msg === "connected"));
    const silent = () =>
      broker.packets.flatMap((packet) =>
        packet.cmd === "publish" && packet.topic === `patrol/v1/${UNIT}/silent`
          ? [packet.payload.toString()]
          : [],
      );
    broker.report(1, 1);
    await until(() => silent().length === 1);
    expect(JSON.parse(silent()[0]!)).toEqual({
      since: expect.stringMatching(/Z$/),
      last: expect.stringMatching(/Z$/),
      expectedS: 10,
    });
    await vi.waitFor(async () => expect(await store.silent("test")).toMatchObject([{ unit: UNIT }]));
    broker.report(2, 2);
    await until(() => silent().length === 2);
    expect(silent()[1]).toBe("");
    await vi.waitFor(async () => expect(await store.silent("test")).toEqual([]));
  });

  test("is not published when its broker dies and it takes a minute to find the other one", async () => {
    const [a, b] = [await scripted(polite), await scripted(polite)];
    const ports: Readonly<Record<string, number>> = { a: a.port, b: b.port };
    const time = fastTime(50);
    let isDead = false;
    await startRecorder(0, {
      brokers: ["a", "b"],
      time,
      async dial(url) {
        if (isDead && url === "a") throw new Error("nobody listens there");
        const socket = connect(ports[url]!, "127.0.0.1");
        await once(socket, "connect");
        return socket;
      },
    });
    await until(() => log.filter(({ msg }) => msg === "connected").length === 2);
    const silent = () =>
      b.packets.flatMap((packet) =>
        packet.cmd === "publish" && packet.topic.endsWith("/silent") ? [packet] : [],
      );
    let seq = 1;
    const drive = async (broker: typeof a, seconds: number) => {
      for (const until_ = time.mono() + seconds * 1_000; time.mono() < until_;) {
        broker.report(seq, seq++);
        await new Promise<void>((resolve) => void time.after(5_000, resolve));
      }
    };
    const wait = (seconds: number) =>
      new Promise<void>((resolve) => void time.after(seconds * 1_000, resolve));
    await drive(a, 20);
    isDead = true;
    for (const socket of a.sockets) socket.destroy();
    await wait(60);
    await drive(b, 60);
    expect(silent()).toEqual([]);
    // A unit that does not come back is found all the same, although the other broker stays away.
    await wait(120);
    expect(silent()).toHaveLength(1);
  });
});

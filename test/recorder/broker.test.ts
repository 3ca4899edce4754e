import { Duplex } from "node:stream";
import { generate, parser, type Packet } from "mqtt-packet";
import { expect, test } from "vitest";
import { Broker } from "../../src/recorder/mqtt/broker.ts";
import { SimulatedTime } from "../simulation/time.ts";

/** How often a recorder asks a broker that does not serve it. */

const HOUR_MS = 3_600_000;
const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const CONNACK = { cmd: "connack", sessionPresent: false } as const;

/** A broker's end of a connection: it sends what `answer` returns for each packet, or hangs up if that is "end". */
const brokerThat = (answer: (packet: Packet) => Packet | "end"): Duplex => {
  const packets = parser({ protocolVersion: 5 });
  let protocolVersion = 5;
  const socket = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _, done) {
      // As over a network: an answer never comes while the recorder still writes.
      queueMicrotask(() => packets.parse(chunk));
      done();
    },
  });
  packets.on("packet", (packet) => {
    if (packet.cmd === "connect") protocolVersion = packet.protocolVersion ?? 5;
    const says = answer(packet);
    if (says === "end") socket.destroy();
    else socket.push(generate(says, { protocolVersion }));
  });
  return socket;
};

/** A recorder connects for an hour. Returns the longest time from one attempt to the next, ms. */
const longestWait = async (dial: () => Promise<Duplex>): Promise<number> => {
  const time = new SimulatedTime(0);
  const at: number[] = [];
  const options = {
    url: "mqtt://broker",
    clientId: "recorder",
    keepaliveS: 30,
    filters: ["a/#"],
    dial: () => {
      at.push(time.mono());
      return dial();
    },
    time,
    random: () => 0.999,
    log: SILENT,
  };
  const stop = new AbortController();
  const broker = new Broker(options, { message: () => undefined, changed: () => undefined });
  const running = broker.run(stop.signal);
  await time.run(HOUR_MS);
  stop.abort();
  await broker.close();
  await running;
  return Math.max(...at.slice(1).map((t, n) => t - at[n]!));
};

test.each<[string, () => Promise<Duplex>]>([
  ["nobody listens", () => Promise.reject(new Error("ECONNREFUSED"))],
  ["it hangs up before it answers", () => Promise.resolve(brokerThat(() => "end"))],
])("every 5 s if %s", async (_, dial) => {
  expect(await longestWait(dial)).toBeLessThanOrEqual(5_000);
});

test.each<[string, (packet: Packet) => Packet | "end"]>([
  ["it refuses the recorder", () => ({ ...CONNACK, reasonCode: 0x87 })],
  [
    "it refuses a subscription",
    ({ cmd }) =>
      cmd === "connect"
        ? { ...CONNACK, reasonCode: 0 }
        : { cmd: "suback", messageId: 65_535, granted: [0x87] },
  ],
])("every 15 to 30 s if %s", async (_, answer) => {
  const longest = await longestWait(() => Promise.resolve(brokerThat(answer)));
  expect(longest).toBeGreaterThan(15_000);
  expect(longest).toBeLessThanOrEqual(30_000);
});

test("one that hangs up on MQTT 5 is asked with 3.1.1 at once from the third time on, also after each lost connection", async () => {
  const asked: (number | undefined)[] = [];
  const dial = () =>
    Promise.resolve(
      brokerThat((packet) => {
        if (packet.cmd === "connect") {
          asked.push(packet.protocolVersion);
          return packet.protocolVersion === 5 ? "end" : { ...CONNACK, returnCode: 0 };
        }
        if (packet.cmd !== "subscribe") return "end"; // the first PINGREQ
        return { cmd: "suback", messageId: packet.messageId!, granted: [1] };
      }),
    );
  await longestWait(dial);
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.slice(0, 8)).toEqual([5, 5, 5, 4, 5, 4, 5, 4]);
  expect(asked.slice(2).every((version, n) => version === (n % 2 === 0 ? 5 : 4))).toBe(true);
});

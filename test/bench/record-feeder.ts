import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { generate, parser } from "mqtt-packet";

/**
 * A broker that has always something to send: `node record-feeder.ts UNITS BATCH`. It prints its port. With
 * BATCH 1 it sends positions, else history with so many in a message. It never has more than the Receive
 * Maximum of the recorder unacknowledged.
 */
const [units = 3_000, batch = 1] = process.argv.slice(2).map(Number);
const STARTED = Date.UTC(2026, 10, 24, 8);

const next = new Uint32Array(units).fill(1);
const reportOf = (n: number): string => {
  const seq = next[n]!++;
  return JSON.stringify({
    v: 1,
    unit: `d-${n % 10}/u-${n}`,
    store: "k3v9q0ab",
    boot: 7,
    seq,
    kind: "position",
    at: new Date(STARTED + seq * 1000).toISOString(),
    clock: "gnss",
    mono: seq * 1000,
    live: batch === 1,
    data: {
      lat: 45.3812345 + seq / 1e6,
      lon: 20.3912345,
      altM: 80.1,
      speedKmh: 48.3,
      courseDeg: 91.2,
      fix: "3d",
      quality: 1,
      satellites: 9,
      hdop: 0.9,
      accuracyM: 3.2,
      reason: "interval",
    },
  });
};
let turn = 0;
const messageOf = (messageId: number): Buffer => {
  const n = turn++ % units;
  const topic = `patrol/v1/d-${n % 10}/u-${n}/${batch === 1 ? "position" : "history"}`;
  const lines = Array.from({ length: batch }, () => reportOf(n));
  const payload = batch === 1 ? lines[0]! : gzipSync(lines.join("\n"), { level: 1 });
  return generate(
    { cmd: "publish", topic, payload, qos: 1, messageId, dup: false, retain: false },
    { protocolVersion: 5 },
  );
};

const server = createServer((socket) => {
  const free: number[] = [];
  const packets = parser({ protocolVersion: 5 });
  const fill = () => {
    const out: Buffer[] = [];
    while (free.length > 0 && out.length < 200) out.push(messageOf(free.pop()!));
    if (out.length > 0) socket.write(Buffer.concat(out));
    if (free.length > 0) setImmediate(fill);
  };
  packets.on("packet", (packet) => {
    const reply = (bytes: Parameters<typeof generate>[0]) =>
      socket.write(generate(bytes, { protocolVersion: 5 }));
    if (packet.cmd === "connect") reply({ cmd: "connack", reasonCode: 0, sessionPresent: false });
    if (packet.cmd === "pingreq") reply({ cmd: "pingresp" });
    if (packet.cmd === "publish") reply({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
    if (packet.cmd === "puback") {
      free.push(packet.messageId!);
      if (free.length === 1) setImmediate(fill);
    }
    if (packet.cmd === "subscribe") {
      reply({ cmd: "suback", messageId: packet.messageId!, granted: packet.subscriptions.map(() => 1) });
      for (let id = 1; id <= 1_000; id++) free.push(id);
      setImmediate(fill);
    }
  });
  socket.on("data", (chunk) => packets.parse(chunk));
  socket.on("error", () => undefined);
}).listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address) process.stdout.write(`${address.port}\n`);
});

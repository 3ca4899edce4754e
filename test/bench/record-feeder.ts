import { createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { generate, parser } from "mqtt-packet";

/**
 * A broker with a fleet behind it: `node record-feeder.ts UNITS BATCH RATE`. It prints its port. With BATCH 1 it
 * sends positions, else history with so many in a message; RATE messages a second, or 0 for as many as the
 * recorder acknowledges. It never has more than the recorder's Receive Maximum unacknowledged. Each 100 ms it
 * sends an emergency, and on SIGTERM it prints how long they took to be stored and answered.
 */
const [units = 3_000, batch = 1, rate = 0] = process.argv.slice(2).map(Number);
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

const EPISODE = "01JDD3ZZZZZZZZZZZZZZZZZZ";
let presses = 0;
/** When each episode was sent, and how long the answers took, ms. */
const sentAt = new Map<string, number>();
const answers: number[] = [];
const emergencyOf = (messageId: number): Buffer => {
  const n = presses % units;
  const episode = `${EPISODE}${String(presses++ % 100).padStart(2, "0")}`;
  const { data: _, ...report } = JSON.parse(reportOf(n)) as { data: unknown };
  const data = { episode, state: "active", test: false, button: "dash", presses: 1, attempt: 1 };
  sentAt.set(episode, performance.now());
  const topic = `patrol/v1/d-${n % 10}/u-${n}/emergency/${episode}`;
  const payload = JSON.stringify({ ...report, kind: "emergency", data });
  return generate(
    { cmd: "publish", topic, payload, qos: 1, messageId, dup: false, retain: false },
    { protocolVersion: 5 },
  );
};
const answered = (topic: string): void => {
  const episode = /emergency\/([^/]+)\/ack$/.exec(topic)?.[1] ?? "";
  const at = sentAt.get(episode);
  if (at !== undefined) answers.push(performance.now() - at);
};
process.on("SIGTERM", () => {
  const ordered = answers.toSorted((a, b) => a - b);
  const quantile = (q: number) => (ordered[Math.floor(ordered.length * q)] ?? Number.NaN).toFixed(0);
  process.stdout.write(
    `${ordered.length} emergencies answered, p50 ${quantile(0.5)} p99 ${quantile(0.99)} ms\n`,
  );
  process.exit(0);
});

const server = createServer((socket) => {
  const free: number[] = [];
  let isBulk = false;
  let allowed = rate === 0 ? Infinity : 0;
  const clock = setInterval(() => {
    allowed += rate / 10;
    if (isBulk) fill();
    else if (free.length > 0) socket.write(emergencyOf(free.pop()!));
  }, 100);
  socket.on("close", () => clearInterval(clock));
  const packets = parser({ protocolVersion: 5 });
  const fill = () => {
    const out: Buffer[] = [];
    while (free.length > 0 && out.length < 200 && allowed > 0) {
      allowed--;
      out.push(messageOf(free.pop()!));
    }
    if (out.length > 0) socket.write(Buffer.concat(out));
    if (free.length > 0 && allowed > 0) setImmediate(fill);
  };
  packets.on("packet", (packet) => {
    const reply = (bytes: Parameters<typeof generate>[0]) =>
      socket.write(generate(bytes, { protocolVersion: 5 }));
    if (packet.cmd === "connect") isBulk = packet.clientId.endsWith(".bulk");
    if (packet.cmd === "connect") reply({ cmd: "connack", reasonCode: 0, sessionPresent: false });
    if (packet.cmd === "pingreq") reply({ cmd: "pingresp" });
    if (packet.cmd === "publish") answered(packet.topic);
    if (packet.cmd === "publish") reply({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
    if (packet.cmd === "puback") {
      free.push(packet.messageId!);
      if (isBulk && free.length === 1) setImmediate(fill);
    }
    if (packet.cmd === "subscribe") {
      reply({ cmd: "suback", messageId: packet.messageId!, granted: packet.subscriptions.map(() => 1) });
      for (let id = 1; id <= 1_000; id++) free.push(id);
      if (isBulk) setImmediate(fill);
    }
  });
  socket.on("data", (chunk) => packets.parse(chunk));
  socket.on("error", () => undefined);
}).listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address) process.stdout.write(`${address.port}\n`);
});

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { emergencyData, gapData, STORE, UNIT, wire } from "../recorder/reports.ts";
import { openCar, waitFor } from "./car.ts";
import { makeCertificates, startMosquitto, type Mosquitto } from "./mosquitto.ts";
import { canMount, mountSmallDisk } from "./small-disk.ts";
import { openEars, openRecorder, runRecord, type Ears, type RecorderProcess } from "./recorder.ts";

const ROOT = `patrol/v1/${UNIT}`;
const EPISODE = "01JDD3ZZZZZZZZZZZZZZZZZZZZ";

let stack: AsyncDisposableStack;
let folder: string;
let broker: Mosquitto;
let into: string;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  folder = mkdtempSync(join(tmpdir(), "recorder-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  broker = stack.use(await startMosquitto());
  await broker.start();
  into = `sqlite:${join(folder, "reports.db")}`;
});
afterEach(() => stack.disposeAsync());

const startRecorder = async (...args: string[]): Promise<RecorderProcess> => {
  const recorder = stack.use(openRecorder("--broker", broker.url, "--into", into, ...args));
  await recorder.start();
  return recorder;
};
const ears = async (): Promise<Ears> =>
  stack.use(
    await openEars(
      broker.url,
      "patrol/v1/+/+/receipt",
      "patrol/v1/+/+/silent",
      "patrol/v1/+/+/emergency/+/ack",
      "patrol/v1/recorder/+/state",
    ),
  );
const say = ({ client }: Ears, topic: string, content: object | Buffer, retain = false) =>
  client.publishAsync(`${ROOT}/${topic}`, Buffer.isBuffer(content) ? content : JSON.stringify(content), {
    qos: 1,
    retain,
  });
const emergency = (seq: number, more: object = {}) =>
  wire(seq, { kind: "emergency", data: { ...emergencyData(), ...more } });
const acksIn = ({ messages }: Ears) =>
  messages
    .filter(({ topic }) => topic.endsWith("/ack"))
    .map(({ payload }) => JSON.parse(payload) as { stage: string });
const statesIn = ({ messages }: Ears) =>
  messages
    .filter(({ topic }) => topic.endsWith("/state"))
    .map(({ payload }) => JSON.parse(payload) as { state: string; recorder: string; reason?: string });

test("an emergency is stored, answered with received, and covered by a receipt within a second", async () => {
  const unit = await ears();
  await startRecorder();
  await say(unit, "position", wire(1));
  await waitFor("the first receipt", () => unit.receipts(UNIT).length > 0);
  const before = performance.now();
  await say(unit, `emergency/${EPISODE}`, emergency(2), true);
  await waitFor("the receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 2);
  expect(performance.now() - before).toBeLessThan(1_000);
  await waitFor("the answer", () => acksIn(unit).length > 0);
  expect(acksIn(unit)[0]).toMatchObject({ stage: "received", by: "recorder main" });
  // A repeat is answered again; an emergency that was accepted is not.
  await say(unit, `emergency/${EPISODE}`, emergency(2, { attempt: 2 }), true);
  await waitFor("the second answer", () => acksIn(unit).length > 1);
  await say(unit, `emergency/${EPISODE}`, emergency(3, { state: "accepted" }), true);
  await waitFor("its receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 3);
  expect(acksIn(unit)).toHaveLength(2);
});

test("--no-ack leaves the answer to dispatch's own system", async () => {
  const unit = await ears();
  await startRecorder("--no-ack");
  await say(unit, `emergency/${EPISODE}`, emergency(1), true);
  await waitFor("the receipt", () => unit.receipts(UNIT).length > 0);
  expect(acksIn(unit)).toEqual([]);
});

test("what one message does wrong stops nothing else, and is kept with its reason", async () => {
  const unit = await ears();
  await startRecorder();
  await say(unit, "history", gzipSync(Buffer.alloc(40 * 1024 * 1024)));
  await say(unit, "history", Buffer.alloc(10 * 1024 * 1024, 1));
  await say(unit, "position", wire(1, { unit: "zrenjanin/zr-118" }));
  await say(
    unit,
    "history",
    gzipSync([wire(1), "rubbish", wire(2)].map((one) => JSON.stringify(one)).join("\n")),
  );
  await waitFor("the receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 2);
  const db = new DatabaseSync(join(folder, "reports.db"), { readOnly: true });
  stack.defer(() => db.close());
  const rejected = db.prepare("SELECT topic, reason FROM rejected ORDER BY id").all();
  expect(rejected).toEqual([
    { topic: `${ROOT}/history`, reason: "opens to more than 16777216 bytes" },
    { topic: `${ROOT}/history`, reason: expect.stringMatching(/^a packet of 104857\d\d bytes$/) },
    { topic: `${ROOT}/position`, reason: "unit zrenjanin/zr-118 is not its topic's" },
    { topic: `${ROOT}/history`, reason: expect.stringContaining("expected object") },
  ]);
});

test("its own state is retained, its will says that it died, and a clean stop says why", async () => {
  const recorder = await startRecorder("--name", "north");
  const operator = await ears();
  await waitFor("its birth", () => statesIn(operator).length > 0);
  expect(statesIn(operator)[0]).toMatchObject({ state: "online", recorder: "north" });
  await recorder.stop("SIGKILL");
  await waitFor("its will", () => statesIn(operator).at(-1)?.state === "offline");
  await recorder.start();
  await waitFor("its second birth", () => statesIn(operator).at(-1)?.state === "online");
  expect(await recorder.stop()).toBe(0);
  await waitFor("its farewell", () => statesIn(operator).at(-1)?.reason === "SIGTERM");
});

test("a second recorder of the same name waits, and takes over when the first is killed", async () => {
  const first = await startRecorder();
  const second = stack.use(openRecorder("--broker", broker.url, "--into", into));
  second.launch();
  await waitFor("it to wait", () => second.log.some(({ msg }) => msg.includes("waiting until it has gone")));
  await first.stop("SIGKILL");
  await waitFor("it to connect", () => second.log.some(({ msg }) => msg === "connected"));
});

test("what is published while no recorder runs is stored by the next one", async () => {
  const first = await startRecorder();
  await first.stop("SIGKILL");
  const unit = await ears();
  for (let seq = 1; seq <= 50; seq++) await say(unit, "position", wire(seq));
  await startRecorder();
  await waitFor("the receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 50);
  expect(unit.receipts(UNIT).at(-1)?.missing).toEqual([]);
});

test("a receipt is made from the store, not from memory, and a birth asks for one", async () => {
  const first = await startRecorder();
  const unit = await ears();
  await say(unit, "history", gzipSync([1, 2, 5].map((seq) => JSON.stringify(wire(seq))).join("\n")));
  await waitFor("the first receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 5);
  await first.stop();
  await startRecorder();
  const before = unit.receipts(UNIT).length;
  await say(
    unit,
    "state",
    { state: "online", unit: UNIT, store: STORE, boot: 2, connection: 1, version: "1" },
    true,
  );
  await waitFor("the next one", () => unit.receipts(UNIT).length > before);
  expect(unit.receipts(UNIT).at(-1)).toMatchObject({ store: STORE, upTo: 5, missing: [[3, 4]] });
});

test("with TLS, and without a subscription that the broker's rules allow, it says what is wrong", async () => {
  const secure = stack.use(
    await startMosquitto(
      "cafile FOLDER/ca.pem\ncertfile FOLDER/broker.pem\nkeyfile FOLDER/broker.key\nrequire_certificate true\nuse_identity_as_username true",
      true,
    ),
  );
  makeCertificates(secure.folder, "recorder-1");
  await secure.start();
  const pem = (name: string) => join(secure.folder, name);
  const args = ["--broker", secure.url, "--into", into, "--ca", pem("ca.pem")];
  const recorder = stack.use(openRecorder(...args, "--cert", pem("unit.pem"), "--key", pem("unit.key")));
  await recorder.start();
  const stranger = stack.use(openRecorder(...args, "--name", "stranger"));
  stranger.launch();
  await waitFor("the reason", () => stranger.log.some(({ msg }) => msg === "no connection to a broker"));
  expect(JSON.stringify(stranger.log)).toMatch(/--cert|certificate/);
});

test("a real car's reports are stored, its emergency answered and cleared, and nothing is undeclared", async () => {
  await startRecorder();
  const operator = await ears();
  const car = stack.use(openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, { board: true }));
  await car.start();
  await waitFor("the board", () => car.lamps.at(-1) === "idle");
  car.press();
  await waitFor("the lamp", () => car.lamps.includes("received"));
  await waitFor("a receipt", () => (operator.receipts(UNIT).at(-1)?.upTo ?? 0) > 3);
  await car.stop();
  await waitFor("the last receipt", () => operator.receipts(UNIT).at(-1)?.missing.length === 0);
  const audit = await runRecord("audit", "--into", into, "--json");
  expect(audit.code, audit.out).toBe(0);
}, 60_000);

test("audit exits 1 and lists what is missing; import brings it from a wrecked car's card", async () => {
  await startRecorder();
  const unit = await ears();
  const gap = wire(10, { kind: "event", data: gapData(6, 7, [], "retention") });
  await say(
    unit,
    "history",
    gzipSync([wire(1), wire(5), wire(5), gap].map((one) => JSON.stringify(one)).join("\n")),
  );
  await waitFor("the receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 10);
  const before = await runRecord("audit", "--into", into, "--json");
  expect(before.code).toBe(1);
  expect(JSON.parse(before.out)).toMatchObject({
    undeclared: 5,
    streams: [
      {
        unit: UNIT,
        store: STORE,
        highest: 10,
        received: 3,
        missing: [
          [2, 4],
          [8, 9],
        ],
        declared: { retention: 2 },
        duplicates: 1,
      },
    ],
  });
  const file = join(folder, "wreck.ndjson");
  const lines = [2, 3, 4, 5, 8, 9].map((seq) => {
    const { live: _, ...stored } = wire(seq);
    return JSON.stringify(stored);
  });
  writeFileSync(file, `${lines.join("\n")}\n{"half":`);
  const done = await runRecord("import", file, "--into", into, "--json");
  expect(JSON.parse(done.out)).toEqual({ lines: 7, stored: 5, duplicates: 1, rejected: 1 });
  expect(done.code).toBe(1);
  expect((await runRecord("audit", "--into", into)).code).toBe(0);
  const rejectedRows = async () =>
    JSON.parse((await runRecord("audit", "--into", into, "--json")).out).rejected;
  const kept = await rejectedRows();
  // Another line conflicts with number 2, which is stored as something else.
  writeFileSync(file, `${lines.join("\n")}\n${JSON.stringify({ ...wire(2), kind: "health" })}\n{"half":`);
  for (const _ of [1, 2]) {
    // oxlint-disable-next-line no-await-in-loop -- one import after the other
    const again = await runRecord("import", file, "--into", into, "--json");
    expect(JSON.parse(again.out)).toEqual({ lines: 8, stored: 0, duplicates: 6, rejected: 2 });
    // oxlint-disable-next-line no-await-in-loop
    expect(await rejectedRows()).toBe(kept + 1);
  }
  // The running recorder has another ledger in memory: it reads the store's.
  await say(unit, "position", wire(11));
  await waitFor("the receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 11);
  expect(unit.receipts(UNIT).at(-1)?.missing).toEqual([]);
}, 60_000);

test("a track has its gaps marked and its times corrected, by time or by episode", async () => {
  await startRecorder();
  const unit = await ears();
  const at = (seq: number) => new Date(Date.UTC(2026, 10, 24, 8) + seq * 1_000).toISOString();
  const unset = (seq: number) => wire(seq, { clock: "unset", at: `1970-01-01T00:00:0${seq}.000Z` });
  const clock = wire(4, { kind: "event", data: { type: "clock", boot: 1, mono: 4_000, at: at(4) } });
  const pressed = wire(7, { kind: "emergency", data: { ...emergencyData(), pressedAt: at(7) } });
  const cleared = wire(10, { kind: "emergency", data: { ...emergencyData(), state: "cleared" } });
  const all = [unset(1), unset(2), clock, wire(6), pressed, wire(8), wire(9), cleared, wire(11)];
  await say(unit, "history", gzipSync(all.map((one) => JSON.stringify(one)).join("\n")));
  await waitFor("the receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 11);
  const track = async (...args: string[]) => {
    const { out, code } = await runRecord("track", "--into", into, "--unit", UNIT, ...args);
    expect(code).toBe(0);
    return out;
  };
  const items = (text: string) =>
    text
      .trim()
      .split("\n")
      .map(
        (line) =>
          JSON.parse(line) as { seq?: number; at?: string; gap?: { from: number; reasons: string[] } },
      )
      .map(({ seq, gap: hole }) => seq ?? `gap ${hole!.from} ${hole!.reasons.join()}`);
  const whole = await track();
  expect(items(whole)).toEqual([1, 2, "gap 3 undeclared", 6, 8, 9, 11]);
  expect(JSON.parse(whole.split("\n")[0]!)).toMatchObject({ at: at(1), sentAt: "1970-01-01T00:00:01.000Z" });
  expect(items(await track("--episode", EPISODE))).toEqual([8, 9]);
  expect(items(await track("--from", at(2), "--to", at(6)))).toEqual([2, "gap 3 undeclared", 6]);
  const gpx = await track("--format", "gpx");
  expect(gpx.match(/<trkseg>/g)).toHaveLength(2);
  expect(gpx.match(/<trkpt /g)).toHaveLength(6);
  expect((await runRecord("track", "--into", into, "--unit", "a/b")).code).toBe(1);
}, 60_000);

test("a store that is not there, or is none, ends with 74; a server that is not there with 69", async () => {
  expect((await runRecord("audit", "--into", `sqlite:${join(folder, "none.db")}`)).code).toBe(74);
  const text = join(folder, "text.db");
  writeFileSync(text, "no database\n".repeat(100));
  chmodSync(text, 0o600);
  expect((await runRecord("audit", "--into", `sqlite:${text}`)).code).toBe(74);
  expect((await runRecord("audit", "--into", "postgres://nobody@127.0.0.1:1/none")).code).toBe(69);
});

test("a database that is removed under the recorder ends it with 74; what came then is stored after the next start", async () => {
  const recorder = await startRecorder();
  const unit = await ears();
  await say(unit, "position", wire(1));
  await waitFor("the receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 1);
  for (const end of ["", "-wal", "-shm"]) rmSync(join(folder, `reports.db${end}`));
  const receipts = unit.receipts(UNIT).length;
  await say(unit, `emergency/${EPISODE}`, emergency(2), true);
  expect(await recorder.ended()).toBe(74);
  expect(recorder.log.find(({ msg }) => msg === "the store is gone")).toMatchObject({
    level: "error",
    cause: expect.stringContaining("was removed or moved away"),
  });
  expect(acksIn(unit)).toEqual([]);
  expect(unit.receipts(UNIT)).toHaveLength(receipts);
  await recorder.start();
  await waitFor("the answer", () => acksIn(unit).length > 0);
  const track = new DatabaseSync(join(folder, "reports.db"), { readOnly: true });
  stack.defer(() => track.close());
  expect(track.prepare("SELECT episode FROM emergency").all()).toEqual([{ episode: EPISODE }]);
}, 60_000);

test("audit exits 1 if a number came with two contents", async () => {
  const recorder = await startRecorder();
  const unit = await ears();
  await say(unit, "position", wire(1));
  await waitFor("the receipt", () => unit.receipts(UNIT).length > 0);
  await say(unit, `emergency/${EPISODE}`, emergency(1), true);
  await waitFor("the conflict", () => recorder.log.some(({ msg }) => msg === "rejected"));
  const audit = await runRecord("audit", "--into", into);
  expect(audit.code).toBe(1);
  expect(audit.out).toContain("CONFLICTS 1");
  expect(acksIn(unit)).toEqual([]);
}, 60_000);

test.skipIf(!canMount)(
  "on a full disk nothing is acknowledged, and with room again nothing is missing",
  async () => {
    const disk = stack.use(mountSmallDisk(6));
    into = `sqlite:${join(disk.path, "reports.db")}`;
    const recorder = await startRecorder();
    const unit = await ears();
    const publish = async (from: number, to: number) => {
      for (let seq = from; seq <= to; seq++) await say(unit, "position", wire(seq));
    };
    await publish(1, 50);
    await waitFor("the first receipt", () => unit.receipts(UNIT).at(-1)?.upTo === 50);
    disk.fill();
    // The log of the database may have some room of its own.
    await publish(51, 3_000);
    await waitFor("the fault", () => recorder.log.some(({ msg }) => msg === "the store cannot be written"));
    disk.free();
    await waitFor("everything", () => unit.receipts(UNIT).at(-1)?.upTo === 3_000, 40_000);
    expect(unit.receipts(UNIT).at(-1)?.missing).toEqual([]);
    expect((await runRecord("audit", "--into", into)).code).toBe(0);
  },
  90_000,
);

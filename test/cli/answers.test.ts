import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { ackWarning, reportConnection } from "../../src/cli/dispatch.ts";
import { consoleWords, nextAnswer } from "../../src/cli/lib/console.ts";
import { describeMessage, messageAsJson } from "../../src/cli/lib/describe.ts";

const TOPIC = "patrol/v1/zrenjanin/zr-117/emergency/01K0000000000000000000000A";
const report = (kind: string, data: object): Buffer =>
  Buffer.from(
    JSON.stringify({
      v: 1,
      unit: "zrenjanin/zr-117",
      store: "k3v9q0ab",
      boot: 1,
      seq: 2,
      kind,
      at: "2026-11-24T08:00:00.000Z",
      clock: "gnss",
      mono: 1,
      live: true,
      data,
    }),
  );
const emergency = (
  state: string,
  counts: { presses?: number; attempt?: number; heldMs?: number } = {},
): Buffer =>
  report("emergency", {
    episode: "01K0000000000000000000000A",
    state,
    test: false,
    button: "dash",
    presses: 1,
    attempt: 1,
    ...counts,
  });

test.each([
  ["active", "received"],
  ["received", "accepted"],
  ["accepted", "cleared"],
  ["cleared", undefined],
])("the console answers an episode that is %s with %s", (state, answer) => {
  expect(nextAnswer(TOPIC, emergency(state))).toBe(answer);
});

test("the console says first what --ack does, to whom, and until when", () => {
  const at = "mqtt://localhost:1883 below patrol/v1/";
  expect(ackWarning("cleared", at)).toBe(
    `--ack cleared CLEARS every emergency of every unit at ${at} until you press Ctrl-C`,
  );
  expect(ackWarning("accepted", at)).toContain("ACCEPTS every emergency of every unit");
  expect(ackWarning("received", at)).toContain("answers every emergency of every unit with received");
});

test("the console answers no other topic, and nothing that it cannot read", () => {
  expect(nextAnswer(`${TOPIC}/ack`, emergency("active"))).toBeUndefined();
  expect(nextAnswer(TOPIC, Buffer.from("{"))).toBeUndefined();
  expect(nextAnswer(TOPIC, Buffer.alloc(0))).toBeUndefined();
});

test("the console prints one line a report, and names the unit", () => {
  const lines = describeMessage(TOPIC, emergency("active"));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("zrenjanin/zr-117");
});

test("the console says how long a press was held, whatever that was", () => {
  for (const [heldMs, says] of [
    [26, "released after 0.1 s"],
    [201, "released after 0.2 s"],
    [4_004, "held 4 s"],
    [61_240, "held 61.2 s"],
  ] as const)
    expect(describeMessage(TOPIC, emergency("active", { heldMs }))[0]).toContain(`  1 press  ${says}  `);
  expect(describeMessage(TOPIC, emergency("active"))[0]).not.toMatch(/held|released/);
});

test("the console counts one press and two presses, and marks a repeat", () => {
  const [first] = describeMessage(TOPIC, emergency("active"));
  expect(first).toContain("  1 press  ");
  expect(first).not.toContain("attempt");
  const [second] = describeMessage(TOPIC, emergency("active", { presses: 2, attempt: 3 }));
  expect(second).toContain("  2 presses  attempt 3  ");
});

test("the console prints which signals are stale, also if there are no others", () => {
  const [line] = describeMessage(
    "patrol/v1/zrenjanin/zr-117/vehicle",
    report("vehicle", { signals: {}, stale: ["Vehicle.Speed"] }),
  );
  expect(line).toMatch(/vehicle {3}stale: Vehicle\.Speed$/);
});

test("the console shows doctor's trial as a trial, and another reply as a reply", () => {
  const topic = "patrol/v1/zrenjanin/zr-117/reply";
  const [trial] = describeMessage(topic, Buffer.from('{"id":"doctor","ok":true}'));
  expect(trial).toMatch(/^- +zrenjanin\/zr-117 {2}`doctor` has tried this broker$/);
  const [reply] = describeMessage(topic, Buffer.from('{"id":"a1","ok":false,"error":"it expired"}'));
  expect(reply).toMatch(/zrenjanin\/zr-117 {2}reply to a1: it expired$/);
});

test("the console says once that the connection is lost, and once that it is there again", () => {
  const client = new EventEmitter();
  const lines: string[] = [];
  reportConnection(client as never, new AbortController().signal, (line) => void lines.push(line));
  for (let n = 0; n < 3; n++) {
    client.emit("close");
    client.emit("error", new Error("connect ECONNREFUSED"));
  }
  client.emit("connect");
  client.emit("close");
  expect(lines).toEqual([
    "connection lost, trying again",
    "connected again",
    "connection lost, trying again",
  ]);
});

test("the console says why it has no connection in the words of the link, with its own options", () => {
  const withCode = (code: string) => Object.assign(new Error(`connect ${code} 127.0.0.1:1883`), { code });
  expect(consoleWords(withCode("ECONNREFUSED"))).toBe("the host answers but no broker listens there");
  expect(consoleWords(withCode("EAI_AGAIN"))).toBe("the host name cannot be looked up (no DNS?)");
  expect(consoleWords(withCode("ECONNRESET"))).toBe("the connection was reset");
  expect(consoleWords(withCode("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"))).toBe(
    "the broker wants a client certificate: set --cert and --key",
  );
});

test("the console shows a bundle by its size, and as it is with --json", () => {
  const topic = "patrol/v1/zrenjanin/zr-117/bundle";
  const bundle = Buffer.from("eyJhbGciOiJFZERTQSJ9.AA.AA");
  expect(describeMessage(topic, bundle)).toEqual([expect.stringMatching(/zr-117 {2}a bundle of 26 bytes$/)]);
  expect(JSON.parse(messageAsJson(topic, bundle, true))).toEqual({
    topic,
    retain: true,
    payload: bundle.toString(),
  });
  expect(describeMessage(topic, Buffer.alloc(0))).toEqual([`${topic}  removed`]);
});

test("the console shows what dispatch's recorder says in words", () => {
  const at = "2026-11-24T08:00:00.000Z";
  const line = (topic: string, value: object): string | undefined =>
    describeMessage(`patrol/v1/${topic}`, Buffer.from(JSON.stringify(value)))[0];
  const receipt = { store: "k3v9q0ab", upTo: 36, missing: [] as number[][], by: "2e61", at };
  expect(line("zrenjanin/zr-117/receipt", receipt)).toBe(
    `${at}  zrenjanin/zr-117  receipt  stored up to 36 of k3v9q0ab, by 2e61`,
  );
  const missing = [1, 4, 7, 10, 13, 16].map((n) => [n, n === 1 ? 2 : n]);
  expect(line("zrenjanin/zr-117/receipt", { ...receipt, missing })).toContain(
    "  stored up to 36 of k3v9q0ab, missing 1-2, 4, 7, 10, 13, and 1 more, by 2e61",
  );
  const silent = { since: at, last: "2026-11-24T07:57:00.000Z", expectedS: 60 };
  expect(line("zrenjanin/zr-117/silent", silent)).toBe(
    `${at}  zrenjanin/zr-117  silent since ${at}, last heard 2026-11-24T07:57:00.000Z, expected every 60 s`,
  );
  const state = { recorder: "main", by: "2e61", version: "1.1.0" };
  expect(line("recorder/main/state", { ...state, state: "online", at })).toBe(`${at}  recorder main  ONLINE`);
  expect(line("recorder/main/state", { ...state, state: "offline", reason: "stopped", at })).toBe(
    `${at}  recorder main  OFFLINE: stopped`,
  );
  expect(line("recorder/main/state", { ...state, state: "offline" })).toMatch(
    /^- +recorder main {2}OFFLINE$/,
  );
  expect(line("zrenjanin/zr-117/receipt", { upTo: 1 })).toContain("not of contract v1");
});

test("the console prints one line for a certificate's request", () => {
  const [line] = describeMessage(
    "patrol/v1/zrenjanin/zr-117/event",
    report("event", {
      type: "certificate",
      expiresAt: "2026-12-01T00:00:00.000Z",
      days: 7,
      request: "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n",
    }),
  );
  expect(line).toMatch(/certificate {2}expiresAt=\S+ {2}days=7 {2}request=\(PKCS#10\)$/);
});

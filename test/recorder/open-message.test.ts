import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { openLine, openMessage, openSteps, type Opened } from "../../src/recorder/open-message.ts";
import { readTopic } from "../../src/recorder/topics.ts";
import { emergencyData, gapData, STORE, UNIT, wire } from "./reports.ts";

const ROOT = `patrol/v1/${UNIT}`;
const open = (topic: string, payload: Buffer | string): Opened => {
  const whole = `${ROOT}/${topic}`;
  return openMessage(whole, readTopic("patrol/v1", whole)!, Buffer.from(payload));
};
const json = (topic: string, value: unknown) => open(topic, JSON.stringify(value));
const history = (...lines: string[]) => open("history", gzipSync(lines.join("\n")));
const reasons = ({ rejected }: Opened) => rejected.map(({ reason }) => reason);

describe("a message of a unit", () => {
  test("a report is accepted with its data as it was", () => {
    const data = { lat: 1, lon: 2, fix: "2d", reason: "interval", speedKmh: 0.1 };
    const { accepted, rejected } = json("position", wire(9, { data }));
    expect(rejected).toEqual([]);
    expect(accepted[0]!.report).toMatchObject({
      unit: UNIT,
      store: STORE,
      seq: 9,
      kind: "position",
      live: true,
    });
    expect(JSON.parse(accepted[0]!.report.data)).toEqual(data);
    expect(accepted[0]!.report.extra).toBeUndefined();
  });

  test("a report of contract 1.0 has the empty store", () => {
    const { store: _, ...old } = wire(1);
    expect(json("position", old).accepted[0]!.report.store).toBe("");
  });

  test.each([
    ["key", wire(1, { region: "north" })],
    ["key of data", wire(1, { data: { lat: 1, lon: 2, fix: "2d", reason: "interval", mood: "good" } })],
    ["kind", wire(1, { kind: "drone", data: { rotors: 4 } })],
    ["reason of a position", wire(1, { data: { lat: 1, lon: 2, fix: "2d", reason: "tunnel" } })],
    ["type of an event", wire(1, { kind: "event", data: { type: "coffee", cups: 2 } })],
    ["part of a fault", wire(1, { kind: "event", data: { type: "fault", part: "wing", detail: "off" } })],
    ["reason of a gap", wire(1, { kind: "event", data: gapData(1, 2, [], "magnet") })],
    ["state of an emergency", wire(1, { kind: "emergency", data: emergencyData({ state: "doubted" }) })],
    ["clock", wire(1, { clock: "ptp" })],
  ])("an unknown %s is kept", (_, value) => {
    const { accepted, rejected } = json("position", value);
    expect(rejected).toEqual([]);
    expect(accepted).toHaveLength(1);
  });

  test("unknown keys beside the contract's are kept apart", () => {
    expect(json("position", wire(1, { region: "north" })).accepted[0]!.report.extra).toBe(
      '{"region":"north"}',
    );
  });

  test.each([
    ["another unit", wire(1, { unit: "zrenjanin/zr-118" }), /^unit zrenjanin\/zr-118 is not its topic's$/],
    ["another format", wire(1, { v: 2 }), /^v: /],
    [
      "a place off the earth",
      wire(1, { data: { lat: 91, lon: 0, fix: "3d", reason: "start" } }),
      /^data\.lat: /,
    ],
    ["a number that is none", wire(1, { seq: "1" }), /^seq: /],
    ["a number below 1", wire(0), /^seq: /],
    ["no data", wire(1, { data: null }), /^data: /],
    ["a store of another form", wire(1, { store: "../../etc" }), /^store: /],
    ["an instant without milliseconds", wire(1, { at: "2026-11-24T08:00:00Z" }), /^at: /],
    ["a time of 100,000 years", wire(1, { mono: 3_155_760_000_000_000 }), /^mono: /],
    [
      "more than a report can have",
      wire(1, { data: { stale: Array(5_000).fill(0) } }),
      /^more than 5000 values$/,
    ],
    ["a list", [wire(1)], /expected object/],
    ["nothing", null, /expected object/],
  ])("%s is rejected, and the reason says why", (_, value, reason) => {
    const opened = json("position", value);
    expect(opened.accepted).toEqual([]);
    expect(reasons(opened)).toEqual([expect.stringMatching(reason)]);
    expect(opened.rejected[0]!.topic).toBe(`${ROOT}/position`);
    expect(JSON.parse(Buffer.from(opened.rejected[0]!.bytes).toString())).toEqual(value);
  });

  test("the number of a rejected report is known if its envelope is sound", () => {
    const bad = { lat: 91, lon: 0, fix: "3d", reason: "start" };
    expect(json("position", wire(7, { data: bad })).rejected[0]!.number).toEqual({
      unit: UNIT,
      store: STORE,
      seq: 7,
    });
    expect(json("position", wire(7, { unit: "a/b" })).rejected[0]!.number).toBeUndefined();
  });

  test("an emergency of another episode than its topic's is rejected", () => {
    const report = wire(1, { kind: "emergency", data: emergencyData() });
    expect(json("emergency/01JDD3ZZZZZZZZZZZZZZZZZZZZ", report).accepted).toHaveLength(1);
    expect(reasons(json("emergency/01JDD3ZZZZZZZZZZZZZZZZZZZ0", report))).toEqual([
      "the episode is not its topic's",
    ]);
  });

  test.each([
    ["position", { lat: 45.4, lon: 20.4, ageMs: 100, trusted: true }],
    ["position", null],
    ["track", Array.from({ length: 11 }, () => ({ lat: 45.4, lon: 20.4 }))],
    ["vehicle", {}],
    ["pressedAt", "2026-11-27T10:00:00Z"],
    ["shortened", "track"],
  ])("an emergency counts without a detail that does not fit, which is kept beside it: %s", (key, value) => {
    const data = emergencyData({ heldMs: 300 });
    const { accepted, rejected } = json(
      "emergency/01JDD3ZZZZZZZZZZZZZZZZZZZZ",
      wire(1, { kind: "emergency", region: "north", data: { ...data, [key]: value } }),
    );
    expect(rejected).toEqual([]);
    const { report, meaning } = accepted[0]!;
    expect(meaning).toMatchObject({ kind: "emergency", state: "active", shortened: 0 });
    expect(JSON.parse(report.data)).toEqual(data);
    expect(JSON.parse(report.extra!)).toEqual({ region: "north", data: { [key]: value } });
  });

  test.each(["episode", "state", "test", "button", "presses", "attempt"])(
    "an emergency without %s is rejected",
    (key) => {
      const value = wire(1, { kind: "emergency", data: emergencyData({ [key]: undefined }) });
      expect(json("event", value).rejected).toHaveLength(1);
    },
  );

  test.each([
    ["U+0000", '"a\\u0000b"'],
    ["half a surrogate pair", '"\\ud800"'],
    ["U+0000 in a key", '{"\\u0000":1}'],
    ["65 levels", `${"[".repeat(65)}${"]".repeat(65)}`],
    ["a million levels", `${"[".repeat(400_000)}${"]".repeat(400_000)}`],
  ])("what no store can keep is rejected: %s", (_, text) => {
    const payload = JSON.stringify(wire(1, { x: "HERE" })).replace('"HERE"', text);
    expect(open("position", payload).rejected).toHaveLength(1);
  });

  test("a text that only looks like it is accepted", () => {
    const payload = JSON.stringify(wire(1, { x: "\\u0000 {{{{ ".repeat(40) }));
    expect(open("position", payload).rejected).toEqual([]);
  });

  test("bytes that are not UTF-8, and a report above 1 MiB, are rejected", () => {
    expect(reasons(open("event", Buffer.from([0x7b, 0xff, 0x7d])))).toEqual(["not UTF-8"]);
    expect(reasons(open("event", Buffer.alloc(1024 * 1024 + 1, 32)))).toEqual(["larger than 1048576 bytes"]);
  });

  test("an empty message, which removes a retained one, is nothing", () => {
    expect(open("emergency/01JDD3ZZZZZZZZZZZZZZZZZZZZ", "")).toEqual({ accepted: [], rejected: [] });
  });

  test("a state message is read, and one of another unit is rejected", () => {
    const state = { state: "online", unit: UNIT, store: STORE, boot: 3, connection: 9, version: "1" };
    expect(json("state", state).state).toMatchObject({ state: "online", boot: 3, connection: 9 });
    expect(json("state", { ...state, unit: "a/b" }).rejected).toHaveLength(1);
    expect(open("state", "{").rejected).toHaveLength(1);
  });
});

describe("a batch of history", () => {
  test("is opened in steps, one for each report, and is only begun where it is only looked at", () => {
    const lines = Array.from({ length: 80 }, () => "{");
    const payload = gzipSync(lines.join("\n"));
    const topic = `${ROOT}/history`;
    const steps = openSteps(topic, readTopic("patrol/v1", topic)!, payload);
    for (let n = 1; n <= 81; n++) expect(steps.next()).toMatchObject({ done: false });
    expect(steps.next()).toMatchObject({ done: true, value: { rejected: { length: 80 } } });
    expect(open("history", payload).rejected).toHaveLength(50);
  });

  test("a bad line does not stop the others", () => {
    const lines = [1, 2, 3].map((seq) => JSON.stringify(wire(seq, { live: false })));
    const opened = history(lines[0]!, "{", lines[1]!, '"text"', "", lines[2]!, "");
    expect(opened.accepted.map(({ report }) => report.seq)).toEqual([1, 2, 3]);
    expect(opened.rejected).toHaveLength(2);
  });

  test.each([
    ["20 MiB of zeros", gzipSync(Buffer.alloc(20 * 1024 * 1024)), /^opens to more than/],
    ["20 MiB of line ends", gzipSync(Buffer.alloc(20 * 1024 * 1024, "\n")), /^opens to more than/],
    ["10 MiB of line ends", gzipSync(Buffer.alloc(10 * 1024 * 1024, "\n")), /./],
    ["6,000 lines", gzipSync("1\n".repeat(6_000)), /^more than 5000 reports/],
    ["nothing", gzipSync(""), /^a batch without a report$/],
    ["half of it", gzipSync(JSON.stringify(wire(1))).subarray(0, 40), /^not gzip/],
    ["no gzip", Buffer.from(JSON.stringify(wire(1))), /^not gzip/],
  ])("%s is refused as a whole", (_, payload, reason) => {
    const opened = open("history", payload);
    expect(opened.accepted).toEqual([]);
    expect(reasons(opened)).toEqual([expect.stringMatching(reason)]);
  });
});

test("a line of an exported file needs no `live`, and its unit must have the form of one", () => {
  const { live: _, ...stored } = wire(4);
  expect(openLine("wreck.ndjson", JSON.stringify(stored)).accepted[0]!.report).toMatchObject({
    seq: 4,
    live: false,
  });
  expect(openLine("wreck.ndjson", JSON.stringify({ ...stored, unit: "x" })).rejected).toHaveLength(1);
});

test.each([
  ["patrol/v1/a/b/position", { unit: "a/b", channel: "position" }],
  ["patrol/v1/a/b/emergency/E", { unit: "a/b", channel: "emergency", episode: "E" }],
  ["patrol/v1/a/b/emergency/E/ack", undefined],
  ["patrol/v1/a/b/emergency", undefined],
  ["patrol/v1/a/b/receipt", undefined],
  ["patrol/v1/a/b/position/x", undefined],
  ["patrol/v1/A/b/position", undefined],
  ["patrol/v1/recorder/main/state", undefined],
  ["patrol/v2/a/b/position", undefined],
])("the topic %s", (topic, expected) => {
  expect(readTopic("patrol/v1", topic)).toEqual(expected);
});

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compress } from "../../src/runtime/compress.ts";
import { encodeHistory, encodeReport } from "../../src/wire/encode.ts";
import { asyncApiYaml } from "../../src/tools/asyncapi.ts";
import { readJson, readMessage } from "../../src/wire/read.ts";
import { WireReport, type Report } from "../../src/domain/report.ts";
import { settingsJsonSchema } from "../../src/settings/json-schema.ts";
import { VERSION } from "../../src/domain/version.ts";

const reports = fc.array(
  fc
    .record({
      seq: fc.integer({ min: 1, max: 2 ** 50 }),
      lat: fc.double({ min: -90, max: 90, noNaN: true }),
      detail: fc.string(),
    })
    .map(({ seq, lat, detail }): Report =>
      seq % 2 === 0
        ? {
            v: 1,
            unit: "a/b",
            boot: 1,
            seq,
            kind: "position",
            at: "2026-11-22T08:58:23.120Z",
            clock: "gnss",
            mono: 1,
            data: { lat: lat + 0, lon: 20, fix: "3d", reason: "interval" },
          }
        : {
            v: 1,
            unit: "a/b",
            boot: 1,
            seq,
            kind: "event",
            at: "2026-11-22T08:58:23.120Z",
            clock: "unset",
            mono: 1,
            data: { type: "fault", part: "gps", detail },
          },
    ),
  { minLength: 1, maxLength: 20 },
);

describe("the wire", () => {
  test("a history batch is read back as it was written, not live, each line of the contract", async () => {
    await fc.assert(
      fc.asyncProperty(reports, async (batch) => {
        const received = readMessage("p/history", await encodeHistory(batch, compress));
        const expected = batch.map(
          (report) => JSON.parse(JSON.stringify({ ...report, live: false })) as unknown,
        );
        expect(received).toMatchObject({ kind: "json", values: expected });
        for (const value of received.kind === "json" ? received.values : []) WireReport.parse(value);
      }),
    );
  });

  test("a report is read back as it was written", () => {
    fc.assert(
      fc.property(reports, fc.boolean(), ([report], live) => {
        const received = readMessage("p/position", encodeReport(report!, live));
        expect(received).toMatchObject({ kind: "json", values: [{ seq: report!.seq, live }] });
      }),
    );
  });

  test("hostile payloads are unreadable, never thrown", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1 }),
        fc.constantFrom("p/history", "p/event"),
        (bytes, topic) => {
          expect(["json", "unreadable"]).toContain(readMessage(topic, Buffer.from(bytes)).kind);
        },
      ),
    );
    expect(readMessage("p/history", gzipSync(Buffer.alloc(80 * 1024 * 1024))).kind).toBe("unreadable");
  });
});

describe("bytes that are not UTF-8", () => {
  const bytes = Buffer.concat([Buffer.from('{"id":"p'), Buffer.from([0xff]), Buffer.from('"}')]);

  test("are no message: two different texts must not become the same one", () => {
    expect(readJson(bytes, 100)).toBeUndefined();
    expect(readMessage("p/event", bytes)).toEqual({ kind: "unreadable", topic: "p/event", why: "not UTF-8" });
    expect(readMessage("p/history", gzipSync(bytes))).toMatchObject({ why: "not UTF-8" });
  });

  test("are not those of any other letter", () => {
    const text = JSON.stringify({ id: "č, ж, 😀 and �" });
    expect(readJson(Buffer.from(text), 100)).toEqual(JSON.parse(text));
  });
});

describe("generated documents", () => {
  test("config/ holds what the schemas say (npm run generate)", () => {
    expect(readFileSync("config/asyncapi.yaml", "utf8")).toBe(asyncApiYaml(VERSION));
    expect(readFileSync("config/patrol-unit.schema.json", "utf8")).toBe(settingsJsonSchema());
  });
});

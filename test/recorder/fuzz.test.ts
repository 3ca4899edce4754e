import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Frames } from "../../src/recorder/mqtt/frames.ts";
import { openLine, openMessage } from "../../src/recorder/open-message.ts";
import { plan, repeatedOf, streamsOf } from "../../src/recorder/plan.ts";
import { streamKey } from "../../src/recorder/report.ts";
import { openPostgresStore } from "../../src/recorder/postgres/store.ts";
import { openSqliteStore } from "../../src/recorder/sqlite/store.ts";
import type { Store } from "../../src/recorder/store.ts";
import { readTopic } from "../../src/recorder/topics.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { hasPostgres, startPostgres } from "./postgres.ts";
import { AT, emergencyData, gapData, UNIT, wire } from "./reports.ts";

/**
 * Random payloads, batches and topics: nothing throws, and whatever is accepted can be stored. Each test
 * takes as long as PATROL_UNIT_FUZZ_S says.
 */
const SECONDS = Number(process.env["PATROL_UNIT_FUZZ_S"] ?? 2);
const run = { numRuns: 100_000_000, interruptAfterTimeLimit: SECONDS * 1_000, markInterruptAsFailure: false };
const TIMEOUT = SECONDS * 1_000 + 60_000;

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constantFrom("\0", "\ud800", "__proto__", "gap"),
);
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, -1, 1.5, 2 ** 53, 2 ** 53 - 1, 1e308, Number.MIN_VALUE),
);
const anything = fc.anything({
  key: text,
  values: [text, number, fc.boolean(), fc.constant(null)],
  maxDepth: 4,
});
const keys = [...Object.keys(wire(1)), "extra", "__proto__", "constructor"];
const DATA = [
  { lat: 1, lon: 2, fix: "3d", reason: "interval" },
  emergencyData(),
  gapData(1, 5, [2]),
  gapData(9, 3),
  { type: "clock", boot: 1, mono: 0, at: "2026-11-24T08:00:00.000Z" },
  { type: "power", what: "ignition-on" },
];
const instants = fc.date({
  noInvalidDate: true,
  min: new Date(Date.UTC(-1, 12)),
  max: new Date(253_402_300_799_999),
});

/** A report that is nearly right: a few of its keys have other values. */
const nearly = fc
  .record({
    seq: fc.oneof(
      fc.integer({ min: 1, max: 50 }),
      fc.maxSafeNat().map((n) => n + 1),
    ),
    at: instants.map((date) => date.toISOString()),
    kind: fc.constantFrom("position", "emergency", "event", "health", "vehicle", "drone"),
    data: fc.oneof(fc.constantFrom(...DATA), fc.dictionary(text, anything)),
    wrong: fc.dictionary(fc.constantFrom(...keys), anything, { maxKeys: 2 }),
    inData: fc.dictionary(
      fc.oneof(text, fc.constantFrom("lat", "type", "kept", "shortened", "x")),
      anything,
      { maxKeys: 2 },
    ),
  })
  .map(({ seq, at, kind, data, wrong, inData }) =>
    Object.assign(wire(1, { seq, at, kind, data: { ...data, ...inData } }), wrong),
  );

const asText = (value: unknown): string => {
  try {
    return (
      JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? Number(inner) : inner)) ?? ""
    );
  } catch {
    return "";
  }
};
const line = fc.oneof({ weight: 4, arbitrary: nearly.map(asText) }, anything.map(asText), text);
const payload = fc.oneof(
  { weight: 4, arbitrary: line.map((one) => Buffer.from(one)) },
  { weight: 3, arbitrary: fc.array(line, { maxLength: 6 }).map((lines) => gzipSync(lines.join("\n"))) },
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.array(line, { maxLength: 3 }), fc.nat(), fc.nat({ max: 255 })).map(([lines, at, byte]) => {
    const bytes = gzipSync(lines.join("\n"));
    bytes[at % bytes.length] = byte;
    return bytes;
  }),
);
const level = fc.oneof(
  fc.constantFrom(
    "zrenjanin",
    "zr-117",
    "position",
    "history",
    "emergency",
    "state",
    "silent",
    "event",
    "",
    "+",
    "#",
  ),
  text,
);
const topic = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .constantFrom("position", "history", "event", "state", "silent")
      .map((one) => `patrol/v1/${UNIT}/${one}`),
  },
  fc.constant(`patrol/v1/${UNIT}/emergency/${emergencyData().episode}`),
  fc.array(level, { maxLength: 7 }).map((levels) => ["patrol/v1", ...levels].join("/")),
  text,
);

const open = (name: string, bytes: Buffer) => {
  const where = readTopic("patrol/v1", name);
  return where ? openMessage(name, where, bytes) : undefined;
};

test(
  "no message and no topic makes the recorder throw, and every part of a message is accepted or rejected",
  () => {
    fc.assert(
      fc.property(topic, payload, (name, bytes) => {
        const opened = open(name, bytes);
        if (!opened) return;
        for (const { report } of opened.accepted)
          expect(report.unit).toBe(readTopic("patrol/v1", name)!.unit);
        // Not from the end of the topic: an episode may have the name of a channel.
        const channel = readTopic("patrol/v1", name)?.channel;
        const parts = opened.accepted.length + opened.rejected.length + (opened.state ? 1 : 0);
        if (channel !== "history") expect(parts).toBe(bytes.length === 0 || channel === "silent" ? 0 : 1);
      }),
      run,
    );
  },
  TIMEOUT,
);

test(
  "no line of an imported file makes it throw",
  () => {
    fc.assert(
      fc.property(line, (one) => {
        const { accepted, rejected } = openLine("file", one);
        expect(accepted.length + rejected.length).toBe(1);
      }),
      run,
    );
  },
  TIMEOUT,
);

test(
  "no bytes of a broker make the framing loop or keep more than its limit",
  () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (chunks) => {
        const frames = new Frames(1_000);
        try {
          for (const chunk of chunks) {
            frames.feed(Buffer.from(chunk));
            for (let frame = frames.next(); frame; frame = frames.next())
              if (frame.kind === "packet") expect(frame.bytes.length).toBeLessThanOrEqual(1_005);
          }
        } catch (cause) {
          expect(String(cause)).toContain("Malformed");
        }
      }),
      run,
    );
  },
  TIMEOUT,
);

/** Whatever is accepted must be storable: else one message would stop a commit. */
const storable = (name: string, reset: () => Promise<Store>): void => {
  let store: Store;
  beforeAll(async () => {
    store = await reset();
  });
  test(
    `${name} stores whatever is accepted or rejected`,
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(topic, payload), { maxLength: 10 }), async (messages) => {
          const opened = messages.flatMap(([one, bytes]) => open(one, bytes) ?? []);
          const batch = {
            accepted: opened.flatMap(({ accepted }) => accepted),
            rejected: opened.flatMap(({ rejected }) => rejected),
          };
          const known = await store.load([...streamsOf(batch).values()]);
          const streams = new Map(known.map((one) => [streamKey(one), one]));
          const stored = await store.find(repeatedOf(batch, streams).map(({ report }) => report));
          const commit = plan(batch, streams, stored, AT);
          expect(await store.commit(commit)).toEqual({ kind: "committed" });
        }),
        run,
      );
    },
    TIMEOUT,
  );
};

describe("SQLite", () => {
  storable("SQLite", () => openSqliteStore(":memory:", true, systemTime));
});

describe.skipIf(!hasPostgres)("PostgreSQL", () => {
  const stack = new AsyncDisposableStack();
  afterAll(() => stack.disposeAsync());
  storable("PostgreSQL", async () => {
    const server = stack.use(await startPostgres());
    return stack.use(await openPostgresStore(await server.database("fuzz"), true, systemTime));
  });
});

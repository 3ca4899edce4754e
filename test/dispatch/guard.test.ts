import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PacketGuard, type Oversize } from "../../src/dispatch/guard.ts";

const MAX = 64;

const lengthOf = (bytes: number): number[] => {
  const out: number[] = [];
  let left = bytes;
  do {
    out.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return out;
};

const packet = (first: number, body: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([first, ...lengthOf(body.length)]), body]);

const publish = (topic: string, qos: 0 | 1 | 2, id: number, payload: number): Buffer => {
  const name = Buffer.from(topic);
  const head = [name.length >> 8, name.length & 0xff, ...name, ...(qos > 0 ? [id >> 8, id & 0xff] : [])];
  return packet((3 << 4) | (qos << 1), Buffer.concat([Buffer.from(head), Buffer.alloc(payload, 7)]));
};

type Sent = {
  readonly bytes: Buffer;
  readonly passes: Buffer | undefined;
  readonly found?: Oversize;
  readonly code?: number[];
};

const messages = fc
  .record({
    topic: fc.string({ minLength: 1, maxLength: 90 }),
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    id: fc.integer({ min: 1, max: 65_535 }),
    payload: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 40_000 })),
  })
  .map(({ topic, qos, id, payload }): Sent => {
    const bytes = publish(topic, qos, id, payload);
    if (bytes.length <= MAX) return { bytes, passes: bytes };
    const found = { topic: Buffer.from(topic).toString(), bytes: bytes.length };
    return { bytes, passes: undefined, found: qos > 0 ? { ...found, packetId: id } : found };
  });

const pubacks = fc
  .record({
    id: fc.integer({ min: 1, max: 65_535 }),
    code: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
    more: fc.uint8Array({ maxLength: 300 }),
  })
  .map(({ id, code, more }): Sent => {
    const head = [id >> 8, id & 0xff];
    if (code === undefined) {
      const bytes = packet(0x40, Buffer.from(head));
      return { bytes, passes: bytes };
    }
    const bytes = packet(0x40, Buffer.from([...head, code, ...more]));
    const known = Math.min(code, 0x80);
    const passes = packet(0x40, Buffer.from([...head, known, ...more]));
    return code > 0 ? { bytes, passes, code: [id, code] } : { bytes, passes };
  });

/** CONNACK, SUBACK, PINGRESP, DISCONNECT, whatever is in them. */
const others = fc
  .record({ type: fc.constantFrom(2, 9, 13, 14), body: fc.uint8Array({ maxLength: 200 }) })
  .map(({ type, body }): Sent => {
    const bytes = packet(type << 4, body);
    return { bytes, passes: bytes };
  });

const feed = (stream: Buffer, cuts: readonly number[]) => {
  const found: Oversize[] = [];
  const codes: number[][] = [];
  let parts = 0;
  const guard = new PacketGuard(MAX, {
    oversize: (one) => void found.push(one),
    answered: (id, code) => void codes.push([id, code]),
    part: () => void parts++,
  });
  const passed: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, stream.length]) {
    passed.push(...guard.feed(stream.subarray(from, cut)));
    from = cut;
  }
  return { passed: Buffer.concat(passed), found, codes, parts };
};

describe("the guard on what comes from a broker", () => {
  test("what passes is the stream without the messages above the maximum, however it is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(messages, pubacks, others), { maxLength: 12 }),
        fc.array(fc.nat(60_000), { maxLength: 30 }),
        (packets, places) => {
          const stream = Buffer.concat(packets.map(({ bytes }) => bytes));
          const cuts = places.map((at) => at % (stream.length + 1)).toSorted((a, b) => a - b);
          const { passed, found, codes } = feed(stream, cuts);
          expect(passed).toEqual(
            Buffer.concat(packets.flatMap(({ passes }) => (passes === undefined ? [] : [passes]))),
          );
          expect(found).toEqual(packets.flatMap((one) => (one.found ? [one.found] : [])));
          expect(codes).toEqual(packets.flatMap(({ code }) => (code ? [code] : [])));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("the same, byte by byte", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(messages, pubacks), { maxLength: 4 }), (packets) => {
        const stream = Buffer.concat(packets.map(({ bytes }) => bytes)).subarray(0, 3_000);
        const { parts: _, ...whole } = feed(stream, []);
        const { parts: __, ...cut } = feed(
          stream,
          Array.from({ length: stream.length }, (_each, at) => at),
        );
        expect(cut).toEqual(whole);
      }),
    );
  });

  test("any bytes at all are passed on or held, never thrown at", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), (chunks) => {
        const guard = new PacketGuard(MAX, {
          oversize: () => undefined,
          answered: () => undefined,
          part: () => undefined,
        });
        for (const chunk of chunks) guard.feed(Buffer.from(chunk));
      }),
    );
  });

  test("the largest message of MQTT, 256 MiB, costs no memory", () => {
    const total = 256 * 1024 * 1024 - 1;
    const head = Buffer.from([0x32, ...lengthOf(total), 0, 1, 0x74, 0, 9]);
    const found: Oversize[] = [];
    const guard = new PacketGuard(MAX, {
      oversize: (one) => void found.push(one),
      answered: () => undefined,
      part: () => undefined,
    });
    guard.feed(head);
    const chunk = Buffer.alloc(64 * 1024);
    globalThis.gc?.();
    const before = process.memoryUsage();
    for (let left = total - 5; left > 0; left -= chunk.length)
      expect(guard.feed(chunk.subarray(0, Math.min(left, chunk.length)))).toEqual([]);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1024 * 1024);
    expect(found).toEqual([{ topic: "t", bytes: head.length + total - 5, packetId: 9 }]);
    expect(guard.feed(Buffer.from([0xd0, 0]))).toEqual([Buffer.from([0xd0, 0])]);
  });

  test("tells of each part of a packet that has not come whole, and not of what is cut out", () => {
    const filled = (size: number) =>
      Buffer.concat([Buffer.from([0x30, size + 2]), Buffer.from([0, 1]), Buffer.alloc(size)]);
    const one = filled(40);
    expect(feed(one, []).parts).toBe(0);
    expect(feed(one, [20]).parts).toBe(2);
    expect(feed(one, [20, 30]).parts).toBe(3);
    expect(feed(Buffer.concat([one, one]), [one.length]).parts).toBe(0);
    const large = Buffer.concat([
      Buffer.from([0x30, ...lengthOf(3 + 2 * MAX)]),
      Buffer.from([0, 1, 0x74]),
      Buffer.alloc(2 * MAX),
    ]);
    expect(feed(large, [10, 20, 30]).parts).toBe(0);
  });
});

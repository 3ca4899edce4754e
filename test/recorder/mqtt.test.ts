import fc from "fast-check";
import { generate } from "mqtt-packet";
import { describe, expect, test } from "vitest";
import { AckOrder } from "../../src/recorder/mqtt/acks.ts";
import { Frames, type Frame } from "../../src/recorder/mqtt/frames.ts";
import { Outbound } from "../../src/recorder/mqtt/outbound.ts";
import { tries } from "../tries.ts";

const publish = (topic: string, size: number, messageId?: number): Buffer =>
  generate(
    messageId === undefined
      ? { cmd: "publish", topic, payload: Buffer.alloc(size, "x"), qos: 0, dup: false, retain: false }
      : {
          cmd: "publish",
          topic,
          payload: Buffer.alloc(size, "x"),
          qos: 1,
          dup: false,
          retain: false,
          messageId,
        },
    { protocolVersion: 4 },
  );

const framesOf = (stream: Buffer, cuts: readonly number[], maxBytes: number): Frame[] => {
  const frames = new Frames(maxBytes);
  const found: Frame[] = [];
  const at = [...new Set([0, ...cuts.map((cut) => cut % stream.length), stream.length])].toSorted(
    (a, b) => a - b,
  );
  for (let i = 1; i < at.length; i++) {
    frames.feed(stream.subarray(at[i - 1], at[i]));
    for (let frame = frames.next(); frame; frame = frames.next()) found.push(frame);
  }
  return found;
};

describe("packets in a stream of bytes", () => {
  test("are the same wherever the stream is cut", () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(), { maxLength: 30 }), (payloads, cuts) => {
        const packets = payloads.map((size, n) => publish(`t/${n}`, size, n + 1));
        const frames = framesOf(Buffer.concat(packets), cuts, 200);
        expect(frames).toHaveLength(packets.length);
        frames.forEach((frame, n) => {
          if (frame.kind === "packet") expect(frame.bytes.equals(packets[n]!)).toBe(true);
          else expect(frame).toMatchObject({ topic: `t/${n}`, packetId: n + 1 });
          expect(frame.kind).toBe(payloads[n]! + `t/${n}`.length + 4 > 200 ? "oversized" : "packet");
        });
      }),
      { numRuns: tries(300) },
    );
  });

  test("one above the limit keeps its topic, its id and its first bytes, and what follows is read", () => {
    const stream = Buffer.concat([
      publish("big/one", 5_000_000, 77),
      publish("big/two", 5_000_000),
      publish("small", 3),
    ]);
    const [one, two, small] = framesOf(stream, [10, 100_000, 4_000_000], 1_000);
    expect(one).toMatchObject({ kind: "oversized", topic: "big/one", packetId: 77, size: 5_000_011 });
    expect(one!.kind === "oversized" && one!.head.length).toBeLessThanOrEqual(128 * 1024);
    expect(two).toMatchObject({ kind: "oversized", topic: "big/two", packetId: undefined });
    expect(small!.kind).toBe("packet");
  });

  test("a length of five bytes is no MQTT", () => {
    expect(() => framesOf(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1]), [], 1_000)).toThrow("Malformed");
  });
});

test("acknowledgements go out in the order in which the messages came", () => {
  const acks = new AckOrder();
  const [a, b, c] = [acks.received(5), acks.received(9), acks.received(2)];
  expect(b()).toEqual([]);
  expect(a()).toEqual([5, 9]);
  expect(c()).toEqual([2]);
  expect(acks.length).toBe(0);
});

describe("what is published", () => {
  const message = (topic: string, text: string) => ({
    topic,
    slot: topic,
    payload: Buffer.from(text),
    retain: true,
  });
  const texts = (sent: Iterable<readonly [number, { topic: string; payload: Buffer }]>) =>
    [...sent].map(([, { topic, payload }]) => `${topic}=${payload.toString()}`);

  test("a newer message replaces one that waits in the same slot", () => {
    const outbound = new Outbound();
    outbound.add(message("a", "1"));
    outbound.add(message("b", "1"));
    outbound.add(message("a", "2"));
    expect(texts(outbound.take())).toEqual(["b=1", "a=2"]);
  });

  test("no more is in flight than the broker takes", () => {
    const outbound = new Outbound();
    outbound.connected(2);
    for (const topic of ["a", "b", "c"]) outbound.add(message(topic, "1"));
    const sent = [...outbound.take()];
    expect(sent).toHaveLength(2);
    expect([...outbound.take()]).toEqual([]);
    outbound.acknowledged(sent[0]![0]);
    expect(texts(outbound.take())).toEqual(["c=1"]);
  });

  test("what had no PUBACK when the connection was lost is sent again, unless something newer waits", () => {
    const outbound = new Outbound();
    outbound.add(message("a", "1"));
    outbound.add(message("b", "1"));
    void [...outbound.take()];
    outbound.add(message("a", "2"));
    outbound.lost();
    expect(texts(outbound.take())).toEqual(["b=1", "a=2"]);
  });
});

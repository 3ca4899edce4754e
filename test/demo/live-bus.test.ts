import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { LiveBus } from "../../src/demo/live-bus.ts";

const FILTERS = [{ id: 0x110, extended: false, group: false }];

test("frames come from the stream's lines, those that nobody asks for are left out, and it outlives a reader", async () => {
  const stream = new PassThrough();
  const bus = new LiveBus(stream);
  const read = async (lines: string): Promise<string[]> => {
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const batch of bus.listen(FILTERS, stop.signal)) {
        seen.push(...batch.map(({ data }) => Buffer.from(data).toString("hex")));
        stop.abort();
      }
    })();
    stream.write(lines);
    await reading;
    return seen;
  };
  expect(await read("(1.0) demo0 110#0102\nnonsense\n(1.0) demo0 220#03\n")).toEqual(["0102"]);
  expect(await read("(1.1) demo0 110#04\n")).toEqual(["04"]);
  expect(bus.dropped).toBe(0);
  stream.end();
  await bus.ended;
});

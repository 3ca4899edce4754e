import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openHttpServer } from "../../src/runtime/http.ts";
import { EventStreams, type EventStreamsOptions } from "../../src/runtime/http-events.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { ask, listen } from "./http-asking.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const serve = async (options: Partial<EventStreamsOptions> = {}) => {
  const time = new SimulatedTime(0);
  const state = { isStill: true };
  const streams = stack.use(new EventStreams({ time, ...options }));
  const server = await openHttpServer(
    { listen: "127.0.0.1:0", mono: () => 0, setting: "listen", help: "nothing else" },
    {
      "GET /events": ({ response }) => streams.open(response, () => state.isStill)?.("hello", "0"),
    },
  );
  const { port } = stack.use(server);
  const look = async () => {
    const before = streams.viewers;
    const viewer = stack.use(listen(port, "/events"));
    await vi.waitFor(() => expect(streams.viewers).toBe(before + 1));
    return viewer;
  };
  return { time, state, streams, port, look };
};

describe("events", () => {
  test("each viewer gets every event, and its own first", async () => {
    const { streams, look } = await serve();
    const viewers = [await look(), await look()];
    streams.send("lamp", '{"lamp":"idle"}');
    for (const { text } of viewers)
      await vi.waitFor(() => {
        expect(text()).toContain("content-type: text/event-stream");
        expect(text()).toContain("event: hello\ndata: 0\n\n");
        expect(text()).toContain('event: lamp\ndata: {"lamp":"idle"}\n\n');
      });
  });

  test("the number of viewers is reported when it changes, and no timer runs without one", async () => {
    const counts: number[] = [];
    const { time, look } = await serve({ changed: (viewers) => counts.push(viewers) });
    await time.run(60_000);
    expect(time.fired).toBe(0);
    const viewer = await look();
    await time.run(120_000);
    expect(time.fired).toBeGreaterThan(0);
    viewer.socket.destroy();
    await vi.waitFor(() => expect(counts).toEqual([1, 0]));
    const fired = time.fired;
    await time.run(240_000);
    expect(time.fired).toBe(fired);
  });

  test("a viewer too many is refused, and another may come when one has gone", async () => {
    const { port, look, streams } = await serve({ most: 2 });
    const first = await look();
    await look();
    const refused = await ask(port, ["GET /events HTTP/1.1", "host: localhost"]);
    expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "30" } });
    first.socket.destroy();
    await vi.waitFor(() => expect(streams.viewers).toBe(1));
    await look();
  });

  test("a viewer who does not read is dropped, and the others get everything", async () => {
    const { streams, look } = await serve();
    const slow = await look();
    slow.socket.pause();
    const viewer = await look();
    const data = `"${"x".repeat(100_000)}"`;
    for (let n = 0; n < 200 && streams.viewers === 2; n++) {
      streams.send("snapshot", data);
      await new Promise((resolve) => setImmediate(resolve));
      await vi.waitFor(() => expect(viewer.text().split("event: snapshot").length - 1).toBe(n + 1));
    }
    expect(streams.viewers).toBe(1);
    expect(viewer.over()).toBe(false);
  });

  test("an empty comment is sent each 15 s, so that silence means that nobody is there", async () => {
    const { time, look } = await serve();
    const { text } = await look();
    await time.run(15_000);
    await vi.waitFor(() => expect(text()).toContain("\n:\n\n"));
  });

  test("a viewer whose session is over is dropped", async () => {
    const { time, state, streams, look } = await serve();
    const viewer = await look();
    state.isStill = false;
    await time.run(15_000);
    expect(streams.viewers).toBe(0);
    await vi.waitFor(() => expect(viewer.over()).toBe(true));
  });

  test("HEAD and POST open no stream", async () => {
    const { port, streams } = await serve();
    for (const method of ["HEAD", "POST"])
      expect((await ask(port, [`${method} /events HTTP/1.1`, "host: localhost"])).status).toBe(405);
    expect(streams.viewers).toBe(0);
  });
});

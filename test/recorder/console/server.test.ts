import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FleetChanges } from "../../../src/domain/fleet.ts";
import { openConsole, type ConsoleOptions } from "../../../src/recorder/console/server.ts";
import { heardMessage } from "../../../src/recorder/console/heard.ts";
import { TileFile } from "../../../src/recorder/console/tiles.ts";
import { StaticFiles } from "../../../src/runtime/http-files.ts";
import { systemTime } from "../../../src/runtime/time.ts";
import { emergencyData, UNIT, wire } from "../reports.ts";
import { EPISODE } from "./messages.ts";

let stack: AsyncDisposableStack;
let folder: string;
beforeEach(() => {
  stack = new AsyncDisposableStack();
  folder = mkdtempSync(join(tmpdir(), "console-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
});
afterEach(() => stack.disposeAsync());

type Answer = { status: number; headers: Record<string, unknown>; body: string };

const open = async (more: Partial<ConsoleOptions> = {}) => {
  mkdirSync(join(folder, "page"), { recursive: true });
  writeFileSync(join(folder, "page", "index.html"), "<!doctype html><title>page</title>");
  const acks: object[] = [];
  const server = stack.use(
    await openConsole({
      listen: "127.0.0.1:0",
      files: new StaticFiles(join(folder, "page")),
      async acknowledge(ack) {
        acks.push(ack);
        return undefined;
      },
      isConnected: () => true,
      time: systemTime,
      ...more,
    }),
  );
  const ask = (method: string, path: string, headers: Record<string, string> = {}, body?: object | string) =>
    new Promise<Answer>((resolve, reject) => {
      const text = typeof body === "object" ? JSON.stringify(body) : body;
      const asking = request({ host: "127.0.0.1", port: server.port, method, path, headers }, (response) => {
        let said = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: said }),
        );
      });
      asking.on("error", reject).end(text);
    });
  const say = (channel: string, content: object | string, retain = false) => {
    const bytes = Buffer.from(typeof content === "string" ? content : JSON.stringify(content));
    server.hear(heardMessage("patrol/v1", `patrol/v1/${UNIT}/${channel}`, bytes, retain));
  };
  const press = () => say(`emergency/${EPISODE}`, wire(1, { kind: "emergency", data: emergencyData() }));
  const ack = (stage: string, headers: Record<string, string> = { "content-type": "application/json" }) =>
    ask("POST", "/ack", headers, { unit: UNIT, episode: EPISODE, stage });
  return { port: server.port, acks, ask, say, press, ack };
};

/** The batches of a stream of events, as they come. */
const follow = async (port: number): Promise<AsyncIterator<FleetChanges>> => {
  const stop = new AbortController();
  stack.defer(() => stop.abort());
  const response = await fetch(`http://127.0.0.1:${port}/events`, { signal: stop.signal });
  async function* batches(): AsyncGenerator<FleetChanges> {
    let text = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (text + chunk).split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const data = /^event: changes\ndata: (.*)$/.exec(part)?.[1];
        if (data !== undefined) yield FleetChanges.parse(JSON.parse(data));
      }
    }
  }
  return batches();
};
const next = async (batches: AsyncIterator<FleetChanges>): Promise<FleetChanges> =>
  ((await batches.next()) as { value: FleetChanges }).value;

describe("the stream of changes", () => {
  test("begins with the whole fleet, and goes on with what changes", async () => {
    const { port, say } = await open();
    say("position", wire(1));
    say("event", wire(2, { kind: "event", data: { type: "shutdown", reason: "x" } }));
    const batches = await follow(port);
    const whole = await next(batches);
    expect(whole.cars.map(({ unit }) => unit)).toEqual([UNIT]);
    expect(whole.events.map(({ type }) => type)).toEqual(["shutdown"]);
    say("position", wire(3));
    say("position", wire(4));
    const change = await next(batches);
    expect(change.cars).toHaveLength(1);
    expect(change.events).toEqual([]);
  });

  test("has an emergency at once, before the time of a batch is over", async () => {
    const { port, press } = await open({ time: { ...systemTime, every: () => ({ [Symbol.dispose]() {} }) } });
    const batches = await follow(port);
    await next(batches);
    press();
    expect((await next(batches)).episodes).toMatchObject([{ unit: UNIT, state: "active" }]);
  });

  test("shows an emergency that was retained when the console began", async () => {
    const { port, say } = await open();
    say(`emergency/${EPISODE}`, wire(1, { kind: "emergency", data: emergencyData() }), true);
    expect((await next(await follow(port))).episodes).toMatchObject([{ state: "active" }]);
  });

  test("costs no memory for a viewer that does not read: it gets the newest state when it does", async () => {
    let flush = (): void => undefined;
    const every = (_: number, f: () => void) => {
      flush = f;
      return { [Symbol.dispose]() {} };
    };
    const { port, say } = await open({ time: { ...systemTime, every } });
    const socket = connect(port, "127.0.0.1");
    stack.defer(() => void socket.destroy());
    socket.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(socket, "readable");
    const rounds = 3_000;
    for (let n = 1; n <= rounds; n++) {
      // An event of 4 kB, of which nothing is left out but what is no longer kept.
      say(
        "event",
        wire(n, {
          kind: "event",
          data: { type: "shutdown", reason: "x".repeat(1_000), more: "y".repeat(3_000) },
        }),
      );
      flush();
      if (n % 100 === 0) await setImmediate();
    }
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    socket.resume();
    const isThere = () => text.includes(`"n":${rounds},`);
    while (!isThere()) {
      flush();
      await sleep(5);
    }
    // 3,000 events of 2 kB are 6 MB: what the kernel and the limit took is less, and then the newest 1,000.
    expect(text.match(/"n":\d+,/g)!.length).toBeLessThan(rounds);
  });

  test("is refused to a seventeenth viewer", async () => {
    const { port, ask } = await open();
    await Promise.all(Array.from({ length: 16 }, () => follow(port)));
    expect(await ask("GET", "/events")).toMatchObject({ status: 503, headers: { "retry-after": "30" } });
  });
});

describe("an acknowledgement", () => {
  test("without an operator is refused with 403", async () => {
    const { press, ack, acks } = await open();
    press();
    expect(await ack("accepted")).toMatchObject({
      status: 403,
      body: expect.stringContaining("--operator NAME"),
    });
    expect(acks).toEqual([]);
  });

  test("is published with the operator's name", async () => {
    const { press, ack, acks } = await open({ operator: "Ana" });
    press();
    expect((await ack("accepted")).status).toBe(202);
    expect(acks).toEqual([{ unit: UNIT, episode: EPISODE, stage: "accepted", by: "Ana" }]);
  });

  test("that does not fit the state is refused with 409, and of an unknown emergency with 404", async () => {
    const { press, ack, acks } = await open({ operator: "Ana" });
    expect((await ack("accepted")).status).toBe(404);
    press();
    expect(await ack("cleared")).toMatchObject({
      status: 409,
      body: expect.stringContaining("accepted before"),
    });
    expect(acks).toEqual([]);
  });

  test("that no broker accepts is answered with 503 and the reason", async () => {
    const { press, ack } = await open({ operator: "Ana", acknowledge: async () => "there is no connection" });
    press();
    expect(await ack("accepted")).toMatchObject({
      status: 503,
      body: expect.stringContaining("no connection"),
    });
  });

  test.each([
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, 415],
    ["another site", { "content-type": "application/json", origin: "https://evil.example" }, 403],
    ["another name of this server", { "content-type": "application/json", host: "evil.example" }, 421],
  ])("from %s is refused", async (_, headers, status) => {
    const { press, ack, acks } = await open({ operator: "Ana" });
    press();
    expect((await ack("accepted", headers)).status).toBe(status);
    expect(acks).toEqual([]);
  });

  test.each(["", "[]", '{"unit":1}', `{"unit":"${"x".repeat(2_000)}"}`])(
    "of the form %s is refused",
    async (body) => {
      const { ask } = await open({ operator: "Ana" });
      expect((await ask("POST", "/ack", { "content-type": "application/json" }, body)).status).toBe(400);
    },
  );
});

describe("a foreign page", () => {
  test.each(["/events", "/settings.json", "/car.json", "/raw.json", "/track.json", "/"])(
    "gets nothing of %s",
    async (path) => {
      const { ask } = await open();
      expect((await ask("GET", path, { host: "evil.example" })).status).toBe(421);
      expect((await ask("GET", path, { origin: "https://evil.example" })).status).toBe(403);
    },
  );
});

describe("the page", () => {
  test("allows no script and no style in its text, and pictures only of its own server", async () => {
    const { ask } = await open();
    const policy = String((await ask("GET", "/")).headers["content-security-policy"]);
    expect(policy).not.toContain("unsafe");
    expect(policy).toContain("img-src 'self' data: blob:;");
  });

  test("may load pictures of exactly the origin of its tiles", async () => {
    const tiles = { url: "https://tiles.example/{z}/{x}/{y}.png", origin: "https://tiles.example" };
    const { ask } = await open({ tiles, credit: "© someone" });
    const policy = String((await ask("GET", "/")).headers["content-security-policy"]);
    expect(policy).toContain("img-src 'self' data: blob: https://tiles.example;");
    expect(JSON.parse((await ask("GET", "/settings.json")).body)).toEqual({
      history: false,
      tiles: { kind: "url", url: tiles.url, credit: "© someone" },
    });
  });
});

describe("a file of tiles", () => {
  const header = (type: number): Buffer => {
    const bytes = Buffer.alloc(1_000, 7);
    bytes.write("PMTiles", 0, "latin1");
    bytes[7] = 3;
    bytes[99] = type;
    return bytes;
  };
  const file = (bytes: Buffer): string => {
    writeFileSync(join(folder, "map.pmtiles"), bytes);
    return join(folder, "map.pmtiles");
  };

  test("is served by ranges", async () => {
    const tiles = stack.use(await TileFile.open(file(header(2))));
    const { ask } = await open({ tiles });
    expect(await ask("GET", "/tiles.pmtiles", { range: "bytes=0-6" })).toMatchObject({
      status: 206,
      headers: { "content-range": "bytes 0-6/1000", "content-length": "7" },
      body: "PMTiles",
    });
    expect(await ask("GET", "/tiles.pmtiles", { range: "bytes=1000-" })).toMatchObject({
      status: 416,
      headers: { "content-range": "bytes */1000" },
    });
    expect((await ask("GET", "/tiles.pmtiles")).status).toBe(416);
    expect(JSON.parse((await ask("GET", "/settings.json")).body)).toMatchObject({
      tiles: { kind: "pmtiles", url: "tiles.pmtiles" },
    });
  });

  test.each([
    ["vector tiles", header(1), "vector tiles"],
    ["something else", Buffer.from("hello"), "not a PMTiles file"],
  ])("with %s is refused", async (_, bytes, reason) => {
    await expect(TileFile.open(file(bytes))).rejects.toThrow(reason);
  });
});

describe("what a page can ask for", () => {
  test("a car that is known, and 404 for another", async () => {
    const { ask, say } = await open();
    say("position", wire(1));
    const path = (unit: string) => `/car.json?unit=${encodeURIComponent(unit)}`;
    expect(JSON.parse((await ask("GET", path(UNIT))).body)).toMatchObject({
      car: { unit: UNIT },
      track: [{ lat: 45.38 }],
    });
    expect((await ask("GET", path("x/y"))).status).toBe(404);
  });

  test("raw messages after a number", async () => {
    const { ask, say } = await open();
    say("position", wire(1));
    say("position", "{");
    const raw = JSON.parse((await ask("GET", "/raw.json?after=1")).body) as { rejected: string[] }[];
    expect(raw).toMatchObject([{ n: 2, topic: `patrol/v1/${UNIT}/position`, text: "{", bytes: 1 }]);
    expect(raw[0]!.rejected).toHaveLength(1);
  });

  test("a track of the store; without a store 404, and a wrong period 400", async () => {
    const track = `/track.json?unit=${encodeURIComponent(UNIT)}`;
    const bare = await open();
    expect((await bare.ask("GET", `${track}&from=0&to=9`)).status).toBe(404);
    const { ask } = await open({
      async *readTrack() {
        yield JSON.stringify({ at: new Date(5).toISOString(), data: { lat: 45, lon: 20 } });
      },
    });
    expect((await ask("GET", track)).status).toBe(400);
    expect(JSON.parse((await ask("GET", `${track}&from=0&to=9`)).body)).toMatchObject({
      points: [{ at: 5, lat: 45, lon: 20 }],
    });
  });

  test("a track that cannot be read is answered with 503 and the reason", async () => {
    const { ask } = await open({
      async *readTrack() {
        yield await Promise.reject(new Error("the store is gone"));
      },
    });
    const path = `/track.json?unit=${encodeURIComponent(UNIT)}&from=0&to=9`;
    expect(await ask("GET", path)).toMatchObject({
      status: 503,
      body: expect.stringContaining("the store is gone"),
    });
  });
});

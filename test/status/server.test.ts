import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Snapshot } from "../../src/domain/snapshot.ts";
import { Signal } from "../../src/runtime/signal.ts";
import { openStatusServer, type StatusOptions } from "../../src/status/server.ts";
import { ask as fetchFrom, listen } from "../runtime/http-asking.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { aSnapshot } from "./a-snapshot.ts";
import { IDLE_ACTIONS } from "./idle-actions.ts";

const lamp = { pattern: "idle", changed: new Signal<void>() };
const shown = {
  status: IDLE_ACTIONS.status,
  lamp: () => ({ t: 1, lamp: lamp.pattern, drill: false }),
  lampChanged: (listener: () => void) => lamp.changed.listen(listener),
};
const acting = { ...IDLE_ACTIONS, ...shown };

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const orders: string[] = [];
const serve = async (options: StatusOptions): Promise<number> => {
  orders.length = 0;
  const server = await openStatusServer(options, {
    ...shown,
    drill: () => void orders.push("drill"),
    disarm: () => void orders.push("disarm"),
    lend: () => Promise.resolve(void orders.push("lend")),
    takeBack: () => void orders.push("takeBack"),
    commissioned: (order) =>
      Promise.resolve(order === undefined ? "no report" : void orders.push(JSON.stringify(order))),
    list: acting.list,
  });
  return stack.use(server).port;
};

/** Sends the lines of a request as they are; returns the status of the answer. */
const ask = (port: number, lines: readonly string[], address = "127.0.0.1"): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, address, () =>
      socket.end(`${[...lines, "connection: close"].join("\r\n")}\r\n\r\n`),
    );
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])));
  });

const GET = "GET /status.json HTTP/1.1";
const DRILL = "POST /drill HTTP/1.1";
const JSON_TYPE = "content-type: application/json";
const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

describe("on a loopback address", () => {
  test("the status and a drill can be asked for", async () => {
    const port = await serve({ listen: "127.0.0.1:0" });
    expect(await ask(port, [GET, `host: 127.0.0.1:${port}`])).toBe(200);
    expect(await ask(port, [DRILL, `host: localhost:${port}`, JSON_TYPE])).toBe(204);
    expect(await ask(port, ["DELETE /drill HTTP/1.1", "host: [::1]", JSON_TYPE])).toBe(204);
    expect(orders).toEqual(["drill", "disarm"]);
  });

  test("the page itself can ask for a drill", async () => {
    const port = await serve({ listen: "127.0.0.1:0" });
    const page = [`host: 127.0.0.1:${port}`, `origin: http://127.0.0.1:${port}`, JSON_TYPE];
    expect(await ask(port, [DRILL, ...page])).toBe(204);
    expect(orders).toEqual(["drill"]);
  });

  test("the panic board can be asked for, and given back", async () => {
    const port = await serve({ listen: "127.0.0.1:0" });
    for (const method of ["POST", "DELETE"])
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await ask(port, [`${method} /board HTTP/1.1`, "host: localhost", JSON_TYPE])).toBe(204);
    expect(await ask(port, ["POST /board HTTP/1.1", "host: localhost"])).toBe(415);
    expect(await ask(port, ["POST /board HTTP/1.1", "host: evil.example", JSON_TYPE])).toBe(421);
    expect(orders).toEqual(["lend", "takeBack"]);
  });

  test("a signed report is handed over as JSON; what is none, or too long, is refused", async () => {
    const port = await serve({ listen: "127.0.0.1:0" });
    const hand = async (body: string): Promise<number> => {
      const headers = { "content-type": "application/json" };
      return (await fetch(`http://127.0.0.1:${port}/commissioning`, { method: "POST", headers, body }))
        .status;
    };
    expect(await hand('{"report":"a.b.c"}')).toBe(204);
    expect(orders).toEqual(['{"report":"a.b.c"}']);
    expect(await hand("a.b.c")).toBe(409);
    expect(await hand(JSON.stringify({ report: "x".repeat(300_000) })).catch(() => 409)).toBe(409);
    expect(orders).toHaveLength(1);
  });

  test.each([
    ["under another name (DNS rebinding)", ["host: evil.example", JSON_TYPE], 421],
    ["from a page of another site", ["host: localhost", "origin: http://evil.example", JSON_TYPE], 403],
    ["from a page without an origin", ["host: localhost", "origin: null", JSON_TYPE], 403],
    ["from a form", ["host: localhost", "content-type: text/plain"], 415],
    ["without a name", [JSON_TYPE], 400],
    ["under two names", ["host: evil.example", "host: localhost", JSON_TYPE], 400],
    ["under two names, the right one first", ["host: localhost", "host: evil.example", JSON_TYPE], 400],
    ["from two origins", ["host: a", "origin: http://a", "origin: http://b", JSON_TYPE], 400],
    ["with two PINs", ["host: localhost", "authorization: a", "authorization: b", JSON_TYPE], 400],
    ["with two types", ["host: localhost", JSON_TYPE, "content-type: text/plain"], 400],
  ])("a drill asked for %s is refused", async (_, headers, status) => {
    const port = await serve({ listen: "127.0.0.1:0" });
    expect(await ask(port, [DRILL, ...headers])).toBe(status);
    expect(orders).toEqual([]);
  });

  test("the status is not told to a page of another site", async () => {
    const port = await serve({ listen: "127.0.0.1:0" });
    expect(await ask(port, [GET, "host: evil.example"])).toBe(421);
    expect(await ask(port, [GET, "host: localhost", "origin: http://evil.example"])).toBe(403);
  });

  test("anything else is not found", async () => {
    const port = await serve({ listen: "127.0.0.1:0" });
    expect(await ask(port, ["GET /../etc/passwd HTTP/1.1", "host: localhost"])).toBe(404);
    expect(await ask(port, ["GET http://evil.example/status.json HTTP/1.1", "host: localhost"])).toBe(404);
    expect(await ask(port, ["PUT /drill HTTP/1.1", "host: localhost", JSON_TYPE])).toBe(405);
  });

  test("an IPv6 address is one, too", async () => {
    const port = await serve({ listen: "[::1]:0" });
    expect(await ask(port, [GET, `host: [::1]:${port}`], "::1")).toBe(200);
  });
});

describe.skipIf(own === undefined)("off loopback", () => {
  const pin = `authorization: Basic ${Buffer.from("patrol:4711").toString("base64")}`;

  test("the status needs the PIN", async () => {
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711" });
    expect(await ask(port, [GET, `host: ${own}:${port}`], own)).toBe(401);
    expect(await ask(port, [GET, `host: ${own}:${port}`, pin], own)).toBe(200);
    expect(await ask(port, [GET, `host: ${own}:${port}`, "authorization: Bearer 4711"], own)).toBe(200);
    expect(await ask(port, [GET, `host: ${own}:${port}`, "authorization: Bearer 4712"], own)).toBe(401);
  });

  test("a drill cannot be asked for from another machine, with the PIN or without", async () => {
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711" });
    expect(await ask(port, [DRILL, `host: ${own}:${port}`, JSON_TYPE], own)).toBe(401);
    expect(await ask(port, [DRILL, `host: ${own}:${port}`, pin, JSON_TYPE], own)).toBe(403);
    expect(orders).toEqual([]);
    expect(await ask(port, [DRILL, "host: localhost", JSON_TYPE])).toBe(204);
    expect(orders).toEqual(["drill"]);
  });

  test("PINs cannot be tried for long", async () => {
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711" });
    const answers: number[] = [];
    for (let n = 0; n < 7; n++)
      answers.push(await ask(port, [GET, `host: ${own}`, `authorization: Bearer ${n}`], own));
    expect(answers).toEqual([401, 401, 401, 401, 401, 429, 429]);
  });
});

test("an address in use is an error that says what to do", async () => {
  const port = await serve({ listen: "127.0.0.1:0" });
  await expect(
    openStatusServer(
      { listen: `127.0.0.1:${port}` },
      {
        ...acting,
      },
    ),
  ).rejects.toThrow(/status.listen: 127.0.0.1:\d+ cannot be used .*choose another address/);
});

const eventsIn = (text: string, name: string): string[] =>
  [...text.matchAll(new RegExp(`event: ${name}\ndata: (.*)\n\n`, "g"))].map(([, data]) => data!);

describe("somebody who looks", () => {
  const open = async () => {
    const time = new SimulatedTime(0);
    const port = await serve({ listen: "127.0.0.1:0", time });
    return { time, viewer: stack.use(listen(port, "/events")) };
  };

  test("gets the lamp and a snapshot at once, and a snapshot each second", async () => {
    const { time, viewer } = await open();
    await vi.waitFor(() => expect(eventsIn(viewer.text(), "snapshot")).toHaveLength(1));
    expect(eventsIn(viewer.text(), "lamp")).toEqual(['{"t":1,"lamp":"idle","drill":false}']);
    await time.run(3_000);
    await vi.waitFor(() => expect(eventsIn(viewer.text(), "snapshot")).toHaveLength(4));
    expect(Snapshot.parse(JSON.parse(eventsIn(viewer.text(), "snapshot")[0]!)).unit).toBe("zrenjanin/zr-117");
  });

  test("gets each change of the lamp at once", async () => {
    const { viewer } = await open();
    await vi.waitFor(() => expect(eventsIn(viewer.text(), "lamp")).toHaveLength(1));
    lamp.pattern = "stored";
    lamp.changed.emit();
    await vi.waitFor(() =>
      expect(eventsIn(viewer.text(), "lamp")[1]).toBe('{"t":1,"lamp":"stored","drill":false}'),
    );
    lamp.pattern = "idle";
  });

  test("is the only reason to make snapshots", async () => {
    let made = 0;
    const time = new SimulatedTime(0);
    const server = await openStatusServer(
      { listen: "127.0.0.1:0", time },
      { ...acting, status: () => Promise.resolve((made++, aSnapshot())) },
    );
    const { port } = stack.use(server);
    await time.run(10_000);
    expect(made).toBe(0);
    const viewer = stack.use(listen(port, "/events"));
    await vi.waitFor(() => expect(made).toBe(1));
    await time.run(12_000);
    expect(made).toBe(3);
    viewer.socket.destroy();
    await vi.waitFor(async () => {
      const before = made;
      await time.run(time.mono() + 5_000);
      expect(made).toBe(before);
    });
  });

  test("gets no second snapshot while the first is being made", async () => {
    let asked = 0;
    const time = new SimulatedTime(0);
    const server = await openStatusServer(
      { listen: "127.0.0.1:0", time },
      {
        ...acting,
        status: () => (asked++ === 0 ? Promise.resolve(aSnapshot()) : new Promise(() => undefined)),
      },
    );
    stack.use(listen(stack.use(server).port, "/events"));
    await vi.waitFor(() => expect(asked).toBe(1));
    await time.run(10_000);
    expect(asked).toBe(2);
  });
});

test("metrics are what Prometheus reads", async () => {
  const port = await serve({ listen: "127.0.0.1:0" });
  const { status, headers, body } = await fetchFrom(port, ["GET /metrics HTTP/1.1", "host: localhost"]);
  expect([status, headers["content-type"]]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  expect(body.toString()).toContain("\npatrol_outbox_records 3\n");
});

test("the page may be shown in a frame of another port only if that is allowed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "index.html"), "<!doctype html>");
  const policyOf = async (options: Partial<StatusOptions>) => {
    const port = await serve({ listen: "127.0.0.1:0", folder, ...options });
    const { headers } = await fetchFrom(port, ["GET / HTTP/1.1", "host: localhost"]);
    return headers["content-security-policy"];
  };
  expect(await policyOf({})).toMatch(/frame-ancestors 'self'$/);
  const frameAncestors = ["'self'", "http://127.0.0.1:9000"];
  expect(await policyOf({ frameAncestors })).toMatch(/frame-ancestors 'self' http:\/\/127\.0\.0\.1:9000$/);
});

import { networkInterfaces } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ListActions, Refusal } from "../../src/status/list-routes.ts";
import { openStatusServer } from "../../src/status/server.ts";
import { ask } from "../runtime/http-asking.ts";
import { IDLE_ACTIONS } from "./idle-actions.ts";

/** What was asked for, and what the unit answers. */
let asked: unknown[];
let refused: Refusal | undefined;
let stack: AsyncDisposableStack;
beforeEach(() => {
  asked = [];
  refused = undefined;
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const list: ListActions = {
  begin: (order) => Promise.resolve((asked.push(["begin", order]), refused)),
  step: (order, local) => (asked.push(["step", order, local]), refused),
  leave: () => (asked.push(["leave"]), refused),
  page: (number) => Promise.resolve(number === 1 ? Buffer.from("<!doctype html><h1>č</h1>") : undefined),
};
const serve = async (options: { listen?: string; pin?: string } = {}): Promise<number> => {
  const server = await openStatusServer({ listen: "127.0.0.1:0", ...options }, { ...IDLE_ACTIONS, list });
  return stack.use(server).port;
};

const HOST = "host: localhost";
const JSON_TYPE = "content-type: application/json";
const BEGIN = "POST /commissioning/list HTTP/1.1";
const STEP = "POST /commissioning/list/step HTTP/1.1";
const LEAVE = "DELETE /commissioning/list HTTP/1.1";
const ORDERS = [BEGIN, STEP, LEAVE];
const own = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

test("a list is begun, worked on and left", async () => {
  const port = await serve();
  const order = { technician: "M. Petrović" };
  const step = { action: "skip", id: "fix", reason: "a roof" };
  for (const [line, body] of [
    [BEGIN, JSON.stringify(order)],
    [STEP, JSON.stringify(step)],
    [LEAVE, ""],
  ] as const)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect((await ask(port, [line, HOST, JSON_TYPE], { body })).status).toBe(204);
  expect(asked).toEqual([["begin", order], ["step", step, true], ["leave"]]);
});

test("a refusal has a code, for which the page has words, and a sentence", async () => {
  const port = await serve();
  refused = { status: 409, code: "elsewhere", reason: "a list is open on the command line" };
  const { status, body } = await ask(port, [BEGIN, HOST, JSON_TYPE], { body: "{}" });
  expect(status).toBe(409);
  expect(JSON.parse(body.toString())).toEqual({
    code: "elsewhere",
    reason: "a list is open on the command line",
  });
});

describe.each(ORDERS)("%s", (line) => {
  test.each([
    ["under another name (DNS rebinding)", ["host: evil.example", JSON_TYPE], 421],
    ["from a page of another site", [HOST, "origin: http://evil.example", JSON_TYPE], 403],
    ["from a page without an origin", [HOST, "origin: null", JSON_TYPE], 403],
    ["from a form", [HOST, "content-type: text/plain"], 415],
    ["without a type", [HOST], 415],
    ["with two types", [HOST, JSON_TYPE, "content-type: text/plain"], 400],
  ])("%s is refused", async (_, headers, status) => {
    const port = await serve();
    expect((await ask(port, [line, ...headers], { body: "{}" })).status).toBe(status);
    expect(asked).toEqual([]);
  });
});

test.each([
  ["that is too long", JSON.stringify({ technician: "x".repeat(5_000) })],
  ["that is no JSON", "technician"],
])("a body %s reaches the unit as none", async (_, body) => {
  const port = await serve();
  refused = { status: 400, code: "failed", reason: "expected a name" };
  for (const line of [BEGIN, STEP])
    // oxlint-disable-next-line no-await-in-loop
    await ask(port, [line, HOST, JSON_TYPE], { body }).catch(() => undefined); // the connection may be cut
  expect(asked).toEqual([
    ["begin", undefined],
    ["step", undefined, true],
  ]);
});

describe("a report to print", () => {
  const page = (number: string) => `GET /commissioning/${number} HTTP/1.1`;

  test("is a page under a policy without scripts, which nobody keeps", async () => {
    const port = await serve();
    const { status, headers, body } = await ask(port, [page("1.html"), HOST]);
    expect([status, headers["content-type"], body.toString()]).toEqual([
      200,
      "text/html; charset=utf-8",
      "<!doctype html><h1>č</h1>",
    ]);
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["content-security-policy"]).toMatch(/script-src 'none'.*frame-ancestors 'none'; sandbox$/);
    expect(headers["content-security-policy"]).not.toContain("unsafe");
  });

  test.each([
    "2.html",
    "0001.jws",
    "1.html/",
    "",
    "x.html",
    "..%2f..%2fidentity%2funit.key",
    "../1.html",
    "1.htmlx",
  ])("is not found under %j", async (name) => {
    const port = await serve();
    expect((await ask(port, [page(name), HOST])).status).toBe(404);
  });

  test("is none under the name of the list, nor can it be changed", async () => {
    const port = await serve();
    expect((await ask(port, [page("list"), HOST])).status).toBe(405);
    expect((await ask(port, ["DELETE /commissioning/1.html HTTP/1.1", HOST, JSON_TYPE])).status).toBe(405);
  });

  test("is not told to a page of another site", async () => {
    const port = await serve();
    expect((await ask(port, [page("1.html"), "host: evil.example"])).status).toBe(421);
  });
});

describe.skipIf(own === undefined)("from another machine", () => {
  const from = (port: number, line: string, headers: readonly string[] = []) =>
    ask(port, [line, `host: ${own}:${port}`, JSON_TYPE, ...headers], { address: own!, body: "{}" });
  const PIN = ["authorization: Bearer 4711"];

  test.each([...ORDERS, "GET /commissioning/1.html HTTP/1.1"])("%s needs the PIN", async (line) => {
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711" });
    expect((await from(port, line)).status).toBe(401);
    expect(asked).toEqual([]);
    expect((await from(port, line, PIN)).status).toBeLessThan(300);
  });

  test("with the PIN, the unit learns that the step is not asked for on this machine", async () => {
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711" });
    await from(port, STEP, PIN);
    expect(asked).toEqual([["step", {}, false]]);
  });
});

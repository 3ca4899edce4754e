import { networkInterfaces } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openHttpServer, plain, type HttpOptions } from "../../src/runtime/http.ts";
import { ask } from "./http-asking.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

const serve = async (options: Partial<HttpOptions> = {}) => {
  const server = await openHttpServer(
    { listen: "127.0.0.1:0", mono: () => 0, setting: "page.listen", help: "GET /data", ...options },
    {
      "GET /data": ({ response, local, query }) =>
        plain(response, 200, `${local ? "local" : "remote"} ${query.get("of") ?? ""}`),
      "GET /broken": () => {
        throw new Error("it broke");
      },
    },
  );
  return stack.use(server).port;
};

const TYPE = "content-type: application/json";
const post = "POST /session HTTP/1.1";

describe("a request", () => {
  test("is answered with the query it has", async () => {
    const { body } = await ask(await serve(), ["GET /data?of=x HTTP/1.1", "host: localhost"]);
    expect(body.toString()).toBe("local x\n");
  });

  test("gets headers that keep an answer from being used in another way", async () => {
    const { headers } = await ask(await serve(), ["GET /data HTTP/1.1", "host: localhost"]);
    expect(headers).toMatchObject({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  });

  test.each([
    ["a huge cookie", [`cookie: a=${"x".repeat(9_000)}`], 431],
    ["two cookie headers", ["cookie: a=b", "cookie: c=d"], 400],
    ["two hosts", ["host: evil.example"], 400],
    ["two origins", ["origin: http://localhost", "origin: http://evil.example"], 400],
    ["another site's origin", ["origin: http://evil.example"], 403],
    ["many headers", Array.from({ length: 3_000 }, (_, n) => `x-${n}: y`), 431],
  ])("with %s is refused", async (_, lines, status) => {
    const answer = await ask(await serve(), ["GET /data HTTP/1.1", "host: localhost", ...lines]);
    expect(answer.status).toBe(status);
  });

  test("under a name that was rebound is refused, also for a file of the page", async () => {
    const port = await serve();
    for (const path of ["/data", "/", "/index.html", "/session"])
      expect((await ask(port, [`GET ${path} HTTP/1.1`, "host: evil.example"])).status).toBe(421);
  });

  test("that cannot be answered says why, and the next one is answered", async () => {
    const port = await serve();
    const broken = await ask(port, ["GET /broken HTTP/1.1", "host: localhost"]);
    expect([broken.status, broken.body.toString()]).toEqual([500, "it broke\n"]);
    expect((await ask(port, ["GET /data HTTP/1.1", "host: localhost"])).status).toBe(200);
  });
});

describe("POST /session", () => {
  test.each([
    ["no JSON", "pin=4711", [TYPE], 400],
    ["no PIN", "{}", [TYPE], 400],
    ["a PIN that is no text", '{"pin":4711}', [TYPE], 400],
    ["another type", '{"pin":"4711"}', ["content-type: text/plain"], 415],
  ])("with %s is refused", async (_, body, lines, status) => {
    const answer = await ask(await serve({ pin: "4711" }), [post, "host: localhost", ...lines], { body });
    expect(answer.status).toBe(status);
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  test("with a body of more than a kilobyte is not read to its end", async () => {
    const body = `{"pin":"${"x".repeat(100_000)}"}`;
    const asked = ask(await serve({ pin: "4711" }), [post, "host: localhost", TYPE], { body });
    const status = await asked.then(
      (answer) => answer.status,
      () => "closed",
    );
    expect(status).not.toBe(204);
  });
});

describe.skipIf(own === undefined)("from another machine", () => {
  const far = { address: own ?? "" };
  const host = `host: ${own}`;
  const begin = (port: number, pin: string) =>
    ask(port, [post, host, TYPE], { ...far, body: JSON.stringify({ pin }) });

  test("the right PIN begins a session, and DELETE ends it", async () => {
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711" });
    expect((await ask(port, ["GET /data HTTP/1.1", host], far)).status).toBe(401);
    const begun = await begin(port, "4711");
    expect(begun.status).toBe(204);
    expect(begun.headers["set-cookie"]).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    const cookie = `cookie: ${begun.headers["set-cookie"]?.split(";")[0]}`;
    expect((await ask(port, ["GET /data HTTP/1.1", host, cookie], far)).body.toString()).toBe("remote \n");
    const ended = await ask(port, ["DELETE /session HTTP/1.1", host, TYPE, cookie], far);
    expect([ended.status, ended.headers["set-cookie"]]).toEqual([
      204,
      expect.stringMatching(/^patrol-session-0=; .*Max-Age=0$/),
    ]);
    expect((await ask(port, ["GET /data HTTP/1.1", host, cookie], far)).status).toBe(401);
  });

  test("after five wrong ones the answer says how long to wait", async () => {
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711" });
    const answers = [];
    for (let n = 0; n < 6; n++) answers.push(await begin(port, "0000"));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
    expect(answers.at(-1)).toMatchObject({ headers: { "retry-after": "60" } });
    expect(JSON.parse(answers.at(-1)!.body.toString())).toEqual({
      reason: "too many wrong PINs: try again later",
      retryAfterS: 60,
    });
    expect(JSON.parse(answers[0]!.body.toString())).toEqual({ reason: "the PIN is wrong" });
  });
});

test("an address in use is an error that says what to do", async () => {
  const port = await serve();
  await expect(serve({ listen: `127.0.0.1:${port}` })).rejects.toThrow(
    /page.listen: 127.0.0.1:\d+ cannot be used .*choose another address/,
  );
});

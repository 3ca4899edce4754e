import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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

/** A connection that collects what arrives. */
const dial = (port: number, address = "127.0.0.1", ca?: Buffer) => {
  let text = "";
  let over = false;
  const socket: Socket = ca
    ? connectTls({ port, host: address, ca, checkServerIdentity: () => undefined })
    : connect(port, address);
  socket.setEncoding("utf8");
  stack.defer(() => void socket.destroy());
  socket.on("data", (more: string) => (text += more));
  socket.on("error", () => undefined).on("close", () => (over = true));
  const get = (path: string, ...lines: string[]) =>
    socket.write([`GET ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n"));
  return { socket, get, text: () => text, over: () => over };
};
/** A key and a certificate of its own. */
const pair = () => {
  const folder = mkdtempSync(join(tmpdir(), "tls-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const args =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key -out cert -days 2 -subj /CN=x";
  execFileSync("openssl", args.split(" "), { cwd: folder, stdio: "pipe" });
  return { key: readFileSync(join(folder, "key")), cert: readFileSync(join(folder, "cert")) };
};
const isOver = ({ over }: { over: () => boolean }) => vi.waitFor(() => expect(over()).toBe(true));

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

describe("a connection", () => {
  const request = "GET /data HTTP/1.1\r\nhost: localhost\r\n\r\n";

  test.each(["TCP", "TLS"])(
    "of %s that sends a second request before the first is answered is closed, and nothing is answered",
    async (kind) => {
      const tls = kind === "TLS" ? pair() : undefined;
      const dialled = dial(await serve(tls && { tls }), "127.0.0.1", tls?.cert);
      dialled.socket.write(request.repeat(1_000));
      await isOver(dialled);
      expect(dialled.text()).toBe("");
    },
  );

  test("from this machine is kept for the next request", async () => {
    const { socket, text } = dial(await serve());
    for (let n = 1; n <= 40; n++) {
      socket.write(request);
      await vi.waitFor(() => expect(text().split("local").length - 1).toBe(n), { interval: 1 });
    }
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

  test("who has no PIN gets one answer for each connection, and who has it gets more", async () => {
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711" });
    for (const path of ["/", "/data", "/nothing"]) {
      const stranger = dial(port, far.address);
      stranger.get(path, host);
      await isOver(stranger);
      expect(stranger.text()).toMatch(/^connection: close\r$/im);
    }
    const cookie = (await begin(port, "4711")).headers["set-cookie"]?.split(";")[0];
    for (const line of [`cookie: ${cookie}`, "authorization: Bearer 4711"]) {
      const { get, text } = dial(port, far.address);
      for (let n = 1; n <= 3; n++) {
        get("/data", host, line);
        await vi.waitFor(() => expect(text().split("remote").length - 1).toBe(n));
      }
    }
  });

  test("who has the PIN keeps the connection with TLS too", async () => {
    const tls = pair();
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711", tls });
    const { get, text } = dial(port, far.address, tls.cert);
    for (let n = 1; n <= 3; n++) {
      get("/data", host, "authorization: Bearer 4711");
      await vi.waitFor(() => expect(text().split("remote").length - 1).toBe(n));
    }
    // Known by now: not one of those who may connect twelve times.
    for (let n = 0; n < 20; n++) {
      const again = dial(port, far.address, tls.cert);
      again.get("/", host);
      await isOver(again);
      expect(again.text()).toContain("404");
    }
  });

  test("idle connections leave places for this machine", async () => {
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711" });
    const idle = Array.from({ length: 40 }, () => dial(port, far.address));
    await vi.waitFor(() => expect(idle.filter(({ over }) => over()).length).toBe(32));
    expect((await ask(port, ["GET /data HTTP/1.1", "host: localhost"])).status).toBe(200);
  });

  test("who asks too often without the PIN is not answered until later, and everybody else is", async () => {
    const clock = { nowMs: 0 };
    const port = await serve({ listen: "0.0.0.0:0", pin: "4711", mono: () => clock.nowMs });
    const asked = async () => {
      const dialled = dial(port, far.address);
      dialled.get("/", host);
      await isOver(dialled);
      return dialled.text() !== "";
    };
    const answers = [];
    for (let n = 0; n < 20; n++) answers.push(await asked());
    expect(answers.filter(Boolean)).toHaveLength(12);
    expect((await ask(port, ["GET /data HTTP/1.1", "host: localhost"])).status).toBe(200);
    clock.nowMs = 1_000;
    expect(await asked()).toBe(true);
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

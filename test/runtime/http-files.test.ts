import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openHttpServer } from "../../src/runtime/http.ts";
import { StaticFiles } from "../../src/runtime/http-files.ts";
import { ask } from "./http-asking.ts";

let stack: AsyncDisposableStack;
let dir: string;
beforeEach(() => {
  stack = new AsyncDisposableStack();
  dir = mkdtempSync(join(tmpdir(), "pages-"));
  stack.defer(() => rmSync(dir, { recursive: true }));
});
afterEach(() => stack.disposeAsync());

const INDEX = "<!doctype html><title>page</title>";
const SCRIPT = `export const text = "${"a".repeat(2_000)}";`;

const serve = async (folder = join(dir, "page"), mono?: () => number): Promise<number> => {
  const server = await openHttpServer(
    {
      listen: "127.0.0.1:0",
      mono: () => 0,
      setting: "listen",
      help: "nothing else",
      page: { files: new StaticFiles(folder, mono) },
    },
    { "GET /data": ({ response }) => void response.writeHead(200).end("data") },
  );
  return stack.use(server).port;
};

const build = () => {
  mkdirSync(join(dir, "page/assets"), { recursive: true });
  writeFileSync(join(dir, "page/index.html"), INDEX);
  writeFileSync(join(dir, "page/assets/main-AbCd_-12.js"), SCRIPT);
  writeFileSync(join(dir, "page/assets/secret.pem"), "secret");
  writeFileSync(join(dir, "page/.hidden.txt"), "secret");
  writeFileSync(join(dir, "outside.txt"), "secret");
  symlinkSync(join(dir, "outside.txt"), join(dir, "page/link.txt"));
};
const get = (port: number, path: string, lines: readonly string[] = [], method = "GET") =>
  ask(port, [`${method} ${path} HTTP/1.1`, "host: localhost", ...lines]);

describe("the files of a page", () => {
  test("the page is the index, is asked for again each time, and has a policy", async () => {
    build();
    const { status, headers, body } = await get(await serve(), "/?theme=dark");
    expect(status).toBe(200);
    expect(body.toString()).toBe(INDEX);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      "x-content-type-options": "nosniff",
      "referrer-policy": "same-origin",
      "content-security-policy": expect.stringContaining("script-src 'self'"),
    });
  });

  test("what has a digest in its name is kept for ever", async () => {
    build();
    const { headers } = await get(await serve(), "/assets/main-AbCd_-12.js");
    expect(headers).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
    });
  });

  test("a browser that has a file is not sent it again", async () => {
    build();
    const port = await serve();
    const { headers } = await get(port, "/");
    const again = await get(port, "/", [`if-none-match: ${headers["etag"]}`]);
    expect(again.status).toBe(304);
    expect(again.body).toHaveLength(0);
  });

  test.each([
    ["gzip", true],
    ["br, gzip;q=0.5", true],
    ["gzip;q=0", false],
    ["gzip;q=0.0, br", false],
    ["br", false],
  ])("a client that accepts %s gets it compressed: %s", async (coding, compressed) => {
    build();
    const { headers, body } = await get(await serve(), "/assets/main-AbCd_-12.js", [
      `accept-encoding: ${coding}`,
    ]);
    expect(headers["content-encoding"]).toBe(compressed ? "gzip" : undefined);
    expect((compressed ? gunzipSync(body) : body).toString()).toBe(SCRIPT);
  });

  test("a compressed file beside it is sent instead", async () => {
    build();
    const ready = gzipSync(SCRIPT, { level: 9 });
    writeFileSync(join(dir, "page/assets/main-AbCd_-12.js.gz"), ready);
    const port = await serve();
    const { body } = await get(port, "/assets/main-AbCd_-12.js", ["accept-encoding: gzip"]);
    expect(body.equals(ready)).toBe(true);
    expect((await get(port, "/assets/main-AbCd_-12.js.gz")).status).toBe(404);
  });

  test("HEAD gives the headers only", async () => {
    build();
    const { status, headers, body } = await get(await serve(), "/", [], "HEAD");
    expect([status, headers["content-length"], body.length]).toEqual([200, `${INDEX.length}`, 0]);
  });

  test.each([
    "/../outside.txt",
    "/assets/../../outside.txt",
    "/%2e%2e/outside.txt",
    "/..%2foutside.txt",
    "/%252e%252e/outside.txt",
    "/..\\outside.txt",
    "/%5c..%5coutside.txt",
    "//etc/passwd",
    "/%00",
    "/%",
    "/index.html%00.js",
    "/assets",
    "/assets/",
    "/.hidden.txt",
    "/link.txt",
    "/assets/secret.pem",
    "/__proto__",
    "http://localhost/index.html",
  ])("%s is not found", async (path) => {
    build();
    const { status, body } = await get(await serve(), path);
    expect(status).toBe(404);
    expect(body.toString()).not.toContain("secret");
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])("%s is refused", async (method) => {
    build();
    const port = await serve();
    expect(await get(port, "/", [], method)).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD" },
    });
    expect(await get(port, "/data", [], method)).toMatchObject({ status: 405, headers: { allow: "GET" } });
  });

  test("a page that is not built says how it is", async () => {
    const { status, body } = await get(await serve(), "/");
    expect(status).toBe(503);
    expect(body.toString()).toContain("npm run pages");
  });

  test("a page that is built while the server runs is served", async () => {
    let now = 0;
    const port = await serve(join(dir, "page"), () => (now += 1_000));
    expect((await get(port, "/")).status).toBe(503);
    build();
    expect((await get(port, "/")).status).toBe(200);
    expect((await get(port, "/assets/main-AbCd_-12.js")).status).toBe(200);
    writeFileSync(join(dir, "page/assets/main-00000000.js"), "new");
    await get(port, "/");
    expect((await get(port, "/assets/main-00000000.js")).body.toString()).toBe("new");
  });

  test("the folder is listed once a second, and a file is read once, however often they are asked for", async () => {
    build();
    const clock = { nowMs: 0 };
    const port = await serve(join(dir, "page"), () => clock.nowMs);
    const script = "/assets/main-AbCd_-12.js";
    expect((await get(port, "/")).status).toBe(200);
    expect((await get(port, script)).status).toBe(200);
    rmSync(join(dir, "page"), { recursive: true });
    clock.nowMs = 999;
    expect((await get(port, "/")).body.toString()).toBe(INDEX);
    expect((await get(port, script)).body.toString()).toBe(SCRIPT);
    clock.nowMs = 1_000;
    expect((await get(port, "/")).status).toBe(503);
    expect((await get(port, script)).status).toBe(404);
  });
});

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openConsole } from "../../../src/recorder/console/server.ts";
import { StaticFiles } from "../../../src/runtime/http-files.ts";
import { systemTime } from "../../../src/runtime/time.ts";

/** An address of this machine that is not loopback; a machine without one cannot try what these tests try. */
const address = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const open = async () => {
  const folder = mkdtempSync(join(tmpdir(), "console-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>page</title>");
  execFileSync(
    "openssl",
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key -out cert -days 2 -subj /CN=x".split(
      " ",
    ),
    { cwd: folder, stdio: "pipe" },
  );
  const [key, cert] = [readFileSync(join(folder, "key")), readFileSync(join(folder, "cert"))];
  const server = stack.use(
    await openConsole({
      listen: "0.0.0.0:0",
      password: "correct horse",
      tls: { key, cert },
      files: new StaticFiles(folder),
      acknowledge: async () => undefined,
      isConnected: () => true,
      time: systemTime,
    }),
  );
  return (method: string, path: string, headers: Record<string, string> = {}, body = "") =>
    new Promise<{ status: number; cookie: string; body: string }>((resolve, reject) => {
      const asking = request(
        {
          host: address,
          port: server.port,
          method,
          path,
          headers,
          ca: cert,
          checkServerIdentity: () => undefined,
        },
        (response) => {
          let said = "";
          response.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
          const [cookie = ""] = response.headers["set-cookie"] ?? [];
          response.on("end", () => resolve({ status: response.statusCode ?? 0, cookie, body: said }));
        },
      );
      asking.on("error", reject).end(body);
    });
};
const json = { "content-type": "application/json" };

describe.runIf(address !== undefined)("another machine", () => {
  test("gets the page but no data without the password", async () => {
    const ask = await open();
    expect((await ask("GET", "/")).status).toBe(200);
    for (const path of ["/settings.json", "/events", "/car.json", "/raw.json", "/track.json"])
      expect((await ask("GET", path)).status).toBe(401);
    expect((await ask("POST", "/ack", json, "{}")).status).toBe(401);
  });

  test("gets a session for the password, whose cookie no script and no other site can use", async () => {
    const ask = await open();
    expect((await ask("POST", "/session", json, '{"pin":"wrong horse"}')).status).toBe(401);
    const { status, cookie } = await ask("POST", "/session", json, '{"pin":"correct horse"}');
    expect(status).toBe(204);
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/; Secure$/);
    const session = { cookie: cookie.split(";")[0]! };
    expect((await ask("GET", "/settings.json", session)).status).toBe(200);
  });

  test("is made to wait after five wrong passwords, and the right one does not count meanwhile", async () => {
    const ask = await open();
    for (let n = 0; n < 5; n++)
      expect((await ask("POST", "/session", json, '{"pin":"wrong horse"}')).status).toBe(401);
    const late = await ask("POST", "/session", json, '{"pin":"correct horse"}');
    expect(late.status).toBe(429);
    expect(JSON.parse(late.body)).toMatchObject({ retryAfterS: expect.any(Number) });
  });
});

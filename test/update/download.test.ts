import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { download } from "../../src/update/download.ts";
import { Authority } from "../cli/authority.ts";

const PACKAGE = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 251));

let ca: Authority;
let dir: string;
/** How the server answers a request for a range of bytes. Undefined if the request has no range. */
let answer: (from: number | undefined) => { status: number; body: Buffer; cut?: boolean };
const asked: (number | undefined)[] = [];
let url = "";
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  ca = stack.use(new Authority());
  const extensions = "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost";
  ca.sign(ca.request("server", "localhost"), "server", { extensions });
  const server = createServer(
    { cert: readFileSync(ca.at("server.pem")), key: readFileSync(ca.at("server.key")) },
    (request, response) => {
      const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
      const from = range === undefined ? undefined : Number(range);
      asked.push(from);
      const { status, body, cut } = answer(from);
      const length = { "content-length": String(cut ? body.length + 1 : body.length) };
      const where = { "content-range": `bytes ${from ?? 0}-${PACKAGE.length - 1}/${PACKAGE.length}` };
      response.writeHead(status, status === 206 ? { ...length, ...where } : length);
      response.write(body);
      if (cut) setTimeout(() => response.destroy(), 100);
      else response.end();
    },
  );
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  url = `https://localhost:${(server.address() as AddressInfo).port}/patrol-unit_1.6.0_amd64.deb`;
});
afterAll(() => stack.disposeAsync());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "download-"));
  asked.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true }));

const file = () => join(dir, "package.part");
const run = () =>
  download({
    url,
    file: file(),
    bytes: PACKAGE.length,
    ca: [readFileSync(ca.at("ca.pem"), "utf8")],
    signal: new AbortController().signal,
  });
const ranged = (from = 0) => ({ status: from > 0 ? 206 : 200, body: PACKAGE.subarray(from) });

test("a package is downloaded, and a link that is lost costs nothing of what has come", async () => {
  answer = (from = 0) => ({ ...ranged(from), body: PACKAGE.subarray(from, from + 40_000), cut: true });
  await expect(run()).rejects.toThrow();
  await expect(run()).rejects.toThrow();
  answer = ranged;
  await run();
  expect(readFileSync(file())).toEqual(PACKAGE);
  expect(asked).toEqual([undefined, 40_000, 80_000]);
  await run();
  expect(asked).toHaveLength(3);
});

test("a server that knows no ranges is asked from the beginning", async () => {
  writeFileSync(file(), "what came before");
  answer = () => ({ status: 200, body: PACKAGE });
  await run();
  expect(readFileSync(file())).toEqual(PACKAGE);
});

test("a file that is longer than the package is begun anew", async () => {
  writeFileSync(file(), Buffer.alloc(PACKAGE.length + 1));
  answer = ranged;
  await run();
  expect(readFileSync(file())).toEqual(PACKAGE);
});

test.each<[string, () => ReturnType<typeof answer>, RegExp]>([
  ["that has it not", () => ({ status: 404, body: Buffer.from("?") }), /the server answers 404$/],
  ["that goes on where nobody asked", () => ({ status: 206, body: PACKAGE }), /the server answers 206$/],
  [
    "with more bytes than were signed",
    () => ({ status: 200, body: Buffer.concat([PACKAGE, PACKAGE]) }),
    /more bytes than were signed$/,
  ],
  [
    "with fewer bytes",
    () => ({ status: 200, body: PACKAGE.subarray(1) }),
    /ended after 99999 of 100000 bytes$/,
  ],
])("a server %s is an error", async (_what, said, words) => {
  answer = said;
  await expect(run()).rejects.toThrow(words);
});

test("another authority's server is not asked", async () => {
  answer = ranged;
  const wrong = { url, file: file(), bytes: 1, ca: undefined, signal: new AbortController().signal };
  await expect(download(wrong)).rejects.toThrow(/self-signed|unable to verify|certificate/);
  expect(asked).toEqual([]);
});

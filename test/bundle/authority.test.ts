import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { authorityRefusal } from "../../src/bundle/authority.ts";
import { Authority } from "../cli/authority.ts";

/** A server `localhost`, whose certificate is from `ca.pem`, from `between.pem` below it, or from itself. */
let files: Authority;
beforeAll(() => {
  files = new Authority();
  const extensions = "subjectAltName=DNS:localhost";
  const csr = files.request("server", "localhost");
  files.sign(csr, "server", { extensions });
  files.sign(files.request("between", "garage ca"), "between", {
    extensions: "basicConstraints=critical,CA:true",
  });
  files.sign(csr, "below", { extensions, from: "between" });
  files.sign(files.request("unit", "zrenjanin/zr-117"), "unit");
  const own = ["-subj", "/CN=localhost", "-addext", extensions, "-addext", "basicConstraints=CA:FALSE"];
  execFileSync(
    "openssl",
    ["req", "-x509", "-new", "-key", "server.key", "-days", "2", ...own, "-out", "own.pem"],
    {
      cwd: files.folder,
    },
  );
  const text = (name: string) => readFileSync(files.at(name), "utf8");
  writeFileSync(files.at("chain.pem"), text("below.pem") + text("between.pem"));
  writeFileSync(files.at("both.pem"), text("unit.pem") + text("ca.pem"));
});
afterAll(() => files[Symbol.dispose]());

/** Whether TLS of this Node accepts a server with such a certificate by such a CA. */
const accepts = async (cert: string, ca: string): Promise<boolean> => {
  const server = createServer({
    cert: readFileSync(files.at(cert)),
    key: readFileSync(files.at("server.key")),
  });
  server.on("tlsClientError", () => undefined);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const where = { port, host: "127.0.0.1", servername: "localhost", ca: readFileSync(files.at(ca)) };
  const socket = connect(where);
  try {
    await once(socket, "secureConnect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
    server.close();
  }
};

test.each([
  ["the authority itself", "server.pem", "ca.pem", true],
  ["an authority and a certificate of a unit", "server.pem", "both.pem", true],
  ["the server's own certificate", "server.pem", "server.pem", false],
  ["another certificate of the authority", "server.pem", "unit.pem", false],
  ["a server's certificate that has signed itself, of no authority", "own.pem", "own.pem", true],
  ["an authority below another one, alone", "chain.pem", "between.pem", false],
])("as CA, %s is judged as TLS does", async (_, cert, ca, isTrusted) => {
  expect(await accepts(cert, ca)).toBe(isTrusted);
  expect(authorityRefusal(readFileSync(files.at(ca), "utf8")) === undefined).toBe(isTrusted);
});

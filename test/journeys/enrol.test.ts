import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { signRequest } from "../cli/authority.ts";
import { epoch, waitFor } from "./car.ts";
import { openDispatch } from "./dispatch.ts";
import { makeCertificates, startMosquitto } from "./mosquitto.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Every vehicle has its own branch, by the name in its certificate; dispatch reads all. */
const RULES = `cafile FOLDER/ca.pem
certfile FOLDER/broker.pem
keyfile FOLDER/broker.key
require_certificate true
use_identity_as_username true
acl_file FOLDER/acl`;

test("a car with a blank root is enrolled and flashed by commands alone, and reports over mutual TLS", async () => {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await startMosquitto(RULES, true));
  makeCertificates(broker.folder, "dispatch");
  writeFileSync(
    join(broker.folder, "acl"),
    "user dispatch\ntopic readwrite patrol/v1/#\npattern readwrite patrol/v1/%u/#\n",
  );
  await broker.start();
  const at = (name: string) => join(broker.folder, name);
  const dispatch = stack.use(await openDispatch(broker.url, credentials(at)));
  const dir = mkdtempSync(join(tmpdir(), "enrolled-"));
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
  const root = join(dir, "root");
  mkdirSync(join(root, "trust"), { recursive: true });
  const tty = join(dir, "gps");
  const line = stack.use(openSerialLine(tty));
  const local = `unit: { directorate: zrenjanin, id: zr-117 }\ngps: { port: ${tty} }\n`;
  writeFileSync(join(root, "local.yaml"), local, { mode: 0o600 });
  const program = (...args: string[]): Promise<void> =>
    new Promise((resolve, reject) => {
      execFile(process.execPath, ["src/main.ts", ...args], { encoding: "utf8" }, (error, _, stderr) =>
        error ? reject(new Error(stderr)) : resolve(),
      );
    });

  // At headquarters: the key, and the configuration of the directorate.
  await program("bundle", "keygen", "--out", join(dir, "hq.pem"));
  copyFileSync(join(dir, "hq.pub.pem"), join(root, "trust/hq.pem"));
  mkdirSync(join(dir, "fleet"));
  copyFileSync(at("ca.pem"), join(dir, "fleet/ca.pem"));
  writeFileSync(
    join(dir, "fleet/patrol-unit.yaml"),
    `panic: none
report: { movingS: 0 }
dispatch: { brokers: ["${broker.url}"], ca: ca.pem }
outbox: { path: outbox }
status: { listen: "127.0.0.1:0" }
`,
  );
  const bundle = join(dir, "fleet.patrol");
  await program(
    "bundle",
    join(dir, "fleet"),
    "--key",
    join(dir, "hq.pem"),
    "--for",
    "zrenjanin/*",
    "--version",
    "1",
    "--out",
    bundle,
  );

  // In the car.
  await program("flash", "config", bundle, "--root", root);
  await program("enrol", "request", "--root", root, "--out", join(dir, "unit.csr"));
  const certificate = signRequest(broker.folder, join(dir, "unit.csr"), "car");
  await program("enrol", "install", certificate, "--root", root);
  const service = start(root);
  stack.defer(async () => {
    const gone = once(service, "exit");
    service.kill("SIGTERM");
    await gone;
  });
  await waitFor("the configuration to count", () => dispatch.events("config").length > 0, 40_000);
  const startAt = Math.floor(Date.now() / 1_000) * 1_000;
  // The time is known after some fixes.
  for (let n = 0; n < 200 && (n < 50 || dispatch.positions().length === 0); n++) {
    await line.write(epoch(n, startAt));
    await sleep(100);
  }
  expect(dispatch.positions().length).toBeGreaterThan(0);
  expect(dispatch.positions()[0]?.unit).toBe("zrenjanin/zr-117");
  const health = dispatch.reports.find(({ kind }) => kind === "health");
  expect(health?.data).toMatchObject({ certificateExpiresAt: expect.stringMatching(/^\d{4}-/) });
  // The certificate has two days left.
  await waitFor("the reminder", () => dispatch.events("certificate").length > 0, 30_000);
  expect(dispatch.events("certificate")[0]?.data).toMatchObject({
    days: expect.any(Number),
    request: expect.stringContaining("BEGIN CERTIFICATE REQUEST"),
  });
});

const credentials = (at: (name: string) => string) => ({
  ca: readFileSync(at("ca.pem")),
  cert: readFileSync(at("unit.pem")),
  key: readFileSync(at("unit.key")),
});

const start = (root: string): ChildProcess =>
  spawn(process.execPath, ["src/main.ts", "run", "--root", root], { stdio: "ignore" });

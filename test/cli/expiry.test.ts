import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { daysUntil, ExpiryReminder, expiryOf, watchExpiry } from "../../src/cli/lib/expiry.ts";
import { onThisMachine } from "../../src/cli/lib/ports.ts";
import { readDocument } from "../../src/settings/document.ts";
import { parseSettings, settingsOf } from "../../src/settings/load.ts";
import type { StatusActions } from "../../src/status/server.ts";
import { startUnit } from "../../src/unit/start.ts";
import { CONFIG } from "../bundle/signed.ts";
import { Authority } from "./authority.ts";

const DAY_MS = 86_400_000;
let ca: Authority;
let cert: string;
beforeAll(() => {
  ca = new Authority();
  cert = ca.sign(ca.request("unit", "zrenjanin/zr-117"), "unit", { days: 60 });
});
afterAll(() => ca[Symbol.dispose]());
const settings = (files: object = { cert, key: ca.at("unit.key") }) => {
  const parsed = parseSettings(CONFIG, "car.yaml");
  return { unit: parsed.unit, dispatch: { ...parsed.dispatch, ...files } };
};
const expiry = () => expiryOf(cert) ?? 0;

test("from 30 days before it expires dispatch is told, with a fresh request for the same key", async () => {
  const reminder = new ExpiryReminder();
  expect(await reminder.due(settings(), expiry() - 31 * DAY_MS, 0)).toBeUndefined();
  const event = await reminder.due(settings(), expiry() - 20.5 * DAY_MS, 0);
  expect(event).toEqual({
    type: "certificate",
    expiresAt: new Date(expiry()).toISOString(),
    days: 20,
    request: expect.stringContaining("BEGIN CERTIFICATE REQUEST"),
  });
  const file = ca.at("again.csr");
  writeFileSync(file, event && "request" in event ? String(event["request"]) : "");
  const said = execFileSync("openssl", ["req", "-in", file, "-verify", "-noout", "-subject"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  expect(said).toContain("zrenjanin/zr-117");
});

test("it is told once a day, and also after it has expired", async () => {
  const reminder = new ExpiryReminder();
  const at = async (days: number) =>
    (await reminder.due(settings(), expiry() + days * DAY_MS, days * DAY_MS)) !== undefined;
  expect([await at(-3), await at(-2.5), await at(-2), await at(1)]).toEqual([true, false, true, true]);
  expect(daysUntil(expiry(), expiry() + 1.5 * DAY_MS)).toBe(-2);
});

test("nothing is told while the time is not known, or without a certificate", async () => {
  const reminder = new ExpiryReminder();
  expect(await reminder.due(settings(), undefined, 0)).toBeUndefined();
  expect(await reminder.due(settings({}), expiry(), 0)).toBeUndefined();
  expect(await reminder.due(settings({ cert: ca.at("none.pem") }), expiry(), 0)).toBeUndefined();
});

test("health has the date of the certificate that is in the file now, a minute after it was replaced", async () => {
  const file = ca.at("used.pem");
  const later = ca.sign(ca.request("later", "zrenjanin/zr-117"), "later", { days: 90 });
  copyFileSync(cert, file);
  let ms = 0;
  using folder = {
    path: mkdtempSync(join(tmpdir(), "expiry-")),
    [Symbol.dispose]: () => rmSync(folder.path, { recursive: true }),
  };
  const text = `
unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: "tcp://127.0.0.1:9" }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1:9"], allowPlaintext: true }
outbox: { path: ${join(folder.path, "outbox")} }
`;
  const { settings: parsed } = settingsOf(readDocument(text, "car.yaml"));
  const page = Promise.withResolvers<StatusActions>();
  const options = await onThisMachine({
    settings: parsed!,
    config: "test",
    faults: [],
    log: { debug() {}, info() {}, warn() {}, error() {} },
    gps: () => (async function* () {})(),
    can: undefined,
    recorded: true,
  });
  await using _unit = await startUnit({
    ...options,
    certificateExpiresAt: watchExpiry(file, () => ms),
    ports: {
      ...options.ports,
      page: async (on) => {
        page.resolve(on);
        return { port: 0, [Symbol.asyncDispose]: () => Promise.resolve() };
      },
    },
  });
  const shown = async (): Promise<unknown> => (await page.promise).status();
  const at = (expiresAt: number) =>
    expect.objectContaining({ certificateExpiresAt: new Date(expiresAt).toISOString() }) as unknown;
  expect(await shown()).toEqual(at(expiry()));
  copyFileSync(later, file);
  ms = 59_999;
  expect(await shown()).toEqual(at(expiry()));
  ms = 60_000;
  expect(await shown()).toEqual(at(expiryOf(later)!));
  writeFileSync(file, "");
  ms = 120_000;
  expect(await shown()).toEqual(at(expiryOf(later)!));
});

test("the date of a certificate that is a pipe is not waited for", () => {
  execFileSync("mkfifo", [ca.at("pipe")]);
  expect(expiryOf(ca.at("pipe"))).toBeUndefined();
});

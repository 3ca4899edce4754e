import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { daysUntil, ExpiryReminder, expiryOf } from "../../src/cli/lib/expiry.ts";
import { parseSettings } from "../../src/settings/load.ts";
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

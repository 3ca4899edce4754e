import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { certificatesIn, refusalOf } from "../../src/bundle/certificate.ts";
import { Authority } from "../cli/authority.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const read = (file: string) => certificatesIn(readFileSync(file, "utf8")) ?? [];
const chain = read(authority.sign(authority.request("unit", "zrenjanin/zr-117"), "unit", { days: 2 }));
const expected = {
  unit: "zrenjanin/zr-117",
  key: createPrivateKey(readFileSync(authority.at("unit.key"))),
  ca: read(authority.at("ca.pem")),
};
const DAY_MS = 86_400_000;

test.each([
  ["today", 0, undefined],
  ["after it has expired", 3, /^it expired on \d{4}-\d\d-\d\d$/],
  ["before it is valid", -1, /^it is valid from \d{4}-\d\d-\d\d on$/],
])("a certificate is checked against the time: %s", (_, days, says) => {
  const refusal = refusalOf(chain, { ...expected, now: Date.now() + days * DAY_MS });
  if (says) expect(refusal).toMatch(says);
  else expect(refusal).toBeUndefined();
});

test("without a known time, one that expired before the release is refused", () => {
  const builtMs = Date.now() + 100 * DAY_MS;
  expect(refusalOf(chain, { ...expected, now: undefined }, builtMs)).toMatch(/^it expired on /);
});

test("a certificate is not checked against a time that is not known", () => {
  expect(refusalOf(chain, { ...expected, now: undefined })).toBeUndefined();
});

test("a file without a certificate, or with a damaged one, has none", () => {
  expect(certificatesIn("")).toBeUndefined();
  expect(certificatesIn("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")).toBeUndefined();
});

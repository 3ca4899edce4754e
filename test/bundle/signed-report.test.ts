import { createPrivateKey, generateKeyPairSync, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { CompactSign } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { issuerRefusal, openReport, signReport } from "../../src/bundle/signed-report.ts";
import { Authority } from "../cli/authority.ts";
import { reportWith } from "../commissioning/report.ts";

let authority: Authority;
let ca: readonly X509Certificate[];
let chain: readonly X509Certificate[];
let key: KeyObject;
beforeAll(() => {
  authority = new Authority();
  ca = [new X509Certificate(readFileSync(authority.at("ca.pem")))];
  const file = authority.sign(authority.request("car", "zrenjanin/zr-117"), "car");
  chain = [new X509Certificate(readFileSync(file))];
  key = createPrivateKey(readFileSync(authority.at("car.key")));
});
afterAll(() => authority[Symbol.dispose]());

const refusal = (words: RegExp) => ({ refused: expect.stringMatching(words) as string });
const otherKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

test("a report is read back as it was signed, with who signed it", async () => {
  const report = reportWith();
  const opened = await openReport(await signReport(report, key, chain));
  expect(opened).toMatchObject({ report, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  expect("refused" in opened ? opened.refused : issuerRefusal(opened, ca)).toBeUndefined();
});

test("a report of which one character was changed is refused, wherever it is", async () => {
  const text = await signReport(reportWith(), key, chain);
  for (let at = 0; at < text.length; at += 7) {
    const changed = `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await openReport(changed), `character ${at}`).toHaveProperty("refused");
  }
});

test("a report that another key signed under the unit's certificate is refused", async () => {
  expect(await openReport(await signReport(reportWith(), otherKey(), chain))).toMatchObject(
    refusal(/another key signed it/),
  );
});

test("a report about another unit than its certificate's is refused", async () => {
  const text = await signReport(reportWith({ unit: "zrenjanin/zr-118" }), key, chain);
  expect(await openReport(text)).toMatchObject(
    refusal(/about zrenjanin\/zr-118, and zrenjanin\/zr-117 has signed it/),
  );
});

test("another kind of signed text, and another algorithm, is no report", async () => {
  const header = { x5c: chain.map(({ raw }) => raw.toString("base64")), kid: "x" };
  const bytes = Buffer.from(JSON.stringify(reportWith()));
  const other = await new CompactSign(bytes)
    .setProtectedHeader({ ...header, alg: "ES256", typ: "JWT" })
    .sign(key);
  const secret = await new CompactSign(bytes)
    .setProtectedHeader({ ...header, alg: "HS256", typ: "patrol-unit-commissioning" })
    .sign(Buffer.alloc(32));
  for (const text of [other, secret, "", "a.b", "x".repeat(300_000)])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await openReport(text)).toHaveProperty("refused");
});

test("a certificate of another CA does not count, nor one that had expired", async () => {
  const opened = await openReport(await signReport(reportWith(), key, chain));
  if ("refused" in opened) throw new Error(opened.refused);
  using stranger = new Authority("a stranger");
  const strange = [new X509Certificate(readFileSync(stranger.at("ca.pem")))];
  expect(issuerRefusal(opened, strange)).toMatch(/not from this CA, but from CN=test ca/);
  const later = { ...opened, report: { ...opened.report, at: "2099-01-01T00:00:00.000Z" } };
  expect(issuerRefusal(later, ca)).toMatch(/was not valid when it was made: it expired/);
  expect(issuerRefusal({ ...later, report: { ...later.report, clock: "unset" } }, ca)).toBeUndefined();
});

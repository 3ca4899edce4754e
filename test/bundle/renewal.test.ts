import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { collect } from "../../src/bundle/collect.ts";
import { openFiles } from "../../src/bundle/files.ts";
import { install } from "../../src/bundle/install.ts";
import { Store } from "../../src/bundle/store.ts";
import { beginGoingBack } from "../../src/bundle/trial.ts";
import { inForce, loadSettings } from "../../src/settings/load.ts";
import { rootAt } from "../../src/settings/root.ts";
import { Authority } from "../cli/authority.ts";
import { CONFIG, keyPair, sealed } from "./signed.ts";

const UNIT = "zrenjanin/zr-117";
const hq = await keyPair("hq");
let ca: Authority;
let dir: string;
beforeAll(() => {
  ca = new Authority();
});
afterAll(() => ca[Symbol.dispose]());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "renewal-"));
  for (const folder of ["trust", "identity"]) mkdirSync(join(dir, folder));
  writeFileSync(join(dir, "trust/hq.pem"), hq.publicPem);
  ca.sign(ca.request("unit", UNIT), "old", { days: 1 });
  writeFileSync(join(dir, "identity/unit.key"), readFileSync(ca.at("unit.key")), { mode: 0o600 });
  writeFileSync(join(dir, "identity/unit.pem"), readFileSync(ca.at("old.pem")));
});
afterEach(() => rmSync(dir, { recursive: true }));

const flash = async (version: number, certificate?: string) => {
  const root = rootAt(dir);
  const files = openFiles(dir);
  const store = new Store(root, files);
  const renewed =
    certificate === undefined ? [] : [{ name: "unit.pem", text: readFileSync(certificate, "utf8") }];
  const bytes = await sealed(hq.key, {
    for: UNIT,
    version,
    files: [{ name: "patrol-unit.yaml", text: CONFIG }, ...renewed],
  });
  const circumstances = { now: undefined, emergency: false, from: "hand", machineBoot: "boot" } as const;
  const outcome = await install(bytes, { root, files, store, ...circumstances, show: () => undefined });
  return { outcome, store };
};
const certificateInUse = () => loadSettings(inForce(rootAt(dir))).settings.dispatch.cert ?? "";
const own = () => readFileSync(join(dir, "identity/unit.pem"), "utf8");

test("a renewed certificate is used on trial, and becomes the unit's own when that is passed", async () => {
  const renewed = ca.sign(ca.at("unit.csr"), "new", { days: 20 });
  await flash(1);
  const before = own();
  const { outcome, store } = await flash(2, renewed);
  expect(outcome.kind).toBe("installed");
  expect(certificateInUse()).toBe(join(dir, "configs/2/unit.pem"));
  expect(own()).toBe(before);
  await store.adoptCertificate(2);
  expect(own()).toBe(readFileSync(renewed, "utf8"));
  await flash(3);
  expect(certificateInUse()).toBe(join(dir, "identity/unit.pem"));
});

test("a renewed certificate with which dispatch is not reached is dropped with its configuration", async () => {
  await flash(1);
  const before = own();
  const { store } = await flash(2, ca.sign(ca.at("unit.csr"), "new"));
  const back = beginGoingBack(await store.disk(), await store.state(), "not reached");
  if (back?.going) await store.goBack(back.going.to, back);
  expect(certificateInUse()).toBe(join(dir, "identity/unit.pem"));
  expect(own()).toBe(before);
});

test("a certificate that was made after that of the configuration is used, also after the trial", async () => {
  const { store } = await flash(1, ca.at("old.pem"));
  expect(certificateInUse()).toBe(join(dir, "configs/1/unit.pem"));
  // openssl dates a certificate by the second.
  await sleep(1_100);
  const later = readFileSync(ca.sign(ca.at("unit.csr"), "later"), "utf8");
  writeFileSync(join(dir, "identity/unit.pem"), later);
  expect(certificateInUse()).toBe(join(dir, "identity/unit.pem"));
  await store.adoptCertificate(1);
  expect(own()).toBe(later);
});

test("a bundle with a certificate of another key is refused", async () => {
  await flash(1);
  const { outcome } = await flash(2, ca.sign(ca.request("other", UNIT), "other"));
  expect(outcome).toMatchObject({
    kind: "refuse",
    code: "invalid",
    says: expect.stringMatching(
      /^unit.pem:1:1: expected the certificate of unit.key, found that of another key/,
    ),
  });
});

test("a certificate goes into a bundle for its unit, and into none for a group", () => {
  const folder = join(dir, "folder");
  mkdirSync(folder);
  writeFileSync(join(folder, "patrol-unit.yaml"), CONFIG);
  writeFileSync(join(folder, "unit.pem"), readFileSync(ca.at("old.pem")));
  expect(collect(folder, UNIT).map(({ name }) => name)).toEqual(["patrol-unit.yaml", "unit.pem"]);
  expect(() => collect(folder, "*")).toThrow(
    "expected no certificate of one car in a bundle for a group, found unit.pem; make a bundle for each unit",
  );
});

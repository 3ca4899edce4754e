import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openFiles } from "../../src/bundle/files.ts";
import { Store } from "../../src/bundle/store.ts";
import { beginTrial, countTime } from "../../src/bundle/trial.ts";
import { findingText } from "../../src/cli/doctor/finding.ts";
import { certificateTime, rootFindings, waitingFindings } from "../../src/cli/doctor/root.ts";
import { inForce, loadSettings } from "../../src/settings/load.ts";
import { rootAt } from "../../src/settings/root.ts";
import { CONFIG, keyPair } from "../bundle/signed.ts";
import { Authority } from "./authority.ts";

const DAY_MS = 86_400_000;
let ca: Authority;
let dir: string;
beforeAll(() => {
  ca = new Authority();
  ca.sign(ca.request("unit", "zrenjanin/zr-117"), "unit", { days: 60 });
});
afterAll(() => ca[Symbol.dispose]());
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "doctor-root-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const install = async (version: number): Promise<void> => {
  const store = new Store(rootAt(dir), openFiles(dir));
  const about = { version, for: "*", signer: "hq", sha256: "" };
  await store.stage([{ name: "patrol-unit.yaml", bytes: Buffer.from(CONFIG) }], about);
  const state = beginTrial(await store.disk(), await store.state(), { version, signer: "hq" }, "boot");
  await store.switchToStaged(version, state, undefined);
};
const lines = async (now?: number): Promise<string[]> => {
  const source = inForce(rootAt(dir), now);
  const findings = await rootFindings(source.root, loadSettings(source).settings, now);
  return findings.map((finding) => findingText(finding).replaceAll(dir, "DIR").split("\n")[0] ?? "");
};

test("a car without a configuration is told that the service waits for one, and how it gets one and an identity", () => {
  const findings = waitingFindings(rootAt(dir)) ?? [];
  expect(findings.map((finding) => findingText(finding).replaceAll(dir, "DIR"))).toEqual([
    "FAIL  config: DIR has no configuration yet: the service waits for one\n" +
      "      → patrol-unit init --root DIR lays it out and finds the devices\n",
    "FAIL  identity: this unit has no certificate yet\n" +
      "      → after that: patrol-unit enrol request --root DIR --out FILE.csr, then enrol install\n",
  ]);
});

test("a car with a configuration does not wait for one", async () => {
  await install(1);
  expect(waitingFindings(rootAt(dir))).toBeUndefined();
});

test("a new root lacks certificate and trusted keys, and says what to do", async () => {
  await install(1);
  expect(await lines()).toEqual([
    "FAIL  identity: this unit has no certificate",
    "FAIL  trust: no key is trusted: no bundle can be installed",
    "warn  bundle: version 1, for *, signed by hq, on trial: dispatch was not reached in 0 s; there is no version to go back to",
  ]);
});

test("an enrolled car shows the days left, the keys, and the version with its way back", async () => {
  const { publicPem } = await keyPair();
  for (const folder of ["identity", "trust"]) mkdirSync(join(dir, folder));
  writeFileSync(join(dir, "trust/hq.pem"), publicPem);
  writeFileSync(join(dir, "identity/unit.key"), readFileSync(ca.at("unit.key")), { mode: 0o600 });
  writeFileSync(join(dir, "identity/unit.pem"), readFileSync(ca.at("unit.pem")));
  await install(1);
  await install(2);
  const store = new Store(rootAt(dir), openFiles(dir));
  await store.writeState(countTime(await store.state(), 42_000));
  expect(await lines(Date.now())).toEqual([
    expect.stringMatching(/^ok {4}identity: the certificate expires on \d{4}-\d\d-\d\d, in 59 days$/),
    "ok    trust: bundles signed by hq are accepted",
    "warn  bundle: version 2, for *, signed by hq, on trial: dispatch was not reached in 42 s; else version 1 returns",
  ]);
  expect((await lines(Date.now() + 40 * DAY_MS))[0]).toMatch(/^warn {2}identity: .*, in 19 days$/);
  expect((await lines(Date.now() + 70 * DAY_MS))[0]).toMatch(/^FAIL {2}identity: the certificate expired on/);
  await store.writeState({ v: 1, failed: [], results: [] });
  expect((await lines())[2]).toBe("ok    bundle: version 2, for *, signed by hq; previous version 1");
});

test("a certificate is judged by the running service's time if this machine does not know it", () => {
  const at = "2026-11-24T08:00:00.000Z";
  expect(certificateTime(undefined, { at, clock: "gnss" })).toBe(Date.parse(at));
  expect(certificateTime(undefined, { at, clock: "unset" })).toBeUndefined();
  expect(certificateTime(undefined, { clock: "gnss" })).toBeUndefined();
  expect(certificateTime(undefined, undefined)).toBeUndefined();
  expect(certificateTime(7, { at, clock: "gnss" })).toBe(7);
});

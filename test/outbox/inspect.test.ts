import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLevel } from "../../src/outbox/level.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeKey } from "../../src/outbox/record.ts";
import { openTestOutbox } from "./open-outbox.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "inspect-"));
  path = join(folder, "outbox");
  await using outbox = await openTestOutbox(path);
  const at = Date.UTC(2026, 10, 24, 8);
  outbox.append({ kind: "event", data: { type: "boot", version: "1", config: "x" }, at, clock: "ntp" });
  for (let i = 0; i < 600; i++) {
    outbox.append({
      kind: "position",
      at: at + i * 1000,
      clock: "gnss",
      data: { lat: 45 + i / 1000, lon: 20, fix: "3d", altM: 80, reason: "interval" },
    });
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Ended = { code: number; stdout: string; stderr: string };
const run = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      ["src/main.ts", "outbox", ...args],
      { maxBuffer: 1 << 26 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
const files = () =>
  readdirSync(path).map((name) => [name, readFileSync(join(path, name)).toString("latin1")]);

test("stats, export and verify look at a stopped unit and leave its files as they are", async () => {
  const before = files();
  const stats = JSON.parse((await run("stats", "--path", path, "--json")).stdout) as object;
  expect(stats).toMatchObject({
    records: 601,
    kinds: { event: 1, position: 600 },
    oldest: "2026-11-24T08:00:00.000Z",
    newest: "2026-11-24T08:09:59.000Z",
    ledger: { boot: 1, pending: 601 },
  });
  const exported = await run("export", "--path", path);
  const reports = exported.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { seq: number });
  expect(reports.map(({ seq }) => seq)).toEqual(Array.from({ length: 601 }, (_, i) => i + 1));
  const gpx = (await run("export", "--path", path, "--format", "gpx")).stdout;
  expect(gpx.match(/<trkpt /g)).toHaveLength(600);
  expect(gpx).toContain(
    '<trkpt lat="45" lon="20"><ele>80</ele><time>2026-11-24T08:00:00.000Z</time></trkpt>',
  );
  expect((await run("verify", "--path", path)).code).toBe(0);
  expect(files()).toEqual(before);
});

test("files of other programs in the folder are not copied: one may be a pipe", async () => {
  execFileSync("mkfifo", [join(path, "other.log")]);
  expect((await run("verify", "--path", path)).code).toBe(0);
});

test("a store from a wreck: what is damaged is passed over and counted, the rest is had", async () => {
  const store = await openLevel(path, false);
  const key = encodeKey("telemetry", 300);
  const value = await store.get(key);
  value[20]! ^= 0xff;
  await store.put(key, value);
  await store.close();
  rmSync(join(path, "CURRENT"));
  const verify = await run("verify", "--path", path, "--json");
  expect(verify.code).toBe(1);
  expect(JSON.parse(verify.stdout)).toMatchObject({ records: 600, damaged: { telemetry: 1 } });
  const exported = await run("export", "--path", path);
  expect(exported.stdout.trim().split("\n")).toHaveLength(600);
  expect(JSON.parse(exported.stderr)).toEqual({
    damaged: { emergency: 0, event: 0, telemetry: 1 },
    missing: 0,
    leased: 0,
    openEpisodes: [],
    news: [`${path} was damaged: what could be read was saved`],
  });
});

test("people get sentences, not JSON", async () => {
  const stats = await run("stats", "--path", path);
  expect(stats.stdout).not.toMatch(/[{[]/);
  expect(stats.stdout).toContain("waiting       601 reports (1 event, 600 position)\n");
  expect(stats.stdout).toContain("emergencies   none open\n");
  const verify = await run("verify", "--path", path);
  expect(verify.stdout).toMatch(/every number is accounted for, no damage\n$/);
  expect(verify.stderr).toBe("");
});

test("verify beside a running service says to stop it, and calls no number missing", async () => {
  await using outbox = await openTestOutbox(path);
  await outbox.flush();
  const verify = await run("verify", "--path", path);
  expect([verify.code, verify.stderr]).toEqual([
    1,
    "a service runs on this outbox and writes to it, so numbers cannot be verified: stop the service and run `outbox verify` again\n",
  ]);
});

test("verify of the outbox of a killed service says that there is nothing to do", async () => {
  const left = join(folder, "left");
  {
    await using outbox = await openTestOutbox(path);
    await outbox.flush();
    // What is on disk at this moment is what a kill leaves.
    cpSync(path, left, { recursive: true });
    cpSync(`${path}.vital`, `${left}.vital`);
  }
  const verify = await run("verify", "--path", left);
  expect(verify.code).toBe(0);
  expect(verify.stderr).toMatch(
    /^[\d,]+ numbers were reserved by a service that was killed\. .*nothing to do/,
  );
  expect(verify.stdout).toMatch(/every other number is accounted for, no damage\n$/);
});

test("wrong usage, and what is no outbox, say so", async () => {
  expect((await run()).code).toBe(64);
  expect((await run("stats")).stderr).toContain("expected --config FILE, --root DIR or --path FOLDER");
  expect((await run("export", "--path", path, "--format", "csv")).code).toBe(64);
  const none = await run("stats", "--path", join(folder, "nothing"));
  expect([none.code, none.stderr]).toEqual([
    74,
    `${folder}/nothing is not there: give --path the folder that outbox.path of the unit names\n`,
  ]);
  writeFileSync(join(folder, "file"), "no store");
  expect((await run("stats", "--path", join(folder, "file"))).code).toBe(74);
});

test("a link among the files of an outbox is not followed: what it names stays as it is", async () => {
  const precious = join(folder, "precious");
  writeFileSync(precious, "precious");
  const newest = Math.max(...readdirSync(path).map((name) => Number(/\d{6}/.exec(name)?.[0] ?? 0)));
  for (let n = newest + 1; n <= newest + 20; n++)
    for (const name of [`${String(n).padStart(6, "0")}.log`, `MANIFEST-${String(n).padStart(6, "0")}`])
      symlinkSync(precious, join(path, name));
  await run("stats", "--path", path);
  expect(readFileSync(precious, "utf8")).toBe("precious");
});

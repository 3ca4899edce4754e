import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tryDisk } from "../../src/cli/doctor/disk.ts";
import { openDisk, probe } from "../../src/outbox/disk.ts";
import { DiskError } from "../../src/outbox/port.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "probe-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const everything = (): string[] => readdirSync(folder, { recursive: true }).map(String).toSorted();

test("a probe of an outbox that is not there writes to the nearest folder, and leaves nothing behind", async () => {
  expect(await probe(join(folder, "patrol-unit", "outbox"))).toBe(folder);
  expect(everything()).toEqual([]);
});

test("a probe of an outbox that is there leaves it as it was", async () => {
  const path = join(folder, "outbox");
  mkdirSync(path);
  writeFileSync(join(path, "CURRENT"), "x");
  expect(await probe(path)).toBe(path);
  expect(everything()).toEqual(["outbox", "outbox/CURRENT"]);
});

test("a probe touches no file of others", async () => {
  writeFileSync(join(folder, "probe"), "theirs");
  await probe(join(folder, "outbox"));
  expect(everything()).toEqual(["probe"]);
});

test("a probe never writes through a link, which the service's user may have made while root looks", async () => {
  writeFileSync(join(folder, "passwd"), "root");
  symlinkSync(join(folder, "passwd"), join(folder, ".patrol-unit-probe"));
  await probe(folder);
  expect(readFileSync(join(folder, "passwd"), "utf8")).toBe("root");
  expect(everything()).toEqual(["passwd"]);
});

test("a probe fails if the nearest folder takes no file", async () => {
  await expect(probe("/proc/patrol-unit/outbox")).rejects.toBeInstanceOf(DiskError);
});

test("doctor's test of the disk makes no folder: the service's user could not write to one of root's", async () => {
  const findings = await tryDisk(join(folder, "patrol-unit", "outbox"), undefined);
  expect(findings.find(({ part }) => part === "disk")?.says).toMatch(/^\d+ MiB free, /);
  expect(everything()).toEqual([]);
});

test("opening the store makes the folders of its path", async () => {
  const path = join(folder, "patrol-unit", "outbox");
  const store = await openDisk(path).openStore("as-is");
  await store.close();
  expect(everything()).toContain("patrol-unit/outbox/CURRENT");
});

import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { canMount, mountSmallDisk } from "../journeys/small-disk.ts";
import { CONFIG, keyPair, sealed } from "../bundle/signed.ts";

/** A command that is given a pipe as a file, or a disk that cannot be written, ends at once and names the file. */

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), "unusual-"))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const at = (name: string): string => join(dir, name);
const pipe = (name: string): void => void execFileSync("mkfifo", [at(name)]);

/** A command as a process, which is killed if it waits. */
const run = (...args: string[]): Promise<{ exit: unknown; error: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, ["src/main.ts", ...args], { timeout: 20_000 }, (error, _, stderr) =>
      resolve({ exit: error ? (error.code ?? error.signal) : 0, error: stderr.trimEnd() }),
    );
  });

const layOut = async (): Promise<void> => {
  const hq = await keyPair("hq");
  for (const folder of ["trust", "identity", "configs/1"]) mkdirSync(at(folder), { recursive: true });
  writeFileSync(at("trust/hq.pem"), hq.publicPem);
  writeFileSync(at("configs/1/patrol-unit.yaml"), CONFIG);
  symlinkSync("configs/1", at("current"));
  const files = [{ name: "patrol-unit.yaml", text: `${CONFIG}report: { movingS: 7 }\n` }];
  writeFileSync(at("car.patrol"), await sealed(hq.key, { version: 2, files }));
};
const install = () => run("flash", "config", at("car.patrol"), "--root", dir);

describe("a pipe in place of", () => {
  test("local.yaml is refused by each command that reads it", async () => {
    await layOut();
    pipe("local.yaml");
    const refused = {
      exit: 74,
      error: `${at("local.yaml")}: it is a pipe or a device, and a file is expected`,
    };
    expect(await install()).toEqual(refused);
    expect(await run("flash", "back", "--root", dir)).toEqual(refused);
    expect(await run("enrol", "request", "--root", dir, "--out", at("x.csr"))).toEqual(refused);
    expect((await run("check", "--root", dir)).error).toContain(
      "local.yaml:1:1: expected a configuration file",
    );
  }, 60_000);

  test("a trusted key, a bundle, the unit's key or a database is refused", async () => {
    await layOut();
    rmSync(at("trust/hq.pem"));
    pipe("trust/hq.pem");
    expect(await install()).toMatchObject({
      exit: 1,
      error: expect.stringContaining("it is a pipe or a device"),
    });
    writeFileSync(at("local.yaml"), "unit: { directorate: zrenjanin, id: zr-117 }\n");
    pipe("identity/unit.key");
    expect(await run("enrol", "request", "--root", dir, "--out", at("x.csr"))).toEqual({
      exit: 74,
      error: `${at("identity/unit.key")}: it is a pipe or a device, and a file is expected`,
    });
    pipe("bus.dbc");
    const decoding = await run("decode", "--can", at("car.patrol"), "--database", at("bus.dbc"));
    expect(decoding).toEqual({
      exit: 74,
      error: `${at("bus.dbc")} cannot be read: it is not a regular file`,
    });
    pipe("pipe.patrol");
    expect(await run("flash", "config", at("pipe.patrol"), "--root", dir)).toMatchObject({ exit: 74 });
  }, 60_000);
});

const init = (root: string) => {
  const unit = ["--unit", "zrenjanin/zr-117", "--brokers", "mqtts://dispatch:8883"];
  const devices = ["--gps", "/dev/ttyACM0", "--panic", "none", "--devices", at("none")];
  return run("init", "--root", root, ...unit, ...devices);
};

test.each(["/proc/patrol-unit", "/dev/null/patrol-unit"])("a root at %s ends at once", async (root) => {
  const { exit, error } = await init(root);
  expect(exit).toBe(74);
  expect(error).toMatch(new RegExp(`^${root} cannot be made or written: .+; choose another folder`));
});

describe.runIf(canMount)("a disk", () => {
  test("that is read-only is named by init before it looks for devices, and leaves nothing behind", async () => {
    using disk = mountSmallDisk();
    const root = join(disk.path, "a/b");
    disk.remount("ro");
    const { exit, error } = await init(root);
    expect({ exit, error }).toEqual({
      exit: 74,
      error: `${root} cannot be made or written: the disk is read-only; choose another folder for the root, or try again with sudo`,
    });
    disk.remount("rw");
    expect(readdirSync(disk.path)).toEqual([]);
  }, 60_000);

  test("that is full is named with the file, and no file is left that is cut short", async () => {
    using disk = mountSmallDisk();
    const root = join(disk.path, "root");
    expect(await init(root)).toEqual({ exit: 0, error: "" });
    disk.fill();
    const key = join(root, "identity/unit.key.new");
    expect(await run("enrol", "request", "--root", root, "--out", at("x.csr"))).toEqual({
      exit: 74,
      error: `${key}: the disk is full: make room, and try again`,
    });
    const out = join(disk.path, "hq.pem");
    expect(await run("bundle", "keygen", "--out", out)).toEqual({
      exit: 74,
      error: `${out} cannot be written: the disk is full`,
    });
    expect(existsSync(out)).toBe(false);
    disk.free();
    expect(await run("enrol", "request", "--root", root, "--out", at("x.csr"))).toEqual({
      exit: 0,
      error: "",
    });
  }, 60_000);
});

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

/** systemd/install-release.sh with a program that stands for `patrol-unit`. */
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "install-release-"));
  for (const name of ["tray/ready", "answer"]) mkdirSync(join(dir, name), { recursive: true });
  writeFileSync(join(dir, "tray/ready/release"), "x");
  writeFileSync(join(dir, "answer/result"), "of an earlier one");
});
afterEach(() => rmSync(dir, { recursive: true }));

/** What the service reads when `ready` is gone. */
const run = async (script: string): Promise<string | undefined> => {
  const program = join(dir, "patrol-unit");
  writeFileSync(program, `#!/bin/sh\necho "$*" >> ${dir}/asked\n${script}\n`, { mode: 0o755 });
  await promisify(execFile)(
    resolve("systemd/install-release.sh"),
    [join(dir, "tray"), "/root-of-car", join(dir, "answer")],
    { env: { ...process.env, INSTALL_PATROL_UNIT: program } },
  );
  expect(existsSync(join(dir, "tray/ready"))).toBe(false);
  const result = join(dir, "answer/result");
  return existsSync(result) ? readFileSync(result, "utf8") : undefined;
};

test("a release is installed as by hand, and the service can read the answer", async () => {
  expect(await run(`echo '{"ok":true}'`)).toBe('{"ok":true}\n');
  expect(readFileSync(join(dir, "asked"), "utf8")).toBe(
    `flash release ${dir}/tray/ready/release --root /root-of-car --unattended --json\n`,
  );
  expect(statSync(join(dir, "answer/result")).mode & 0o777).toBe(0o644);
});

test("a refusal is answered too, and the package stays: it may be taken later", async () => {
  writeFileSync(join(dir, "tray/ready/some.deb"), "package");
  expect(await run(`echo '{"ok":false,"code":"trial"}'; exit 1`)).toBe('{"ok":false,"code":"trial"}\n');
  expect(readFileSync(join(dir, "tray/next/some.deb"), "utf8")).toBe("package");
});

test("what is in the way of that is left alone", async () => {
  mkdirSync(join(dir, "tray/next/other"), { recursive: true });
  expect(await run("exit 1")).toBeUndefined();
  expect(existsSync(join(dir, "tray/next/other"))).toBe(true);
});

test("one that cannot be installed now has no answer", async () => {
  expect(await run("echo 'another patrol-unit is changing it' >&2; exit 1")).toBeUndefined();
});

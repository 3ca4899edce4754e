import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("systemd-analyze accepts the oneshot for a stick", async () => {
  const unit = join(mkdtempSync(join(tmpdir(), "unit-")), "patrol-unit-stick@.service");
  // The script is not installed here.
  const text = readFileSync("systemd/patrol-unit-stick@.service", "utf8");
  writeFileSync(unit, text.replaceAll("/opt/patrol-unit/current/stick.sh", resolve("systemd/stick.sh")));
  const { stdout, stderr } = await promisify(execFile)("systemd-analyze", ["verify", "--man=no", unit]);
  expect(stdout + stderr).toBe("");
});

test("systemd-analyze accepts the service", async () => {
  // The check wants the program to be there; what is not installed here stands in for it.
  const unit = join(mkdtempSync(join(tmpdir(), "unit-")), "patrol-unit.service");
  const text = readFileSync("systemd/patrol-unit.service", "utf8");
  writeFileSync(unit, text.replaceAll("/opt/patrol-unit/current/bin/node", process.execPath));
  const { stdout, stderr } = await promisify(execFile)("systemd-analyze", ["verify", "--man=no", unit]);
  expect(stdout + stderr).toBe("");
});

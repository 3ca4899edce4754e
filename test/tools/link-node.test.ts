import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let checkout: string;
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), "link-node-"));
  cpSync("src/tools/link-node.sh", join(checkout, "src/tools/link-node.sh"));
});
afterEach(() => rmSync(checkout, { recursive: true, force: true }));

/** Runs the script in the checkout, on a machine whose own Node is too old. */
const link = () => {
  const bin = join(checkout, "bin");
  mkdirSync(bin);
  spawnSync("/bin/sh", ["-c", `printf '#!/bin/sh\necho v20.0.0\n' > ${bin}/node && chmod 755 ${bin}/node`]);
  return spawnSync("/bin/sh", [join(checkout, "src/tools/link-node.sh")], {
    env: { PATH: `${bin}:/usr/bin:/bin` },
    encoding: "utf8",
  });
};

test("before the installation a script says that npm ci comes first", () => {
  expect(link()).toMatchObject({
    status: 1,
    stdout: "",
    stderr: "patrol-unit: there is no node_modules: run npm ci first\n",
  });
});

test("an installation without a runtime for this processor says how to get one", () => {
  mkdirSync(join(checkout, "node_modules"));
  const { status, stderr } = link();
  expect(status).toBe(1);
  expect(stderr).toMatch(/^patrol-unit: no Node 24 was installed: run npm ci --include=optional/);
});

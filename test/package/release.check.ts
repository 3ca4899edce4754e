import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { PACKAGES } from "./packages.ts";

describe.each(PACKAGES)("%s", (name) => {
  const file = join("dist", name);

  test("is at most 30 MiB", () => {
    expect(statSync(file).size).toBeLessThanOrEqual(30 * 1024 * 1024);
  });

  test.skipIf(!existsSync("/usr/bin/lintian"))(
    "has no error or warning of lintian that is not explained",
    async () => {
      const args = ["--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0", file];
      const { stdout } = await promisify(execFile)("lintian", args);
      expect(stdout).toBe("");
    },
  );
});

import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { PACKAGES } from "./packages.ts";

describe.each(PACKAGES)("%s", (name) => {
  const file = join("dist", name);

  test("is at most 30 MiB", () => {
    expect(statSync(file).size).toBeLessThanOrEqual(30 * 1024 * 1024);
  });

  test("has only programs of its architecture", () => {
    const folder = mkdtempSync(join(tmpdir(), "release-"));
    execFileSync("dpkg-deb", ["--extract", file, folder]);
    const programs = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
      (path) => path.endsWith(".node") || path.endsWith("/bin/node"),
    );
    const machines = programs.map((path) => {
      const header = execFileSync("readelf", ["--file-header", join(folder, path)], { encoding: "utf8" });
      return /Machine: +(.*)/.exec(header)?.[1];
    });
    rmSync(folder, { recursive: true });
    expect(machines.length).toBeGreaterThan(2);
    expect(new Set(machines)).toEqual(
      new Set([name.includes("arm64") ? "AArch64" : "Advanced Micro Devices X86-64"]),
    );
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
